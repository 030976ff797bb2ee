"""Every policy of the baseline says of its own cases what their files' names say."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tenantry.data import policy_dir
from tenantry.policy import Judgement, PolicySet, Verdict, build_policies, judge, read_paths

POLICIES = sorted(policy_dir().glob("*/*/policy.yaml"))
CASES = sorted(policy_dir().glob("*/*/cases/*.yaml"))
TENANT = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "default", "labels": {"tenantry.dev/tenant": "t-00000000"}},
}


def show(path: Path) -> str:
    """`policy/case`."""
    folder = path.parent if path.name == "policy.yaml" else path.parent.parent
    return folder.name if path.name == "policy.yaml" else f"{folder.name}/{path.stem}"


@cache
def load(path: Path) -> PolicySet:
    """One policy, in a tenant's namespace."""
    return build_policies(read_paths([path]), [TENANT])


def judge_case(case: Path) -> Iterator[Judgement]:
    """What a case's own policy says of its objects."""
    yield from judge(load(case.parent.parent / "policy.yaml"), read_paths([case]))


@pytest.mark.parametrize("case", CASES, ids=show)
def test_a_case_is_judged_as_its_name_says(case: Path) -> None:
    found = list(judge_case(case))
    assert found
    wanted = {"allow": Verdict.ALLOW, "deny": Verdict.DENY}[case.stem.partition("_")[0]]
    assert {one.verdict for one in found} == {wanted}, [str(finding) for one in found for finding in one.findings]


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
    assert sides == {"allow", "deny"}
