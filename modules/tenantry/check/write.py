"""Writes a report: as text for people, as JSON for programs, as annotations for GitHub's pages."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import orjson

from tenantry.check.report import Report, Result
from tenantry.policy import Verdict


def as_text(report: Report) -> Iterator[str]:
    """Give the lines for people: the contract's problems, then objects with what policies say of each, then sums."""
    yield from map(str, report.problems)
    for unjudged in report.unjudged:
        yield f"Not judged: {unjudged}."
    by_policies = [one for one in report.results if one.policy != "contract"]
    for (file, line, name), results in groupby(by_policies, key=lambda one: (one.file, one.line, str(one.object))):
        yield f"{file}:{line} {name}".rstrip() if line else f"{file} {name}"
        for one in results:
            yield from _finding(one)
    yield from _sums(report)


def _finding(one: Result) -> Iterator[str]:
    yield f"  {one.verdict.value} {one.policy}: {one.message}. {one.code}"
    for text, value in one.clues:
        yield f"    {text} is {value}"
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


def as_json(report: Report) -> Iterator[str]:
    """Give the report as one JSON document."""
    summary = {name: getattr(report.summary, name) for name in ("objects", "allow", "warn", "deny", "undecidable")}
    document = {"summary": summary, "results": [_plain(one) for one in report.results]}
    yield orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _plain(one: Result) -> dict[str, Any]:
    name = one.object
    return {
        "policy": one.policy,
        "layer": one.layer,
        "verdict": one.verdict.value,
        "code": one.code,
        "message": f"{one.message}. Fix: {one.fix}.",
        "object": {
            "apiVersion": name.api_version,
            "kind": name.kind,
            "namespace": name.namespace,
            "name": name.name,
        },
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "controls": list(one.controls),
        "waiver": one.waiver,
    }


_LEVELS = {Verdict.DENY: "error", Verdict.UNDECIDABLE: "error", Verdict.WARN: "warning"}


def as_github(report: Report) -> Iterator[str]:
    """Give workflow commands, which GitHub shows beside the lines of a change. Source: GitHub, workflow commands."""
    for one in report.results:
        place = f"file={_property(one.file)},line={one.line}," if one.file and one.line else ""
        title = f"{one.code} {one.policy}"
        text = f"{one.object}: {one.message}. Fix: {one.fix}." if one.object.kind else f"{one.message}. Fix: {one.fix}."
        yield f"::{_LEVELS[one.verdict]} {place}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


WRITERS: dict[str, Callable[[Report], Iterator[str]]] = {"text": as_text, "json": as_json, "github": as_github}
