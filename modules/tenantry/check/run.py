"""Runs a check over files: sorts them, asks the contract and the policies, and puts the answers together."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from tenantry.check.gather import Gathered, gather
from tenantry.check.rendered import list_parameters, render_requests
from tenantry.check.report import NOBODY, Looked, Report, Result, Summary
from tenantry.check.waivers import find_waivers, list_layers, report_waivers
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge, load_baseline, read_documents
from tenantry.contract.model import Baseline
from tenantry.contract.reading.finding import government_root
from tenantry.contract.reading.schema import API_VERSION
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.policy import ObjectName, Placed, Verdict
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
    found = gather(paths, stdin)
    baseline = load_baseline()
    today = datetime.now(UTC).date()
    documents, rendered, report = _contract(found, context, baseline, today)
    placed = [*rendered, *found.manifests]
    if placed:
        # Imported here: who checks a document that isn't rendered doesn't wait for the policies' engine.
        from tenantry.check.judging import judge_manifests

        around = list_parameters(documents)
        around += [one.manifest for one in gather(context).manifests] if context else []
        waivers = find_waivers(documents, today)
        results, judged, looked = judge_manifests(placed, around, baseline, policies, waivers, explain=explain)
        report = replace(
            report,
            results=(*report.results, *results),
            judged=judged,
            summary=report.summary + judged,
            looked=(*report.looked, *looked),
        )
    if documents.waivers:
        used = {one.waiver for one in report.results if one.waiver}
        told = report_waivers(documents, today, list_layers(policies), used, report.looked)
        report = replace(report, results=(*report.results, *told))
    if not report.summary.objects and not report.results:
        nothing = problem("TEN-100", "there is no document to check", "name a file, or a folder with YAML files")
        report = replace(report, problems=(nothing,), results=(_result(nothing, Verdict.DENY, None),))
    return report


class _Checked(NamedTuple):
    """A document that was to be checked; one that no schema has passed may lack a kind and a name."""

    file: str
    line: int
    kind: str
    name: str


def _contract(
    found: Gathered, context: Sequence[Path] | None, baseline: Baseline, day: date
) -> tuple[Documents, list[Placed], Report]:
    """Ask the contract; give the documents, what the sound requests become, and what is wrong with the others."""
    around = context if context is not None else [root for path in found.paths if (root := government_root(path))]
    documents, unsound = read_documents(
        found.paths, context=around, foreign=found.foreign, mixed=found.mixed, others=STORE_KINDS
    )
    judgement = judge(documents, baseline, day=day)
    ours = (one for one in judgement.problems if one.file not in documents.context_files)
    problems = tuple(sorted({*unsound, *ours, *found.problems}))
    checked = _checked(documents)
    about = [_document_at(one, checked) for one in problems]
    results = [_result(one, Verdict.DENY, document) for one, document in zip(problems, about, strict=True)]
    for unjudged in judgement.unjudged:
        left_out = problem("TEN-160", f"not judged: {unjudged}", "name the folder with --context")
        results.append(_result(left_out, Verdict.UNDECIDABLE, None))
    wrong = {one for one in about if one is not None}
    summary = Summary(len(checked), len({*checked} - wrong), 0, len(problems), len(judgement.unjudged))
    looked = tuple(Looked(ObjectName(API_VERSION, one.kind, "", one.name), one.file, one.line) for one in checked)
    report = Report(tuple(results), summary, len(checked), problems, unjudged=judgement.unjudged, looked=looked)
    places = {(one.file, one.line) for one in wrong}
    return documents, list(render_requests(documents, judgement.tenants, baseline, places)), report


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
        "contract", "request", verdict, found.code, found.message, found.fix, name, found.file, found.line, found.column
    )
