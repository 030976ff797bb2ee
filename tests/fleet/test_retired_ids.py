"""A site remembers who ended there: the id isn't used twice, and what is held for later is told of."""

import json
from typing import Any

from test_retire import fill

from operators import Operator, living, request
from sites import Sandbox

PLAIN: dict[str, Any] = {"namespaces": [{"name": "main"}], "buckets": [], "serviceAccounts": []}


def test_the_id_of_a_retired_tenant_is_not_used_again(sandbox: Sandbox, operator: Operator) -> None:
    """Also on another site, and with a name of its own."""
    old = request("register", **PLAIN)
    tenant = old["spec"]["id"]
    operator.ask(old)
    operator.apply()
    retirement = operator.end(tenant)
    assert operator.run("retire", "register", "--yes").returncode == 0
    retirement.unlink()
    new = request("portal", site="hosted", **PLAIN)
    other = request("other", **PLAIN)
    new["spec"]["id"] = tenant
    operator.ask(new)
    before = sandbox.snapshot()
    for command in ("plan", "apply"):
        done = operator.run(command, ".")
        assert (done.returncode, "TEN-556" in done.stderr) == (1, True)
        assert "was retired at site onprem on 20" in done.stderr
        assert "tenantry new" in done.stderr
    assert sandbox.snapshot() == before
    assert operator.status() == {tenant: "retired"}
    operator.ask(other)
    found = operator.apply(code=1)
    assert {one["name"]: one["action"] for one in found.values()} == {"portal": "denied", "other": "created"}


def test_a_retirement_that_was_begun_is_to_be_finished_first(sandbox: Sandbox, operator: Operator) -> None:
    old = request("register", **PLAIN)
    tenant = old["spec"]["id"]
    operator.ask(old)
    operator.apply()
    assert operator.run("retire", "register", "--yes").returncode == 0
    begun = json.dumps({"tenant": tenant, "started": "2026-11-01T00:00:00Z"})
    journal = json.dumps({"data": {"journal": begun}})
    where = ("-n", "tenantry-system", "patch", "configmap", f"retired-{tenant}", "--type=merge", "-p")
    assert sandbox.kubectl("onprem", *where, journal).returncode == 0
    done = operator.run("apply", ".")
    assert (done.returncode, f"tenantry retire {tenant}" in done.stderr) == (1, True)
    assert "begun at site onprem on 2026-11-01, isn't finished" in done.stderr


def test_what_is_held_of_a_retired_tenant_is_told_until_it_is_gone(sandbox: Sandbox, operator: Operator) -> None:
    asked = request("register", buckets=[{"name": "documents", "retentionDays": 0}])
    tenant = asked["spec"]["id"]
    stays = request("stays", **PLAIN)
    operator.ask(asked, stays)
    operator.apply()
    _, bucket = fill(sandbox, asked, 1)
    operator.end(tenant, {"name": "documents", "disposal": "hold", "until": "2099-12-31"})
    assert operator.run("retire", "register", "--yes").returncode == 0
    (operator.government / "tenants" / f"{tenant}.yaml").unlink()
    status = operator.run("status", ".")
    assert status.returncode == 0
    assert f"TEN-557 site onprem holds bucket {bucket} of tenant {tenant}" in status.stderr
    assert "until 2099-12-31" in status.stderr
    assert operator.run("drift", ".").returncode == 0
    store = sandbox.client("onprem", "s3")
    listed = store.list_object_versions(Bucket=bucket)
    for one in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        store.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    store.delete_bucket(Bucket=bucket)
    assert f"holds bucket {bucket}" not in operator.run("status", ".").stderr
    assert living(sandbox, [tenant])["onprem"] == set()


def test_a_hold_that_is_over_is_told_as_such(sandbox: Sandbox, operator: Operator) -> None:
    asked = request("register", buckets=[{"name": "documents", "retentionDays": 0}])
    tenant = asked["spec"]["id"]
    operator.ask(asked, request("stays", **PLAIN))
    operator.apply()
    fill(sandbox, asked, 1)
    operator.end(tenant, {"name": "documents", "disposal": "hold", "until": "2026-01-31"})
    assert operator.run("retire", "register", "--yes").returncode == 0
    status = operator.run("status", ".")
    assert f"TEN-558 site onprem holds bucket {tenant}-documents" in status.stderr
    assert "was to hold it until 2026-01-31" in status.stderr
