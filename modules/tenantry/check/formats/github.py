"""A report as annotations for GitHub's pages."""

from collections.abc import Iterator

from tenantry.check.report import Report

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def as_github(report: Report) -> Iterator[str]:
    """Give workflow commands, which GitHub shows beside the lines of a change. Source: GitHub, workflow commands."""
    for one in report.results:
        place = f"file={_property(one.file)},line={one.line}," if one.file and one.line else ""
        title = f"{one.code} {one.policy}"
        text = f"{one.object}: {one.told}" if one.object.kind else one.told
        yield f"::{_LEVELS[one.level]} {place}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
