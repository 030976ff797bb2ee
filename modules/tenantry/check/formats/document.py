"""A report as JSON for programs."""

from collections.abc import Iterator
from typing import Any

import orjson

from tenantry.check.report import Report, Result


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
        "message": one.told,
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
