"""The families `cases`, those of the engine's own tests, and `baseline`, those of the workload policies."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from apiserver import ApiServer, Manifest
from baseline import around_case, policy_of, show
from casework import ADMINISTRATOR, NAMES, load_case
from place import ABOUT, SERVED, Place, tenant_namespace

from parity.outcome import Outcome, compare_safely
from parity.said import compare_said
from tenantry.policy.admission.judge import Judge
from tenantry.policy.objects.prepare import prepare_request


class Cases:
    """Cases of matching, conditions, messages, parameters and the like; nothing else may be in force."""

    strategy = None

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def list_examples(self, count: int, seed: int) -> list[str]:
        return NAMES

    def compare(self, examples: Sequence[str]) -> Iterator[Outcome]:
        return (compare_safely(self._compare, example) for example in examples)

    def show(self, example: str) -> str:
        return example

    def _compare(self, name: str) -> Outcome:
        """The requests of one case: the first that isn't alike decides."""
        case = load_case(name)
        ours = [(prepared, judgement) for _, prepared, judgement in case.judge()]
        theirs = [answer for _, answer in case.ask(self.server)]
        outcomes = [compare_said(answer, *said) for answer, said in zip(theirs, ours, strict=True)]
        return next((one for one in outcomes if not one.agrees), outcomes[0])


class Baseline:
    """Cases of the workload policies, each in a tenant's namespace."""

    strategy = None

    def __init__(self, place: Place, baseline: list[Manifest]) -> None:
        self.place, self.baseline = place, baseline
        self.judge = Judge(place.policies.policies, place.policies.cluster)

    def list_examples(self, count: int, seed: int) -> list[Path]:
        return SERVED

    def compare(self, examples: Sequence[Path]) -> Iterator[Outcome]:
        return (compare_safely(self._compare, example) for example in examples)

    def show(self, example: Path) -> str:
        return show(example)

    def _compare(self, case: Path) -> Outcome:
        if policy_of(case) not in ABOUT and not around_case(case, "")[0]:
            return _compare_in(self.place, self.judge, case)
        with tenant_namespace(self.place.server, self.baseline, case) as place:
            return _compare_in(place, Judge(place.policies.policies, place.policies.cluster), case)


def _compare_in(place: Place, judge: Judge, case: Path) -> Outcome:
    manifest = place.placed(around_case(case, place.name)[1].manifest)
    answer = place.server.try_create(manifest)
    if answer.status == 409:
        answer = place.server.try_update(manifest)
    prepared = prepare_request(manifest, place.policies.cluster, subject=ADMINISTRATOR)
    return compare_said(answer, prepared, judge.judge(prepared))
