"""Judges manifests batch by batch, by several processes where there are many; what was judged isn't kept."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import re2

from tenantry.check.manner import Manner
from tenantry.check.reading.assumed import UNNAMED, assume_namespaces
from tenantry.check.reading.gather import UnforeseenError
from tenantry.check.report import Looked, Result, Summary
from tenantry.check.results import name_object, tell_finding, tell_unpinned
from tenantry.contract.model import Baseline
from tenantry.contract.reading.schema import API_VERSION, is_of_our_group
from tenantry.policy import Judgement, Placed, Verdict
from tenantry.policy.admission.judge import Judge
from tenantry.policy.documents.model import Binding, Manifest, Policy
from tenantry.policy.objects.cluster import ASKED_KINDS, read_metadata
from tenantry.policy.objects.prepare import prepare_request
from tenantry.policy.policies import PolicySet
from tenantry.policy.reading.manifests import Unread
from tenantry.problems import InputError
from tenantry.render.naming import BASELINE_NOTE

_FIX = "change the object as the policy asks"
# Of one batch a process can tell soon, and yet hardly any of its time goes into telling.
_BATCH = 200


class Heard(NamedTuple):
    """What was found of some manifests, the sum, and all that was looked at."""

    results: list[Result]
    summary: Summary
    looked: list[Looked]


_Batch = Sequence[Placed | Unread]
_HeardAndMade = tuple[Heard, dict[str, Any]]


class Batcher:
    """Judges one batch after another, in a process of its own if need be."""

    def __init__(self, judge: Judge, policies: PolicySet, baseline: Baseline, *, explain: bool, unknown: bool) -> None:
        self._judge, self._baseline, self._explain, self._unknown = judge, baseline, explain, unknown
        self.policies = policies
        self._cluster = policies.cluster
        self._asked = find_asked(policies)
        self._described = {name for _, name in self._cluster.documents.get(("v1", "Namespace"), {})}
        self._baselines = {name for _, name in self._cluster.documents.get((API_VERSION, "Baseline"), {})}
        self._fixes = {one.policy.name: one.policy.fix or _FIX for one in policies.policies}

    def hear(self, items: Iterable[Placed | Unread]) -> Heard:
        """Judge a batch.

        Raises:
            UnforeseenError: A document among them isn't what it was taken for.
        """
        placed = [one for item in items for one in ([item] if isinstance(item, Placed) else self._read(item))]
        self._assume(one.manifest for one in placed)
        results: list[Result] = []
        looked: list[Looked] = []
        counts = dict.fromkeys(Verdict, 0)
        for one in placed:
            verdict, about = self._hear_one(one, results)
            counts[verdict] += 1
            looked.append(about)
        allow, warn, undecidable, deny = (counts[verdict] for verdict in Verdict)
        return Heard(results, Summary(len(placed), allow, warn, deny, undecidable), looked)

    def _read(self, unread: Unread) -> list[Placed]:
        try:
            found = list(unread.read())
        except InputError as error:
            raise UnforeseenError from error
        for one in found:
            kind = (one.manifest["apiVersion"], one.manifest["kind"])
            if kind in self._asked or is_of_our_group(kind[0]):
                raise UnforeseenError
        return found

    def _assume(self, manifests: Iterable[Manifest]) -> None:
        """Take namespaces that nobody describes for a tenant's."""
        named = {str(read_metadata(one).get("namespace") or UNNAMED) for one in manifests} - self._described
        if named:
            self._cluster.assume(assume_namespaces(named, self._baseline))
            self._described |= named

    def _hear_one(self, one: Placed, results: list[Result]) -> tuple[Verdict, Looked]:
        """Judge one object, and add what was found of it."""
        prepared = prepare_request(
            one.manifest, self._cluster, namespace=UNNAMED, source=one.source, unknown=self._unknown
        )
        judgement = self._judge.judge(prepared)
        missing = _missing_baseline(one.manifest, self._baselines)
        passed = () if missing else _passed(judgement)
        about = Looked(name_object(judgement.object), one.source.file, one.source.line, judgement.judged, passed)
        if missing:
            results.append(tell_unpinned(about, missing))
        for finding in judgement.findings:
            if finding.verdict is not Verdict.ALLOW:
                tells = self._explain and finding.verdict is not Verdict.UNDECIDABLE and not finding.waiver
                clues = self._judge.explain(prepared, finding) if tells else []
                results.append(tell_finding(about, finding, self._fixes.get(finding.policy, _FIX), clues))
        verdict = judgement.verdict
        return (Verdict.UNDECIDABLE if missing and verdict is not Verdict.DENY else verdict), about


def _passed(judgement: Judgement) -> tuple[str, ...]:
    """Name the policies that found nothing to say; one that only records what it found has found it."""
    found = {finding.policy for finding in judgement.findings}
    return tuple(name for name in judgement.judged if name not in found) if found else judgement.judged


def _missing_baseline(manifest: Manifest, known: Collection[str]) -> str:
    """Give the baseline that an object of tenantry's is pinned to, where nobody gave it: its figures aren't known."""
    if not is_of_our_group(str(manifest["apiVersion"])):
        return ""
    annotations = read_metadata(manifest).get("annotations")
    pinned = str(annotations.get(BASELINE_NOTE) or "") if isinstance(annotations, dict) else ""
    return "" if pinned in known else pinned


def find_asked(policies: PolicySet) -> frozenset[tuple[str, str]]:
    """The kinds whose documents judging by policies asks for, as apiVersion and kind."""
    kinds = (one.policy.param_kind for one in policies.policies)
    return ASKED_KINDS | {(kind.api_version, kind.kind) for kind in kinds if kind}


def read_asked(items: Iterable[Placed | Unread], policies: PolicySet) -> Iterator[Placed | Unread]:
    """Read the documents that look as if judging others asked for them.

    Raises:
        UnforeseenError: One of them can't be read, or policies ask for more than the namespace of an object.
    """
    pattern = None
    for item in items:
        if isinstance(item, Placed):
            yield item
            continue
        pattern = pattern or _describe_asked(policies)
        if not pattern.search(item.text):
            yield item
            continue
        try:
            yield from item.read()
        except InputError as error:
            raise UnforeseenError from error


def _describe_asked(policies: PolicySet) -> "re2._Regexp[str]":
    """What a document's text has that judging others may ask for: its kind where kinds stand, or lists and JSON."""
    if any(_looks_around(one.policy, one.bindings) for one in policies.policies):
        raise UnforeseenError
    kinds = "|".join(sorted({kind for _, kind in find_asked(policies)}))
    return re2.compile(rf"(?m)^[\"']?kind[\"']?[ ]*:[ ]*[\"']?(?:{kinds}|\w*List)\b|\A\s*[{{\[]")


def _looks_around(policy: Policy, bindings: Iterable[Binding]) -> bool:
    """Whether parameters come from elsewhere than an object's own namespace: then all have to be known before."""
    kind = policy.param_kind
    references = [one.param_ref for one in bindings if one.param_ref]
    return kind is not None and (kind.kind == "Namespace" or any(one.namespace for one in references))


def hear_all(batcher: Batcher, items: Sequence[Placed | Unread], manner: Manner) -> Heard:
    """Judge all batches, in the order of the items.

    Raises:
        UnforeseenError: A document among them isn't what it was taken for, or a process ended early.
    """
    if manner.processes == 1 and not any(isinstance(one, Unread) for one in items):
        return batcher.hear(items)
    batches = [items[place : place + _BATCH] for place in range(0, len(items), _BATCH)]
    heard: dict[int, Heard] = {}
    kept = batcher.policies.kept

    def hear(batch: _Batch) -> _HeardAndMade:
        return batcher.hear(batch), kept.take() if kept is not None else {}

    for place, (one, made) in _hear_each(hear, batches, min(manner.processes, len(batches))):
        heard[place] = one
        if kept is not None:
            kept.merge(made)
        if len(batches) > 1:
            manner.progress(one.summary.objects)
    ordered = [heard[place] for place in range(len(batches))]
    return Heard(
        [result for one in ordered for result in one.results],
        sum((one.summary for one in ordered), Summary()),
        [looked for one in ordered for looked in one.looked],
    )


def _hear_each(
    hear: Callable[[_Batch], _HeardAndMade], batches: Sequence[_Batch], processes: int
) -> Iterator[tuple[int, _HeardAndMade]]:
    """Give what was found of each batch, with its place among them."""
    if processes <= 1:
        yield from enumerate(map(hear, batches))
        return
    # Imported here: most checks have one batch, and don't wait for what starts processes.
    from tenantry.check.sharing import WorkerError, share

    try:
        yield from share(hear, batches, processes)
    except WorkerError as error:
        raise UnforeseenError from error
