"""Lynis before and after: its hardening index is what was promised, and each finding that is left has a reason."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from guest_image import Image
from guests import Guest
from hosts_at_hand import host_of, inventory_of, run, serve_time, write

pytestmark = pytest.mark.hosts

PROMISED = 85
# It looks for a folder of plugins where it is started, too, and ends where there is none.
AUDIT = (
    "mkdir -p /run/lynis/plugins && cd /run/lynis && "
    "lynis audit system --quick --no-colors --no-log --quiet >/dev/null; cat /var/log/lynis-report.dat"
)
SECONDS = 5400
"""What it may take: two minutes under emulation on a quiet machine, twenty and more on one that does other things."""
EXPLAINED = Path(__file__).parents[2] / "docs" / "host-lynis.md"


@dataclass(frozen=True)
class Report:
    """What Lynis makes of a host: its index, of 100, and the tests that found something, each with what they said."""

    index: int
    findings: dict[str, list[str]]


def audit(host: Guest) -> Report:
    """Have Lynis look at a host, with all of its tests."""
    text = host.run(AUDIT, seconds=SECONDS)
    index = re.search(r"^hardening_index=(\d+)$", text, re.MULTILINE)
    assert index is not None, text[-2000:]
    findings: dict[str, list[str]] = {}
    for test, said in re.findall(r"^(?:warning|suggestion)\[\]=([A-Z]+(?:-\d+)?)\|(.*)$", text, re.MULTILINE):
        findings.setdefault(test, []).append(said)
    assert len(findings) > 5, text[-2000:]
    return Report(int(index[1]), findings)


def explained() -> set[str]:
    """Give the tests whose findings the page has a reason for."""
    rows = re.findall(r"^\| ([A-Z]+(?:-\d+)?) \|.*\| (\S.*) \|$", EXPLAINED.read_text(encoding="utf-8"), re.MULTILINE)
    return {test for test, _ in rows}


def told() -> tuple[int, int]:
    """Give the figures that the page has, before and after."""
    found = re.search(r"from \*\*(\d+)\*\* to \*\*(\d+)\*\*", EXPLAINED.read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]), int(found[2])


def test_the_index_is_what_was_promised_and_each_finding_left_has_a_reason(
    host: Guest, image: Image, tmp_path: Path
) -> None:
    serve_time(host)
    before = audit(host)
    run("prepare", write(tmp_path, inventory_of(host_of(host))), "--private-key", image.key)
    after = audit(host)
    assert before.index < PROMISED <= after.index
    assert told() == (before.index, after.index), "docs/host-lynis.md tells of other figures"
    assert set(after.findings) - explained() == set(), "these have no reason in docs/host-lynis.md"
    assert explained() - set(after.findings) == set(), (
        "these are no findings any more: take them out of docs/host-lynis.md"
    )
