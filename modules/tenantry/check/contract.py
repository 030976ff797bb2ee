"""What the contract says of the files that a check found: every document, sound or not, and what is wrong with it."""

from bisect import bisect
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from tenantry.check.reading.gather import Gathered
from tenantry.check.reading.hosts import judge_age
from tenantry.check.reading.rendered import render_requests
from tenantry.check.report import AGREEMENTS, CONTRACT, NOBODY, Looked, Report, Result, Summary
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge, read_documents
from tenantry.contract.model import Baseline
from tenantry.contract.reading.schema import API_VERSION, HOST_FACTS
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.policy import ObjectName, Placed, Verdict
from tenantry.problems import Problem, problem


class _Checked(NamedTuple):
    """A document that was to be checked; one that no schema has passed may lack a kind and a name."""

    file: str
    line: int
    kind: str
    name: str


def judge_contract(
    found: Gathered, around: Sequence[Path], baseline: Baseline, day: date
) -> tuple[Documents, list[Placed], Report]:
    """Read the documents of files and hold them to the contract.

    Gives the documents, what the sound requests become, and what is wrong with the others.

    `around` are the files and folders with what documents refer to.
    """
    documents, unsound = read_documents(
        found.paths,
        context=around,
        foreign=found.foreign,
        mixed=found.mixed,
        others=STORE_KINDS,
        piped=found.piped,
    )
    documents, untimely = _hold_to_time(documents)
    judgement = judge(documents, baseline, day=day)
    problems = tuple(sorted({*unsound, *untimely, *_ours(judgement.problems, documents), *found.problems}))
    checked = _checked(documents)
    about = [_document_at(one, checked) for one in problems]
    warned = [(one, _document_at(one, checked)) for one in _ours(judgement.idle, documents)]
    report = _report([*zip(problems, about, strict=True)], warned, judgement.unjudged, checked)
    wrong = {(one.file, one.line) for one in about if one is not None}
    documents = _without_grants(documents, wrong)
    return documents, list(render_requests(documents, judgement.tenants, baseline, wrong, day)), report


def _without_grants(documents: Documents, unsound: Collection[tuple[str, int]]) -> Documents:
    """Leave out the grants that the contract refuses: what policies would say of them only follows from that."""
    kept = {
        key: one
        for key, one in documents.sources.items()
        if key[0] != "Grant" or (one.file, one.start.line) not in unsound
    }
    grants = {name: grant for name, grant in documents.grants.items() if ("Grant", name) in kept}
    return replace(documents, sources=kept, grants=grants)


def _ours(problems: Iterable[Problem], documents: Documents) -> list[Problem]:
    """Leave out the problems of documents that were only read as context: they are somebody else's to mend."""
    return [one for one in problems if one.file not in documents.context_files]


_Told = Sequence[tuple[Problem, _Checked | None]]
"""Problems, each with the document that it's about."""


def _report(wrong: _Told, warned: _Told, unjudged: tuple[str, ...], checked: Sequence[_Checked]) -> Report:
    """Report what is wrong, what is sound and has no effect, and what couldn't be judged."""
    results = [_result(one, Verdict.DENY, document) for one, document in wrong]
    for reason in unjudged:
        left_out = problem("TEN-160", f"not judged: {reason}", "name the folder with --context")
        results.append(_result(left_out, Verdict.UNDECIDABLE, None))
    results += [replace(_result(one, Verdict.WARN, document), policy=AGREEMENTS) for one, document in warned]
    denied = {document for _, document in wrong}
    doubtful = {document for _, document in warned} - denied
    sound = len({*checked} - denied - doubtful)
    return Report(
        tuple(results),
        Summary(len(checked), sound, len(doubtful), len(wrong), len(unjudged)),
        len(checked),
        tuple(one for one, _ in wrong),
        unjudged=unjudged,
        looked=tuple(_look_at(one, sound=one not in denied) for one in checked),
    )


def _hold_to_time(documents: Documents) -> tuple[Documents, list[Problem]]:
    """Count the facts of hosts that were collected at a wrong time among the broken documents."""
    now = datetime.now(UTC)
    found = [(one, judge_age(one, now)) for one in documents.hosts if one.file not in documents.context_files]
    broken = tuple(one for one, wrong in found if wrong)
    sound = tuple(one for one, wrong in found if not wrong)
    return replace(documents, hosts=sound, broken=(*documents.broken, *broken)), [wrong for _, wrong in found if wrong]


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
    layer = "host" if name.kind == HOST_FACTS else "request"
    where = (found.file, found.line, found.column)
    return Result(CONTRACT, layer, verdict, found.code, found.message, found.fix, name, *where)


def report_nothing() -> Report:
    """Report that there was nothing to check, which isn't a pass."""
    nothing = problem("TEN-100", "there is no document to check", "name a file, or a folder with YAML files")
    return Report((_result(nothing, Verdict.DENY, None),), problems=(nothing,))
