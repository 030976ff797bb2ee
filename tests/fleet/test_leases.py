"""A temporary tenant is told of before its end; after it nothing new starts, its data stays, and it can be renewed."""

import json
from datetime import timedelta
from typing import Any

import pytest
from trials import TODAY, lease, let_pass

from operators import Operator, keys_of, request
from sites import Sandbox

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: main
      image: registry.gov.example/app:1
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""


def starts(sandbox: Sandbox, trial: dict[str, Any], name: str) -> bool:
    """Whether a new pod is let in."""
    namespace = f"{trial['spec']['id']}-main"
    done = sandbox.kubectl("onprem", "-n", namespace, "create", "-f", "-", stdin=POD % name)
    assert done.returncode == 0 or "exceeded quota: tenantry-quota" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.mark.parametrize(
    ("days", "told"),
    [(15, None), (14, "in 14 days, on"), (7, "in 7 days, on"), (1, "ends tomorrow"), (0, "ends today")],
)
def test_an_end_that_is_near_is_told(operator: Operator, trial: dict[str, Any], days: int, told: str | None) -> None:
    let_pass(operator, trial, days)
    operator.apply()
    status = operator.run("status", ".")
    assert ("TEN-676" in status.stderr) == (told is not None)
    assert (told or "") in status.stderr
    assert operator.run("drift", ".").returncode == 0


def test_after_its_end_nothing_new_starts_and_its_data_stays_until_it_is_renewed(
    sandbox: Sandbox, operator: Operator, trial: dict[str, Any]
) -> None:
    assert starts(sandbox, trial, "first")
    store = sandbox.client("onprem", "s3", keys_of(sandbox, trial))
    bucket = f"{trial['spec']['id']}-documents"
    store.put_object(Bucket=bucket, Key="kept", Body=b"kept")
    let_pass(operator, trial, -1)
    assert "TEN-677" in operator.run("drift", ".").stderr
    synced = operator.run("sync", ".", "--format", "json")
    assert [one["action"] for one in json.loads(synced.stdout)] == ["changed"], synced.stderr
    assert not starts(sandbox, trial, "second")
    namespace = f"{trial['spec']['id']}-main"
    assert sandbox.kubectl("onprem", "-n", namespace, "get", "pod", "first").returncode == 0
    assert store.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"
    status = operator.run("status", ".")
    assert "TEN-677" not in status.stderr
    assert f"its data stays until {TODAY + timedelta(days=29)}" in status.stderr
    assert operator.run("drift", ".").returncode == 0
    trial["spec"]["lease"] = {**lease(60), "reason": "The trial goes on."}
    operator.ask(trial)
    operator.apply()
    assert starts(sandbox, trial, "third")
    assert "TEN-67" not in operator.run("status", ".").stderr


def test_a_tenant_that_outlives_its_grace_is_to_be_retired(operator: Operator, trial: dict[str, Any]) -> None:
    let_pass(operator, trial, -31)
    operator.run("sync", ".")
    drift = operator.run("drift", ".")
    assert (drift.returncode, "TEN-678" in drift.stderr) == (1, True)


def test_a_new_tenant_with_a_lease_in_the_past_is_refused(sandbox: Sandbox, operator: Operator) -> None:
    asked = request(lease=lease(-1))
    operator.ask(asked)
    before = sandbox.snapshot()
    for command in ("plan", "apply"):
        done = operator.run(command, ".")
        assert done.returncode == 1, done.stdout
        assert "TEN-679" in done.stdout + done.stderr
        assert f"tenants/{asked['spec']['id']}.yaml" in done.stdout + done.stderr
    assert sandbox.snapshot() == before
