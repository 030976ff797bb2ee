"""A tenant's people read in their namespaces that its lease ends: once for each stage of each end."""

import json
import time
from datetime import timedelta
from typing import Any

from trials import TODAY, let_pass, run_on

from operators import Operator
from sites import Sandbox


def events(sandbox: Sandbox, trial: dict[str, Any], *words: str) -> dict[str, dict[str, Any]]:
    """Read the Events of the tenant's namespace, by name."""
    namespace = f"{trial['spec']['id']}-main"
    done = sandbox.kubectl("onprem", "-n", namespace, "get", "events", "-o", "json", *words)
    assert done.returncode == 0, done.stderr
    return {one["metadata"]["name"]: one for one in json.loads(done.stdout)["items"]}


def sync_on(operator: Operator, days: int) -> None:
    """Sync on a day so many days from today; of a lease that goes on, nothing is applied."""
    done = run_on(operator, TODAY + timedelta(days=days), "sync", ".", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert [one["problems"] for one in json.loads(done.stdout)] == [[]]


def test_each_stage_of_an_end_is_told_once_and_a_renewed_lease_anew(
    sandbox: Sandbox, operator: Operator, trial: dict[str, Any]
) -> None:
    let_pass(operator, trial, 20)
    ends = TODAY + timedelta(days=20)
    told = {5: None, 6: "14", 7: "14", 13: "7", 18: "7", 19: "1", 20: "1"}
    names: set[str] = set()
    for day, stage in told.items():
        sync_on(operator, day)
        names |= {f"lease-{ends}-{stage}"} if stage else set()
        assert set(events(sandbox, trial)) == names, day
    assert "ends in 14 days, on" in events(sandbox, trial)[f"lease-{ends}-14"]["message"]
    namespace = f"{trial['spec']['id']}-main"
    # An API server forgets Events by itself; what was told isn't told again for that.
    assert sandbox.kubectl("onprem", "-n", namespace, "delete", "events", "--all").returncode == 0
    sync_on(operator, 20)
    operator.apply()
    sync_on(operator, 20)
    assert events(sandbox, trial) == {}
    let_pass(operator, trial, 33)
    sync_on(operator, 20)
    assert set(events(sandbox, trial)) == {f"lease-{TODAY + timedelta(days=33)}-14"}


def test_a_developer_reads_what_happens_when_and_how_to_renew(
    sandbox: Sandbox, operator: Operator, trial: dict[str, Any]
) -> None:
    let_pass(operator, trial, 1)
    assert operator.run("sync", ".").returncode == 0
    namespace = f"{trial['spec']['id']}-main"
    as_developer = ("--as", "dev@gov.example", "--as-group", "portal-team")
    shown = sandbox.kubectl("onprem", "-n", namespace, "get", "events", *as_developer)
    (_, line) = shown.stdout.splitlines()
    assert f"Warning   LeaseEnding   namespace/{namespace}" in line
    assert f"ends tomorrow. After that nothing new starts, its data stays until {TODAY + timedelta(days=31)}" in line
    assert "write a later lease.ends" in line
    listed = sandbox.kubectl("onprem", "-n", namespace, "events", *as_developer)
    assert "LeaseEnding" in listed.stdout
    assert "unknown" not in listed.stdout + shown.stdout


def test_the_end_is_told_once_nothing_new_starts(sandbox: Sandbox, operator: Operator, trial: dict[str, Any]) -> None:
    let_pass(operator, trial, -1)
    assert operator.run("sync", ".").returncode == 0
    (event,) = events(sandbox, trial).values()
    assert event["reason"] == "LeaseEnded"
    assert f"Nothing new starts; its data stays until {TODAY + timedelta(days=29)}" in event["message"]
    assert operator.run("sync", ".").returncode == 0
    assert len(events(sandbox, trial)) == 1


REFUSAL = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-events-%(namespace)s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %(namespace)s}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [events]}]
  validations: [{expression: "false", message: no events here}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-events-%(namespace)s}
spec: {policyName: no-events-%(namespace)s, validationActions: [Deny]}
"""
EVENT = """\
apiVersion: v1
kind: Event
metadata: {name: trial, namespace: %(namespace)s}
involvedObject: {kind: Namespace, name: %(namespace)s, namespace: %(namespace)s}
"""


def wait_until(sandbox: Sandbox, namespace: str, *, refused: bool) -> None:
    """Wait until a site takes no Events, or takes them again: a new policy is in force a moment later."""
    deadline = time.monotonic() + 60
    while refused != ("no events here" in create_event(sandbox, namespace)):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def create_event(sandbox: Sandbox, namespace: str) -> str:
    event = EVENT % {"namespace": namespace}
    return sandbox.kubectl("onprem", "create", "--dry-run=server", "-f", "-", stdin=event).stderr


def test_who_could_not_be_told_is_a_failure_and_is_told_by_the_next_run(
    sandbox: Sandbox, operator: Operator, trial: dict[str, Any]
) -> None:
    let_pass(operator, trial, 7)
    namespace = f"{trial['spec']['id']}-main"
    refusal = REFUSAL % {"namespace": namespace}
    assert sandbox.kubectl("onprem", "apply", "-f", "-", stdin=refusal).returncode == 0
    try:
        wait_until(sandbox, namespace, refused=True)
        done = operator.run("sync", ".")
        assert (done.returncode, "TEN-503" in done.stderr, "no events here" in done.stderr) == (3, True, True)
    finally:
        assert sandbox.kubectl("onprem", "delete", "-f", "-", stdin=refusal).returncode == 0
    wait_until(sandbox, namespace, refused=False)
    assert operator.run("sync", ".").returncode == 0
    assert len(events(sandbox, trial)) == 1
