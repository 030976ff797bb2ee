"""A report as SARIF, which code hosts show beside the lines of a change.

Source: Static Analysis Results Interchange Format 2.1.0, OASIS, with errata 01.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from tenantry import __version__
from tenantry.check.report import Report, Result

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(report: Report) -> Iterator[str]:
    """Give the report as one SARIF log with one run."""
    about: dict[str, Result] = {}
    for one in report.results:
        about.setdefault(_rule(one), one)
    rules = {name: index for index, name in enumerate(about)}
    described = [{"id": name, "properties": {"tags": [one.layer, *one.controls]}} for name, one in about.items()]
    driver = {"name": "tenantry", "semanticVersion": __version__, "rules": described}
    results = [_result(one, rules) for one in report.results]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    yield orjson.dumps(log, option=orjson.OPT_INDENT_2).decode()


def _rule(one: Result) -> str:
    """Name the rule that a finding is of: a policy, or one of the contract and of waivers, known by their codes."""
    return one.code if one.policy in ("contract", "waivers") else one.policy


def _result(one: Result, rules: Mapping[str, int]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": _rule(one),
        "ruleIndex": rules[_rule(one)],
        # What can't be decided is an error, too: a result of the kind `open` has no level, and would be passed over.
        "level": one.level,
        "message": {"text": one.told},
        "properties": {"verdict": one.verdict.value, "code": one.code},
    }
    if one.waiver:
        made["suppressions"] = [{"kind": "external", "status": "accepted", "justification": f"waiver {one.waiver}"}]
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
