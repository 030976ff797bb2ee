"""The formats of a report: for people, for programs, for the pages of what runs a pipeline."""

from collections.abc import Callable, Iterator

from tenantry.check.formats.document import as_json
from tenantry.check.formats.github import as_github
from tenantry.check.formats.junit import as_junit
from tenantry.check.formats.oscal import as_oscal
from tenantry.check.formats.sarif import as_sarif
from tenantry.check.formats.text import as_text
from tenantry.check.report import Report

WRITERS: dict[str, Callable[[Report], Iterator[str]]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
    "oscal": as_oscal,
    "github": as_github,
}
"""What writes a report in each format, line by line."""
