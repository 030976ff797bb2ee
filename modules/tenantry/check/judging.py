"""Judges manifests by the baseline's policies, as a tenant's namespace would have them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

from tenantry.check.reading.assumed import UNNAMED, assume_namespaces
from tenantry.check.report import NOBODY, Looked, Result, Summary
from tenantry.contract.model import Baseline, Waiver
from tenantry.contract.reading.schema import API_VERSION, is_of_our_group
from tenantry.data import baseline_file, policy_dir
from tenantry.paths import cache_dir
from tenantry.policy import Finding, Judgement, ObjectName, Placed, Verdict, build_policies, read_paths
from tenantry.policy.admission.judge import Judge
from tenantry.policy.admission.kept import KeptPrograms
from tenantry.policy.cel.engine import Failure
from tenantry.policy.cel.library.marks import find_mark
from tenantry.policy.documents.model import Manifest, Policy
from tenantry.policy.objects.cluster import build_cluster, read_metadata
from tenantry.policy.objects.prepare import prepare_request
from tenantry.policy.policies import PolicySet, is_policy_document
from tenantry.problems import InputError, Problem, problem
from tenantry.render.naming import BASELINE_NOTE

if TYPE_CHECKING:
    from tenantry.policy.admission.explain import Clue

CODES = {Verdict.DENY: "TEN-610", Verdict.WARN: "TEN-611", Verdict.UNDECIDABLE: "TEN-612", Verdict.ALLOW: "TEN-620"}
"""The codes of what policies say, an allow being of a waiver; docs/codes.md tells what each means."""
_FIX = "change the object as the policy asks"
_MOST_SHOWN = 80


def load_baseline_policies(folder: Path | None, context: Iterable[Manifest]) -> PolicySet:
    """Read the policies of a folder, by default those that ship with this version. Raises InputError.

    A baseline's folder has `<layer>/<policy>/policy.yaml`, beside cases that are nobody's; of any other all is read.
    """
    there = folder or policy_dir()
    files = _policy_files(there)
    kept = KeptPrograms(cache_dir() / "policies.json", files) if folder is None else None
    documents = kept.find_documents() if kept is not None else None
    if documents is None:
        documents = list(read_paths(files))
        if kept is not None:
            kept.add_documents(documents)
    found = build_policies(documents, context, kept=kept)
    if not found.policies:
        what = f"there is no policy in {there}, so that everything would pass"
        raise InputError(problem("TEN-615", what, "name a folder with ValidatingAdmissionPolicies"))
    return found


def read_policy_documents(folder: Path | None) -> list[Placed]:
    """Read the policies of a folder with their bindings, and what else is written beside them. Raises InputError."""
    return list(read_paths(_policy_files(folder or policy_dir())))


def _policy_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*/policy.yaml")) or [folder]


class Judged(NamedTuple):
    """What is wrong with manifests, the sum, all that was looked at, and the policies that judged, by name."""

    results: list[Result]
    summary: Summary
    looked: list[Looked]
    policies: dict[str, Policy]


def judge_manifests(
    placed: Sequence[Placed],
    context: Sequence[Manifest],
    baseline: Baseline,
    policies: Path | PolicySet | None,
    waivers: Sequence[Waiver] = (),
    *,
    explain: bool,
    marked: bool = False,
    traced: bool = False,
) -> Judged:
    """Judge every manifest.

    Manifests are context for each other: a Namespace, a LimitRange or a parameter among them counts. A namespace that
    nobody describes, or that a manifest doesn't name, is taken for a tenant's, for that is where it is to go. `waivers`
    are those in force; what they excuse is told, and weighs nothing. With `explain`, a finding has the part of the
    expression that failed, which takes longer than to find it. `policies` is a folder, or what was read of one before;
    `marked` says that values may be unknown, and marked so. With `traced`, each object is told with the policies
    that were evaluated for it, which takes up to a tenth longer.
    """
    manifests = [one.manifest for one in placed]
    known = [*context, *(one for one in manifests if not is_policy_document(one))]
    assumed = assume_namespaces(_undescribed(manifests, known), baseline)
    # Of two documents with the same name the later holds: none takes the place of the baseline that ships.
    chosen = _among(policies, [*assumed, *known, *_shipped_baseline(manifests)])
    baselines = {name for _, name in chosen.cluster.documents.get((API_VERSION, "Baseline"), {})}
    judge = Judge(chosen.policies, chosen.cluster, waivers=waivers, traced=traced)
    fixes = {one.policy.name: one.policy.fix or _FIX for one in chosen.policies}
    # Also what isn't known of a parameter or a LimitRange can decide about an object that is itself known.
    unknown = marked and any(find_mark(one) for one in known)
    results = [_noted(note) for note in chosen.notes]
    counts = dict.fromkeys(Verdict, 0)
    looked: list[Looked] = []
    for one in placed:
        prepared = prepare_request(one.manifest, chosen.cluster, namespace=UNNAMED, source=one.source, unknown=unknown)
        judgement = judge.judge(prepared)
        missing = _missing_baseline(one.manifest, baselines)
        passed = () if missing else _passed(judgement)
        looked.append(Looked(_name(judgement.object), one.source.file, one.source.line, judgement.judged, passed))
        verdict = judgement.verdict if judgement.verdict is Verdict.DENY or not missing else Verdict.UNDECIDABLE
        counts[verdict] += 1
        if missing:
            results.append(_unpinned(looked[-1], missing))
        for finding in judgement.findings:
            if finding.verdict is not Verdict.ALLOW:
                tells = explain and finding.verdict is not Verdict.UNDECIDABLE and not finding.waiver
                clues = judge.explain(prepared, finding) if tells else []
                results.append(_result(looked[-1], finding, fixes.get(finding.policy, _FIX), clues))
    chosen.keep()
    allow, warn, undecidable, deny = (counts[verdict] for verdict in Verdict)
    by_name = {one.policy.name: one.policy for one in chosen.policies if one.bindings}
    return Judged(results, Summary(len(placed), allow, warn, deny, undecidable), looked, by_name)


def _passed(judgement: Judgement) -> tuple[str, ...]:
    """Name the policies that found nothing to say; one that only records what it found has found it."""
    found = {finding.policy for finding in judgement.findings}
    return tuple(name for name in judgement.judged if name not in found) if found else judgement.judged


def _among(policies: Path | PolicySet | None, context: Iterable[Manifest]) -> PolicySet:
    """Give policies with the documents that they refer to; those that were read before keep what was compiled."""
    if isinstance(policies, PolicySet):
        return replace(policies, cluster=build_cluster(context))
    return load_baseline_policies(policies, context)


def _name(shown: ObjectName) -> ObjectName:
    """Name an object as its manifest does."""
    return replace(shown, namespace="") if shown.namespace == UNNAMED else shown


def _undescribed(manifests: Iterable[Manifest], known: Iterable[Manifest]) -> set[str]:
    """Give the namespaces that manifests are for and no document describes."""
    namespaces = (one for one in known if (one["apiVersion"], one["kind"]) == ("v1", "Namespace"))
    described = {str(read_metadata(one).get("name") or "") for one in namespaces}
    return {str(read_metadata(one).get("namespace") or UNNAMED) for one in manifests} - described


def _shipped_baseline(manifests: Iterable[Manifest]) -> Iterable[Manifest]:
    """Give the baseline that ships with this version, where there is an object whose policies ask it for figures."""
    if any(is_of_our_group(str(one["apiVersion"])) for one in manifests):
        return [one.manifest for one in read_paths([baseline_file()])]
    return ()


def _missing_baseline(manifest: Manifest, known: Collection[str]) -> str:
    """Give the baseline that an object of tenantry's is pinned to, where nobody gave it: its figures aren't known."""
    if not is_of_our_group(str(manifest["apiVersion"])):
        return ""
    annotations = read_metadata(manifest).get("annotations")
    pinned = str(annotations.get(BASELINE_NOTE) or "") if isinstance(annotations, dict) else ""
    return "" if pinned in known else pinned


def _unpinned(about: Looked, baseline: str) -> Result:
    message = f"it can't be decided without the baseline {baseline}, which it is pinned to"
    fix = "name the file that has it with --context"
    where = (about.object, about.file, about.line, 1 if about.line else 0)
    return Result("policies", "policy", Verdict.UNDECIDABLE, CODES[Verdict.UNDECIDABLE], message, fix, *where)


def _noted(note: Problem) -> Result:
    """Give what is worth knowing of the policies themselves: one that binds nothing passes everything."""
    where = (note.file, note.line, note.column)
    return Result("policies", "policy", Verdict.WARN, note.code, note.message, note.fix, NOBODY, *where)


def _result(about: Looked, finding: Finding, fix: str, clues: Iterable["Clue"]) -> Result:
    verdict = Verdict.ALLOW if finding.waiver else finding.verdict
    return Result(
        finding.policy,
        finding.layer,
        verdict,
        CODES[verdict],
        f"{finding.path}: {finding.message}" if finding.path else finding.message,
        fix,
        about.object,
        about.file,
        about.line,
        1 if about.line else 0,
        finding.controls,
        tuple((clue.text, _shown(clue.value)) for clue in clues),
        finding.waiver or None,
    )


def _shown(value: object) -> str:
    """Write a value as CEL would, cut to what a line can hold."""
    if isinstance(value, Failure):
        return f"an error: {value.reason}"
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
