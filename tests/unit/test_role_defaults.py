"""The roles that prepare hosts: their defaults, argument specifications, controls and policies hold together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tenantry.contract.rules.settings import role_options, settable
from tenantry.data import controls_dir, playbook_dir, policy_dir
from tenantry.hosts.running import BMC, PREPARE, UPGRADE

ROLES = sorted(path.name for path in (playbook_dir() / "roles").iterdir())
TYPES = {"str": str, "int": int, "list": list, "dict": dict, "bool": bool}


def defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((playbook_dir() / "roles" / role / "defaults" / "main.yml").read_text())
    return found


def controls(node: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(node, dict):
        yield from node.get("controls", ())
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from controls(child)


@pytest.mark.parametrize("role", ROLES)
def test_every_default_is_in_the_argument_specification_and_as_it_says(role: str) -> None:
    assert set(defaults(role)) == set(settable(role))
    for name, value in defaults(role).items():
        option = role_options()[role][name]
        assert isinstance(value, TYPES[option["type"]]), name
        for one in value if option["type"] == "list" and "options" in option else ():
            needed = {key for key, child in option["options"].items() if child.get("required")}
            assert needed <= set(one) <= set(option["options"]), f"{name}: {one}"


@pytest.mark.parametrize("role", ROLES)
def test_every_control_that_a_setting_answers_for_is_listed(role: str) -> None:
    for control in controls(defaults(role)):
        framework, _, number = control.partition("/")
        listed = yaml.safe_load((controls_dir() / f"{framework}.yaml").read_text())
        assert number in {str(one["number"]) for one in listed["controls"]}, control


def wanted(policy: str) -> dict[str, list[str]]:
    """Give what a policy wants of settings: pairs of a name and the values that are right."""
    text = " ".join((policy_dir() / "host" / policy / "policy.yaml").read_text().split())
    return {name: values.split(" or ") for name, values in re.findall(r"\['([\w.]+)', '([^']*)'\]", text)}


@pytest.mark.parametrize("policy", ["host-kernel-memory", "host-kernel-files", "host-kernel-network"])
def test_the_baseline_sets_what_the_policies_of_the_kernel_want(policy: str) -> None:
    settings = {one["name"]: one["value"] for one in defaults("baseline")["baseline_settings"] if one["for"] == "all"}
    assert wanted(policy)
    assert {name for name, right in wanted(policy).items() if settings.get(name) not in right} == set()


@pytest.mark.parametrize("policy", ["host-sshd-login", "host-sshd-forwarding"])
def test_sshd_is_set_to_what_the_policies_want(policy: str) -> None:
    settings = {one["name"].lower(): one["value"] for one in defaults("sshd")["sshd_settings"]}
    assert wanted(policy)
    assert {name for name, right in wanted(policy).items() if settings.get(name) not in right} == set()


def test_the_modules_that_the_policy_wants_disabled_are_looked_at_and_are_disabled() -> None:
    text = " ".join((policy_dir() / "host" / "host-kernel-modules" / "policy.yaml").read_text().split())
    found = re.search(r"name: unwanted expression: >- \[([^\]]*)\]", text)
    assert found is not None
    names = re.findall(r"'(\w+)'", found[1])
    assert defaults("facts")["facts_modules"] == names
    assert set(names) < {one["name"] for one in defaults("baseline")["baseline_modules"]}


def test_audit_is_immutable_as_its_policy_wants_and_no_rule_is_there_twice() -> None:
    audit = defaults("audit")
    assert audit["audit_immutable"] is True
    rules = [
        (kind, one) for rule in audit["audit_rules"] for kind in ("watch", "run", "calls") for one in rule.get(kind, ())
    ]
    # The kernel takes each once, and nothing after one that it doesn't take.
    assert len(rules) == len(set(rules)) > 0


def test_every_role_is_in_one_playbook_with_its_tag() -> None:
    plays = [yaml.safe_load((playbook_dir() / name).read_text())[0] for name in (PREPARE, BMC, UPGRADE)]
    found = [one for play in plays for one in play["roles"]]
    assert sorted(one["role"] for one in found) == ROLES
    assert all(one["role"] in one["tags"] or one["tags"] == ["always"] for one in found)
    assert Path(playbook_dir() / "ansible.cfg").is_file()
