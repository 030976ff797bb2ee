"""The family `cases`: those of the workload policies, and those of the engine's own tests."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from apiserver import ApiServer, Manifest
from baseline import around_case, policy_of, show
from casework import NAMES, load_case
from place import ABOUT, SERVED, Place, tenant_namespace

from parity.outcome import AGREED, Outcome
from parity.said import compare_said
from tenantry.policy.admission.judge import Judge
from tenantry.policy.objects.prepare import prepare_request

Example = str | Path


class Cases:
    """Cases in files."""

    strategy = None

    def __init__(self, server: ApiServer, place: Place, baseline: list[Manifest]) -> None:
        self.server, self.place, self.baseline = server, place, baseline

    def list_examples(self, count: int, seed: int) -> list[Example]:
        return [*NAMES, *SERVED]

    def compare(self, examples: Sequence[Example]) -> Iterator[Outcome]:
        for example in examples:
            yield self._compare_file(example) if isinstance(example, Path) else self._compare_case(example)

    def show(self, example: Example) -> str:
        return example if isinstance(example, str) else show(example)

    def _compare_case(self, name: str) -> Outcome:
        """The requests of one case: the first that isn't alike decides."""
        case = load_case(name)
        ours = [(prepared, judgement) for _, prepared, judgement in case.judge()]
        outcomes = [compare_said(answer, *said) for (_, answer), said in zip(case.ask(self.server), ours, strict=True)]
        return next((one for one in outcomes if one is not AGREED), AGREED)

    def _compare_file(self, case: Path) -> Outcome:
        if policy_of(case) in ABOUT or around_case(case, "")[0]:
            with tenant_namespace(self.server, self.baseline, case) as place:
                return _compare_in(place, case)
        return _compare_in(self.place, case)


def _compare_in(place: Place, case: Path) -> Outcome:
    manifest = place.placed(around_case(case, place.name)[1].manifest)
    answer = place.server.try_create(manifest)
    if answer.status == 409:
        answer = place.server.try_update(manifest)
    prepared = prepare_request(manifest, place.policies.cluster)
    judgement = Judge(place.policies.policies, place.policies.cluster).judge(prepared)
    return compare_said(answer, prepared, judgement)
