"""What a collector didn't see never passes; host policies, their cases, the schema and the page hold together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from baseline import Manifest, show

from strategies import document
from tenantry.contract.reading.schema import load_schema, validate
from tenantry.data import policy_dir
from tenantry.policy import Placed, PolicySet, Verdict, build_policies, judge, read_paths

POLICIES = sorted(policy_dir().glob("host/*/policy.yaml"))
CASES = sorted(policy_dir().glob("host/*/cases/*.yaml"))
PAGE = Path(__file__).parents[2] / "docs" / "host-facts.md"
OBSERVATIONS = load_schema("HostFacts")["properties"]["spec"]["properties"]["observations"]["properties"]
FRESH = "host-facts-fresh"
BARE = (
    "host-kernel-memory/allow_hardened",
    "host-kernel-files/allow_hardened",
    "host-kernel-network/allow_hardened",
    "host-kernel-network/allow_without_ipv6",
    "host-kernel-modules/allow_disabled",
    "host-sshd-login/allow_keys_only",
    "host-sshd-forwarding/allow_nothing_forwarded",
    "host-sshd-crypto/allow_one_of_each",
    "host-audit/allow_immutable",
    "host-time/allow_synchronised",
    "host-kubelet-access/allow_closed",
    "host-api-server-access/allow_closed",
    "host-api-server-tls/allow_both_ways",
    "host-api-server-audit/allow_kept",
    "host-controllers/allow_closed",
    "host-etcd-tls/allow_both_ways",
)
"""Cases of hosts that have what their policy asks for, and nothing else."""


BROKEN = (
    "deny_observed_without_a_value",
    "deny_a_value_without_a_state",
    "deny_a_value_that_says_nothing",
    "deny_unreachable_without_a_reason",
)
"""Cases of facts that the schema refuses, which no policy takes for an observation either."""


def facts_of(path: Path) -> set[str]:
    """Give the observations whose values a policy judges by."""
    policy = next(iter(yaml.safe_load_all(path.read_text())))
    variables = " ".join(one["expression"] for one in policy["spec"]["variables"] if one["name"].startswith("fact"))
    return set(re.findall(r"observations\.\?(\w+)", variables))


def load(path: Path) -> PolicySet:
    return build_policies(read_paths([path]))


def read(case: Path) -> Manifest:
    (placed,) = read_paths([case])
    return placed.manifest


def changed(facts: Manifest, name: str, observation: dict[str, Any] | None) -> Manifest:
    """Give facts with another observation of a name, or with none."""
    observations = {key: one for key, one in facts["spec"]["observations"].items() if key != name}
    if observation is not None:
        observations[name] = observation
    return {**facts, "spec": {**facts["spec"], "observations": observations}}


def unobserved(facts: Manifest, name: str) -> Iterator[Manifest]:
    """Give facts in which one observation was not made, in every way that there is."""
    seen = facts["spec"]["observations"][name]
    yield changed(facts, name, None)
    for state in ("absent", "unreachable", "skipped"):
        told = {"state": state, "source": seen["source"], "time": seen["time"], "why": "no answer"}
        yield changed(facts, name, told)
        yield changed(facts, name, {**told, "value": seen["value"]})
    yield changed(facts, name, {key: one for key, one in seen.items() if key != "value"})
    yield changed(facts, name, {**seen, "value": None})


def applies(case: Path, facts: set[str]) -> bool:
    """Whether a case passes because its facts are good, and not because its host needs none."""
    found = read(case)["spec"]
    seen = {name for name, one in found["observations"].items() if one["state"] == "observed"}
    return facts <= seen and ("object-store" not in found["roles"] or len(found["roles"]) > 1)


@pytest.mark.parametrize("path", [path for path in POLICIES if path.parent.name != FRESH], ids=show)
def test_what_was_not_observed_is_denied_with_its_reason(path: Path) -> None:
    facts, policies = facts_of(path), load(path)
    assert facts
    sound = [case for case in sorted(path.parent.glob("cases/allow_*.yaml")) if applies(case, facts)]
    assert sound, "there is no sound host in its cases"
    for name in facts:
        for one in unobserved(read(sound[0]), name):
            (found,) = judge(policies, [Placed(one)])
            assert found.verdict is Verdict.DENY, one["spec"]["observations"].get(name)
            told = [finding for finding in found.findings if "must be observed (" in finding.message]
            assert len(told) == 1
            assert not any(finding.errored for finding in found.findings)
            state = one["spec"]["observations"].get(name, {}).get("state", "not among the facts")
            assert state in told[0].message


def leaves(value: object, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the way to each property of maps within maps that holds no map itself."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, (*way, key))
    else:
        yield way


def without(value: dict[str, Any], way: tuple[str, ...]) -> dict[str, Any]:
    """Give a map without one property."""
    key, *rest = way
    if rest:
        return {**value, key: without(value[key], tuple(rest))}
    return {name: one for name, one in value.items() if name != key}


@pytest.mark.parametrize("name", BARE)
def test_every_setting_of_a_bare_sound_host_is_needed(name: str) -> None:
    policy, _, stem = name.partition("/")
    folder = policy_dir() / "host" / policy
    facts, policies = read(folder / "cases" / f"{stem}.yaml"), load(folder / "policy.yaml")
    passed = []
    for key in facts_of(folder / "policy.yaml"):
        seen = facts["spec"]["observations"][key]
        for way in leaves(seen["value"]):
            (found,) = judge(policies, [Placed(changed(facts, key, {**seen, "value": without(seen["value"], way)}))])
            passed += [way] if found.verdict is not Verdict.DENY else []
            assert not any(finding.errored for finding in found.findings)
    assert passed == []


@pytest.mark.parametrize("case", CASES, ids=show)
def test_a_case_is_what_a_collector_can_write_or_its_name_says_that_it_is_not(case: Path) -> None:
    wrong = [str(one) for one in validate(document(read(case)))]
    assert bool(wrong) == (case.stem in BROKEN), wrong


@pytest.mark.parametrize("path", POLICIES, ids=show)
def test_a_case_is_denied_by_the_rule_and_not_by_an_error(path: Path) -> None:
    policies = load(path)
    for case in path.parent.glob("cases/deny_*.yaml"):
        (found,) = judge(policies, [Placed(read(case))])
        assert [finding.message for finding in found.findings if finding.errored] == [], case.stem


def test_every_observation_is_judged_by() -> None:
    judged = {name for path in POLICIES for name in facts_of(path)}
    assert judged == set(OBSERVATIONS)


def test_the_page_names_every_observation_with_its_policies() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [row.split("|")[1:-1] for row in page.splitlines() if row.startswith("| `") and row.count("|") == 6]
    told = {row[0].strip(" `"): set(re.findall(r"`(host-[a-z-]+)`", row[4])) for row in rows}
    known = {name: {path.parent.name for path in POLICIES if name in facts_of(path)} for name in OBSERVATIONS}
    assert told == known
    assert f"`{FRESH}`" in page
