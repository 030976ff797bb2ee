"""What the role worker sets of a kubelet is what the policies of kubelets ask for, and no less of it would do."""

from typing import Any

import pytest
import yaml
from test_host_facts import changed, load, read

from tenantry.data import playbook_dir, policy_dir
from tenantry.policy import Placed, Verdict, judge

POLICIES = ("host-kubelet-access", "host-kubelet-hardening", "host-kubelet-tls")
DEFAULTS = yaml.safe_load((playbook_dir() / "roles" / "worker" / "defaults" / "main.yml").read_text())
SETTINGS = {one["name"]: one for one in DEFAULTS["worker_kubelet_settings"]}
# What a kubelet does by itself, so that without it the policies are content, too; set, so that it is seen.
BY_ITSELF = {"readOnlyPort", "streamingConnectionIdleTimeout", "makeIPTablesUtilChains", "eventRecordQPS"}
# The serving key lies beside its certificate, and no policy sees it.
UNSEEN = {"tlsPrivateKeyFile"}


def denied(settings: dict[str, Any]) -> set[str]:
    """Give the policies that deny a kubelet with these settings."""
    facts = read(policy_dir() / "host" / POLICIES[0] / "cases" / "allow_closed.yaml")
    seen = {**facts["spec"]["observations"]["kubelet"], "value": settings}
    found = set()
    for name in POLICIES:
        (judged,) = judge(load(policy_dir() / "host" / name / "policy.yaml"), [Placed(changed(facts, "kubelet", seen))])
        found |= {name} if judged.verdict is not Verdict.ALLOW else set()
    return found


def test_the_defaults_are_what_the_policies_ask_for() -> None:
    assert denied({name: one["value"] for name, one in SETTINGS.items()}) == set()


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - BY_ITSELF - UNSEEN))
def test_without_one_of_them_a_policy_denies(name: str) -> None:
    assert denied({other: one["value"] for other, one in SETTINGS.items() if other != name}) != set()


def test_every_control_of_the_benchmark_that_the_policies_name_is_a_settings() -> None:
    asked = {control for name in POLICIES for control in controls_of(name)}
    assert asked
    assert asked <= {control for one in SETTINGS.values() for control in one["controls"]}


def controls_of(name: str) -> set[str]:
    policy = next(iter(yaml.safe_load_all((policy_dir() / "host" / name / "policy.yaml").read_text())))
    named = str(policy["metadata"]["annotations"]["tenantry.dev/controls"]).split()
    return {one for one in named if one.startswith("cis-kubernetes-1.11/")}
