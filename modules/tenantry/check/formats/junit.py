"""A report as JUnit's XML, which pipelines count as tests: one for each object.

Source: the schema of Apache Ant's JUnit task, as Windy Road Technology published it.
"""

import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from tenantry.check.formats.printable import make_printable
from tenantry.check.report import Looked, Report, Result, group_results
from tenantry.policy import Verdict

_SUITE = "tenantry check"


def as_junit(report: Report) -> Iterator[str]:
    """Give one suite: an object fails that is denied, errs where it can't be decided, and passes else."""
    found = group_results(report)
    cases = [_case(looked, results) for looked, results in found.items()]
    counts = {kind: sum(case.find(kind) is not None for case in cases) for kind in ("failure", "error")}
    suite = ElementTree.Element(
        "testsuite",
        name=_SUITE,
        package="",
        id="0",
        timestamp=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        hostname=socket.gethostname() or "localhost",
        tests=str(len(cases)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        time="0",
    )
    ElementTree.SubElement(suite, "properties")
    suite.extend(cases)
    passed = (Verdict.WARN, Verdict.ALLOW)
    told = (_sentence(one) for results in found.values() for one in results if one.verdict in passed)
    ElementTree.SubElement(suite, "system-out").text = make_printable("\n".join(told))
    ElementTree.SubElement(suite, "system-err")
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield ElementTree.tostring(suites, encoding="unicode")


def _case(looked: Looked, results: Sequence[Result]) -> ElementTree.Element:
    name = str(looked.object) or "the file"
    place = f"{looked.file}:{looked.line}" if looked.line else looked.file
    case = ElementTree.Element(
        "testcase", name=make_printable(name), classname=make_printable(place or _SUITE), time="0"
    )
    denied = [one for one in results if one.verdict is Verdict.DENY]
    undecided = [one for one in results if one.verdict is Verdict.UNDECIDABLE]
    # A case has room for one of both; what can't be decided is told beside what is denied.
    if wrong := [*denied, *undecided]:
        codes = " ".join(dict.fromkeys(one.code for one in wrong))
        policies = ", ".join(dict.fromkeys(one.policy for one in wrong))
        made = ElementTree.SubElement(
            case, "failure" if denied else "error", type=codes, message=make_printable(policies)
        )
        made.text = make_printable("\n".join(map(_sentence, wrong)))
    return case


def _sentence(one: Result) -> str:
    waived = f", waived by {one.waiver}" if one.waiver else ""
    return f"{one.verdict.value} {one.policy}: {one.object}: {one.code} {one.told}{waived}"
