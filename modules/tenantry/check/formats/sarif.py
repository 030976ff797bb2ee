"""A report as SARIF, which code hosts show beside the lines of a change.

Source: Static Analysis Results Interchange Format 2.1.0, OASIS, with errata 01.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

from tenantry import __version__
from tenantry.check.report import Report, Result
from tenantry.policy import Verdict

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# What can't be decided is an error here, too: a result of the kind `open` must have no level, and would be passed over.
_LEVELS = {Verdict.DENY: "error", Verdict.UNDECIDABLE: "error", Verdict.WARN: "warning"}


def as_sarif(report: Report) -> Iterator[str]:
    """Give the report as one SARIF log with one run."""
    rules: dict[str, dict[str, Any]] = {}
    results = [_result(one, rules) for one in report.results]
    driver = {"name": "tenantry", "semanticVersion": __version__, "rules": list(rules.values())}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    yield orjson.dumps(log, option=orjson.OPT_INDENT_2).decode()


def _result(one: Result, rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    name = one.policy if one.layer != "request" else one.code
    if name not in rules:
        rules[name] = {"id": name, "properties": {"tags": [one.layer, *one.controls]}}
    made: dict[str, Any] = {
        "ruleId": name,
        "ruleIndex": list(rules).index(name),
        "level": _LEVELS[one.verdict],
        "message": {"text": f"{one.message}. Fix: {one.fix}."},
        "properties": {"verdict": one.verdict.value, "code": one.code},
    }
    if location := _location(one):
        made["locations"] = [location]
    return made


def _location(one: Result) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if one.file:
        location["physicalLocation"] = {"artifactLocation": {"uri": quote(one.file)}}
        if one.line:
            location["physicalLocation"]["region"] = {"startLine": one.line, "startColumn": max(one.column, 1)}
    if one.object.kind:
        location["logicalLocations"] = [{"fullyQualifiedName": str(one.object), "kind": "object"}]
    return location
