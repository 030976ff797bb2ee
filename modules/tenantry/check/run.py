"""Runs a check over files: sorts them, asks the contract and the policies, and puts the answers together."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tenantry.check.gather import Gathered, gather
from tenantry.check.report import CONTRACT, NOBODY, Looked, Report, Result, Summary
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge, load_baseline, read_documents
from tenantry.contract.model import Baseline
from tenantry.contract.reading.finding import government_root
from tenantry.contract.reading.schema import API_VERSION
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.policy import ObjectName, Verdict
from tenantry.problems import Problem, problem


def check_paths(
    paths: Sequence[Path],
    context: Sequence[Path] | None = None,
    *,
    policies: Path | None = None,
    stdin: str | None = None,
    explain: bool = True,
) -> Report:
    """Check everything that files and folders hold.

    Args:
        paths: Files and folders; `-` stands for `stdin`.
        context: What requests and manifests refer to; by default the government's folder around each path.
        policies: A folder of policies instead of the baseline's own.
        stdin: The text of standard input.
        explain: Whether to look for the part of an expression that failed; only text shows it.

    Raises:
        InputError: Policies that can't be used.
    """
    begun = datetime.now(UTC)
    found = gather(paths, stdin)
    baseline = load_baseline()
    documents, report = _contract(found, context, baseline)
    if found.manifests:
        # Imported here: who checks a request doesn't wait for the policies' engine.
        from tenantry.check.judging import judge_manifests

        around = [dict(one.data) for (kind, _), one in documents.sources.items() if kind == "Baseline"]
        around += [one.manifest for one in gather(context).manifests] if context else []
        results, judged, looked, asked = judge_manifests(
            found.manifests, around, baseline, policies, explain=explain, planned=bool(found.plans)
        )
        report = replace(
            report,
            results=(*report.results, *results),
            judged=judged,
            summary=report.summary + judged,
            looked=(*report.looked, *looked),
            policies=asked,
        )
    for plan in found.plans:
        report = replace(
            report,
            results=(*report.results, *plan.opaque),
            judged=report.judged + plan.summary,
            summary=report.summary + plan.summary,
            looked=(*report.looked, *plan.looked),
        )
    if not report.summary.objects and not report.results:
        nothing = problem("TEN-100", "there is no document to check", "name a file, or a folder with YAML files")
        report = replace(report, problems=(nothing,), results=(_result(nothing, Verdict.DENY, None),))
    return replace(report, begun=begun)


class _Checked(NamedTuple):
    """A document that was to be checked; one that no schema has passed may lack a kind and a name."""

    file: str
    line: int
    kind: str
    name: str


def _contract(found: Gathered, context: Sequence[Path] | None, baseline: Baseline) -> tuple[Documents, Report]:
    around = context if context is not None else [root for path in found.paths if (root := government_root(path))]
    documents, unsound = read_documents(
        found.paths, context=around, foreign=found.foreign, mixed=found.mixed, others=STORE_KINDS
    )
    judgement = judge(documents, baseline)
    ours = (one for one in judgement.problems if one.file not in documents.context_files)
    problems = tuple(sorted({*unsound, *ours, *found.problems}))
    checked = _checked(documents)
    about = [_document_at(one, checked) for one in problems]
    results = [_result(one, Verdict.DENY, document) for one, document in zip(problems, about, strict=True)]
    for unjudged in judgement.unjudged:
        left_out = problem("TEN-160", f"not judged: {unjudged}", "name the folder with --context")
        results.append(_result(left_out, Verdict.UNDECIDABLE, None))
    sound = len({*checked} - {*about})
    summary = Summary(len(checked), sound, 0, len(problems), len(judgement.unjudged))
    looked = tuple(_look_at(one, sound=one not in about) for one in checked)
    report = Report(tuple(results), summary, len(checked), problems, unjudged=judgement.unjudged, looked=looked)
    return documents, report


def _look_at(one: _Checked, *, sound: bool) -> Looked:
    asked = (CONTRACT,)
    name = ObjectName(API_VERSION, one.kind, "", one.name)
    return Looked(name, one.file, one.line, asked, asked if sound else ())


def _checked(documents: Documents) -> list[_Checked]:
    """Give every document that was to be checked, sound or not, by its place."""
    every = (*documents.requests, *documents.sources.values(), *documents.broken)
    return sorted(
        _Checked(one.file, one.start.line, one.text("kind") or "", one.text("metadata", "name") or "")
        for one in every
        if one.file not in documents.context_files
    )


def _document_at(found: Problem, checked: list[_Checked]) -> _Checked | None:
    """Give the document that a problem's line is in; nothing where it couldn't be read."""
    above = bisect(checked, (found.file, found.line), key=lambda one: one[:2])
    return checked[above - 1] if above and checked[above - 1].file == found.file else None


def _result(found: Problem, verdict: Verdict, about: _Checked | None) -> Result:
    name = ObjectName(API_VERSION, about.kind, "", about.name) if about and about.kind else NOBODY
    return Result(
        CONTRACT, "request", verdict, found.code, found.message, found.fix, name, found.file, found.line, found.column
    )
