"""What a schema finds is told in sentences, with a place, a code and a fix."""

import pytest

from examples import MINIMAL
from tenantry.contract.reading.reader import read_text
from tenantry.contract.reading.schema import validate

# A case: what is replaced (END: nothing, the text is put at the end), by what, and what is then said, where.
END = ""
CASES = [
    ("department: department-north", "departmnt: x", "TEN-120", 7, "write department, if that was meant"),
    ("  template: service\n", "", "TEN-121", 5, 'add template, such as "service"'),
    ("service", "servce", "TEN-124", 8, "write service, if that was meant"),
    ("service", "nonsense", "TEN-124", 8, "choose one of service, sensing, software, content, data"),
    ("service", "12", "TEN-122", 8, 'put it in quotes: "12"'),
    ("t-4f9x2k7q", "T-4f9x2k7q", "TEN-123", 6, 'write it like "t-4f9x2k7q"'),
    ("t-4f9x2k7q", '"t-4f9x2k7q\\n"', "TEN-123", 6, 'write it like "t-4f9x2k7q"'),
    (END, "  baseline: 2026.1", "TEN-122", 11, 'put it in quotes: "2026.1"'),
    (END, "  quota: {memory: 3x}", "TEN-123", 11, 'write it like "32Gi"'),
    (END, "  quota: {}", "TEN-125", 11, "give at least one property, or remove it"),
    (END, "  ingress: {port: 0}", "TEN-125", 11, "write 1 or more"),
    (
        "restricted",
        "restricted\n  placement: {site: a, region: b}",
        "TEN-127",
        11,
        "give exactly one of site or region",
    ),
    (
        "restricted",
        "restricted\n  egress:\n  - {port: 1, reason: abc}",
        "TEN-127",
        12,
        "give exactly one of host or cidr",
    ),
    (
        "restricted",
        "restricted\n  egress:\n  - {cidr: 10.0.0.1/8, port: 1, reason: abc}",
        "TEN-126",
        12,
        "write it like",
    ),
    (
        "restricted",
        "restricted\n  lease: {starts: 2026-02-30, ends: 2026-03-01, reason: abc}",
        "TEN-126",
        11,
        "write it",
    ),
    (END, "  access: [{group: 'system:masters', role: admin}]", "TEN-123", 11, "write it like"),
    ("vaccine-records", "vaccine-records\n  labels: {kubernetes.io/x: a}", "TEN-123", 5, "no prefix of tenantry"),
    (
        "restricted",
        "restricted\n  namespaces: [{name: a-name-of-more-than-thirty-two-char}]",
        "TEN-123",
        11,
        "write it",
    ),
]


@pytest.mark.parametrize(("old", "new", "code", "line", "fix"), CASES, ids=[f"{c[2]} {c[1][-30:]}" for c in CASES])
def test_a_fault_is_told_with_its_place_and_its_fix(old: str, new: str, code: str, line: int, fix: str) -> None:
    (document,), problems = read_text(MINIMAL.replace(old, new, 1) if old else MINIMAL + new, "x.yaml")
    assert problems == ()
    found = [(p.code, p.line) for p in validate(document) if fix in p.fix]
    assert found == [(code, line)], validate(document)


def test_all_faults_are_told_at_once() -> None:
    text = MINIMAL.replace("service", "servce").replace("prod", "life").replace("t-4f9x2k7q", "x")
    (document,), _ = read_text(text, "x.yaml")
    assert [problem.line for problem in sorted(validate(document))] == [6, 8, 9]
