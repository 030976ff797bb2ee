"""Every policy of the baseline says of its own cases what their files' names say."""

import difflib
from pathlib import Path

import pytest
from baseline import (
    BASELINE,
    CASES,
    FINDINGS,
    POLICIES,
    cases_of,
    judge_way,
    load,
    policy_file,
    show,
    ways_of,
    write_findings,
)

from tenantry.policy import Placed, Verdict, build_policies, judge, read_paths
from tenantry.sandbox.site.furnish import objects

RENDERED = sorted(Path(__file__).parents[1].glob("golden/rendered/*.yaml"))
HOW = "If the change is meant, renew the file with `python -m tests.golden.renew` and review the difference."
VERDICTS = {"allow": Verdict.ALLOW, "warn": Verdict.WARN, "deny": Verdict.DENY}


@pytest.mark.parametrize("case", CASES, ids=show)
def test_a_case_is_judged_as_its_name_says(case: Path) -> None:
    found = judge_way(load(policy_file(case)), next(ways_of(case)))
    assert found.verdict is VERDICTS[case.stem.partition("_")[0]], [str(finding) for finding in found.findings]


def test_what_is_said_of_each_case_is_what_was_reviewed() -> None:
    """Also of which container, in which words, when it's changed and where there is no tenant."""
    kept, made = FINDINGS.read_text(encoding="utf-8"), write_findings()
    told = difflib.unified_diff(kept.splitlines(), made.splitlines(), "reviewed", "found", lineterm="", n=1)
    assert made == kept, "\n".join([*told, HOW])


@pytest.mark.parametrize("path", POLICIES, ids=show)
def test_a_policy_is_whole(path: Path) -> None:
    """It is named as its folder, bound, explained, and has cases on both sides."""
    policies = load(path)
    assert policies.notes == ()
    (bound,) = policies.policies
    assert bound.policy.name == path.parent.name
    assert bound.policy.layer == path.parent.parent.name
    assert bound.policy.controls
    for key in ("reason", "fix"):
        assert bound.policy.annotations[f"tenantry.dev/{key}"]
    sides = {case.stem.partition("_")[0] for case in cases_of(path)}
    (binding,) = bound.bindings
    assert sides == {"allow", "warn" if binding.actions == ("Warn",) else "deny"}


@pytest.mark.parametrize("path", RENDERED, ids=lambda path: path.stem)
def test_what_tenantry_makes_passes(path: Path) -> None:
    """All objects of a tenant, together."""
    placed = list(read_paths([path]))
    policies = build_policies(read_paths(POLICIES), [BASELINE, *(one.manifest for one in placed)])
    assert [str(finding) for found in judge(policies, placed) for finding in found.findings] == []


def test_what_the_sandbox_needs_passes() -> None:
    """Else a sandbox whose sites have the baseline wouldn't come up again."""
    placed = [Placed(one) for one in objects()]
    policies = build_policies(read_paths(POLICIES), [BASELINE, *(one.manifest for one in placed)])
    assert [str(finding) for found in judge(policies, placed) for finding in found.findings] == []
