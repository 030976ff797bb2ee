"""What tenants use of their quotas is shown as their sites count it, with their departments' totals."""

import json
import time
from typing import Any

from operators import Operator, keys_of, request
from sites import Sandbox

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: worker}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: main
      image: registry.gov.example/app:1
      resources: {requests: {cpu: 950m, memory: 100Mi}, limits: {cpu: 950m, memory: 100Mi}}
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
GI = 1 << 30
COUNTED_SECONDS = 60
"""How long the site may take to count a pod."""


def usage(operator: Operator) -> dict[str, Any]:
    done = operator.run("status", ".", "--usage", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_is_used_is_shown_and_what_is_nearly_full_is_told(sandbox: Sandbox, operator: Operator) -> None:
    quota = {"cpu": "1", "memory": "2Gi", "storage": "10Gi", "pods": 10}
    busy = request("busy", namespaces=[{"name": "main"}], quota=quota, buckets=[{"name": "documents", "quota": "5Gi"}])
    idle, absent = request("idle", site="hosted", quota=quota), request("absent", quota=quota)
    operator.ask(busy, idle)
    operator.apply()
    operator.ask(absent)
    before = {one["name"]: one["amounts"] for one in usage(operator)["tenants"]}
    assert set(before) == {"busy", "idle"}
    assert {what: each["used"] for what, each in before["busy"].items()} == dict.fromkeys(
        ("cpu", "memory", "storage", "pods"), 0
    )
    assert "TEN-567" not in operator.run("status", ".").stderr
    namespace = f"{busy['spec']['id']}-main"
    assert sandbox.kubectl("onprem", "-n", namespace, "create", "-f", "-", stdin=POD).returncode == 0
    deadline = time.monotonic() + COUNTED_SECONDS
    found = usage(operator)
    while not any(one["amounts"]["pods"]["used"] for one in found["tenants"]):
        assert time.monotonic() < deadline
        found = usage(operator)
    amounts = {one["name"]: one["amounts"] for one in found["tenants"]}["busy"]
    assert amounts["cpu"] == {"used": 950, "quota": 1000, "nearlyFull": True}
    assert amounts["memory"] == {"used": 100 << 20, "quota": 2 * GI, "nearlyFull": False}
    assert amounts["pods"] == {"used": 1, "quota": 10, "nearlyFull": False}
    (department,) = found["departments"]
    assert department["department"] == "platforms"
    assert department["amounts"]["cpu"] == {"used": 950, "given": 3000, "ceiling": 2_000_000, "nearlyFull": False}
    # Buckets count as given: two of the default size, and one of 5Gi.
    assert department["amounts"]["storage"]["given"] == (3 * 10 + 5 + 2 * 100) * GI
    shown = operator.run("status", ".", "--usage")
    assert "950m of 1 !" in shown.stdout
    for said in (shown.stderr, operator.run("status", ".").stderr):
        assert f"TEN-567 busy ({busy['spec']['id']}) uses 950m of 1 cpu." in said


def test_a_site_that_cannot_be_asked_is_told_and_the_others_are_shown(operator: Operator) -> None:
    one, other = request("one"), request("other", site="hosted")
    operator.ask(one, other)
    operator.apply()
    (operator.connections / "hosted.json").unlink()
    done = operator.run("status", ".", "--usage")
    assert (done.returncode, "TEN-500" in done.stderr) == (3, True)
    assert one["spec"]["id"] in done.stdout
    assert other["spec"]["id"] not in done.stdout


def test_what_buckets_hold_is_counted_where_asked_and_unknown_else(sandbox: Sandbox, operator: Operator) -> None:
    """The sandbox's store doesn't tell; what isn't known is never shown as nothing."""
    buckets = [{"name": "documents", "quota": "1Mi", "versions": True}, {"name": "empty", "quota": "1Mi"}]
    asked = request("register", buckets=buckets)
    operator.ask(asked)
    operator.apply()
    tenant = asked["spec"]["id"]
    store = sandbox.client("onprem", "s3", keys_of(sandbox, asked))
    for size in (600_000, 400_000):
        store.put_object(Bucket=f"{tenant}-documents", Key="one", Body=bytes(size))
    assert [(one["bytes"], one["nearlyFull"]) for one in usage(operator)["buckets"]] == [(None, False)] * 2
    shown = operator.run("status", ".", "--usage").stdout
    assert "What 2 buckets hold at site onprem isn't known" in shown
    assert f"{tenant}-documents" not in shown
    counted = json.loads(operator.run("status", ".", "--usage", "--objects", "--format", "json").stdout)["buckets"]
    assert [(one["bucket"], one["versions"], one["bytes"], one["nearlyFull"]) for one in counted] == [
        (f"{tenant}-documents", 2, 1_000_000, True),
        (f"{tenant}-empty", 0, 0, False),
    ]
    told = operator.run("status", ".", "--usage", "--objects")
    assert "976.6Ki of 1Mi !" in told.stdout
    assert f"TEN-568 bucket {tenant}-documents of register" in told.stderr
