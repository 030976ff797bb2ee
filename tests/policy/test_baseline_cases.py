"""Every policy of the baseline says of its own cases what their files' names say."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from baseline import BASELINE, CASES, POLICIES, TENANT, around_case, show

from tenantry.policy import Placed, PolicySet, Verdict, build_policies, judge, read_paths
from tenantry.policy.documents.model import Manifest
from tenantry.policy.objects.cluster import build_cluster
from tenantry.sandbox.site.furnish import objects

RENDERED = sorted(Path(__file__).parents[1].glob("golden/rendered/*.yaml"))
VERDICTS = {"allow": Verdict.ALLOW, "warn": Verdict.WARN, "deny": Verdict.DENY}


@cache
def _compiled(path: Path) -> PolicySet:
    return build_policies(read_paths([path]))


def load(path: Path, *around: Manifest) -> PolicySet:
    """One policy, in a tenant's namespace."""
    return replace(_compiled(path), cluster=build_cluster([TENANT, BASELINE, *around]))


@pytest.mark.parametrize("case", CASES, ids=show)
def test_a_case_is_judged_as_its_name_says(case: Path) -> None:
    around, judged = around_case(case, TENANT["metadata"]["name"])
    (found,) = judge(load(case.parent.parent / "policy.yaml", *around), [judged])
    assert found.verdict is VERDICTS[case.stem.partition("_")[0]], [str(finding) for finding in found.findings]


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
    sides = {case.stem.partition("_")[0] for case in (path.parent / "cases").glob("*.yaml")}
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
