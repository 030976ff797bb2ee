"""The formats of a report: for people, for programs, for the pages of what runs a pipeline."""

from collections.abc import Iterator
from importlib import import_module

from tenantry.check.report import Report

# Where the function `as_<format>` of each is; a module is imported when its format is asked for.
_MODULES = {
    "text": "text",
    "json": "document",
    "sarif": "sarif",
    "junit": "junit",
    "oscal": "oscal",
    "github": "github",
}
FORMATS = frozenset(_MODULES)
"""The formats that a report can be written in."""


def write_report(report: Report, form: str) -> Iterator[str]:
    """Give the lines of a report in a format."""
    module = import_module(f"{__name__}.{_MODULES[form]}")
    lines: Iterator[str] = getattr(module, f"as_{form}")(report)
    return lines
