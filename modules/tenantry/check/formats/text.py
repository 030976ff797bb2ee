"""A report as text for people."""

from collections.abc import Iterator
from itertools import groupby

from tenantry.check.report import CONTRACT, Report, Result


def as_text(report: Report) -> Iterator[str]:
    """Give the lines for people: the contract's problems, then objects with what policies say of each, then sums."""
    yield from map(str, report.problems)
    for unjudged in report.unjudged:
        yield f"Not judged: {unjudged}."
    by_policies = [one for one in report.results if one.policy != CONTRACT]
    for (file, line, name), results in groupby(by_policies, key=lambda one: (one.file, one.line, str(one.object))):
        yield f"{file}:{line} {name}".rstrip() if line else f"{file} {name}"
        for one in results:
            yield from _finding(one)
    yield from _sums(report)


def _finding(one: Result) -> Iterator[str]:
    yield f"  {one.verdict.value} {one.policy}: {one.message}. {one.code}"
    for text, value in one.clues:
        yield f"    {text} is {value}"
    if one.waiver:
        yield f"    Waived by {one.waiver}."
    if one.controls:
        yield f"    Controls: {' '.join(one.controls)}"
    yield f"    Fix: {one.fix}."


def _sums(report: Report) -> Iterator[str]:
    if report.documents or report.problems or not report.judged.objects:
        count, wrong = report.documents, len(report.problems)
        yield f"{_count(count, 'document')} read, {wrong or 'no'} problem{'' if wrong == 1 else 's'}."
    if report.judged.objects:
        judged = report.judged
        counts = (f"{getattr(judged, name)} {name}" for name in ("allow", "warn", "deny", "undecidable"))
        yield f"{_count(judged.objects, 'object')} judged: {', '.join(counts)}."


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
