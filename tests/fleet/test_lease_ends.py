"""After its grace a temporary tenant is retired by the daily sync, as far as its documents say what becomes of it."""

import json
import signal
import time
from datetime import timedelta
from typing import Any

import pytest
from trials import TODAY, lease, let_pass, run_on

from operators import Operator, keys_of, living, request
from sites import Sandbox
from tenantry.contract.reading.schema import validator

Trial = dict[str, Any]


@pytest.fixture
def register(operator: Operator) -> Trial:
    """Apply a temporary tenant whose bucket keeps nothing against its owner's will."""
    asked = request(
        "register", namespaces=[{"name": "main"}], buckets=[{"name": "documents", "retentionDays": 0}], lease=lease(100)
    )
    operator.ask(asked)
    operator.apply()
    return asked


def let_grace_pass(sandbox: Sandbox, operator: Operator, trial: Trial) -> None:
    """Let the lease and its grace pass, after its people were told in time; what is left is to retire it."""
    let_pass(operator, trial, -31)
    told = run_on(operator, TODAY - timedelta(days=30), "sync", ".")
    assert told.returncode == 0, told.stderr
    assert not gone(sandbox, trial)


def gone(sandbox: Sandbox, trial: Trial) -> bool:
    return not any(living(sandbox, [trial["spec"]["id"]]).values())


def seen(sandbox: Sandbox) -> dict[str, Any]:
    """All that tenants have, but for the records, which say what was told of them."""
    found = sandbox.snapshot()
    return {site: {key: one for key, one in found[site].items() if "/tenantry-system/" not in key} for site in found}


def fill(sandbox: Sandbox, trial: Trial, count: int = 1) -> None:
    store = sandbox.client("onprem", "s3", keys_of(sandbox, trial))
    for number in range(count):
        store.put_object(Bucket=f"{trial['spec']['id']}-documents", Key=f"papers/{number}", Body=b"paper")


def sync(operator: Operator, *words: str) -> tuple[int, str, list[str]]:
    """Give the exit code, what became of the only tenant, and the codes that it was told with."""
    done = operator.run("sync", ".", "--format", "json", *words)
    (one,) = json.loads(done.stdout)
    return done.returncode, one["action"], [told["code"] for told in one["problems"]]


def test_a_tenant_without_data_is_retired_once_its_grace_is_over(
    sandbox: Sandbox, operator: Operator, register: Trial
) -> None:
    tenant = register["spec"]["id"]
    let_grace_pass(sandbox, operator, register)
    assert "which retires it" in operator.run("drift", ".").stderr
    assert sync(operator, "--no-retire") == (0, "unchanged", [])
    assert not gone(sandbox, register)
    done = operator.run("sync", ".", "--certificate", "../certificates")
    assert done.returncode == 0, done.stderr
    assert "1 retired." in done.stdout
    assert gone(sandbox, register)
    certificate = json.loads((operator.government.parent / "certificates" / f"{tenant}.json").read_text())
    assert not list(validator("Certificate").iter_errors(certificate))
    assert certificate["spec"]["reason"].startswith(f"Its lease ended on {register['spec']['lease']['ends']}")
    assert certificate["spec"]["approvals"] == register["spec"]["approvals"]
    assert sync(operator) == (0, "unchanged", [])
    assert operator.run("drift", ".").returncode == 0


def test_its_people_have_their_grace_from_the_day_on_which_they_were_told(
    sandbox: Sandbox, operator: Operator, register: Trial
) -> None:
    """Also where nothing was synced for long, or somebody wrote the wrong year."""
    let_pass(operator, register, -80)
    assert sync(operator) == (0, "changed", [])
    assert sync(operator) == (0, "unchanged", [])
    assert not gone(sandbox, register)
    assert f"as `tenantry sync` does after {TODAY + timedelta(days=29)}" in operator.run("drift", ".").stderr


def test_data_of_which_nothing_was_agreed_keeps_the_tenant_and_what_was_agreed_is_done(
    sandbox: Sandbox, operator: Operator, register: Trial
) -> None:
    fill(sandbox, register)
    let_grace_pass(sandbox, operator, register)
    before = seen(sandbox)
    assert sync(operator) == (1, "denied", ["TEN-553", "TEN-548"])
    assert seen(sandbox) == before
    namespace = f"{register['spec']['id']}-main"
    events = sandbox.kubectl("onprem", "-n", namespace, "get", "events").stdout
    assert "LeaseGraceOver" in events
    operator.end(register["spec"]["id"], {"name": "documents", "disposal": "destroy"})
    assert sync(operator, "--no-retire") == (0, "unchanged", ["TEN-552"])
    assert seen(sandbox) == before
    assert sync(operator) == (0, "retired", [])
    assert gone(sandbox, register)
    assert sync(operator) == (0, "unchanged", ["TEN-552"])


def test_volumes_may_hold_data_too(sandbox: Sandbox, operator: Operator, register: Trial) -> None:
    namespace = f"{register['spec']['id']}-main"
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    document = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "database"}, "spec": claim}
    made = sandbox.kubectl("onprem", "-n", namespace, "create", "-f", "-", stdin=json.dumps(document))
    assert made.returncode == 0, made.stderr
    let_grace_pass(sandbox, operator, register)
    before = seen(sandbox)
    assert sync(operator) == (1, "denied", ["TEN-553", "TEN-554"])
    assert f"{namespace}/database" in operator.run("sync", ".").stderr
    assert seen(sandbox) == before


def test_who_others_depend_on_stays_and_the_others_are_synced(sandbox: Sandbox, operator: Operator) -> None:
    intent = {"port": 8443, "reason": "Reads the register."}
    plain: Any = {"buckets": [], "serviceAccounts": [], "namespaces": [{"name": "main"}]}
    register, portal, alone = (request(name, **plain) for name in ("register", "portal", "alone"))
    for one in (register, alone):
        one["spec"]["lease"] = lease(100)
    register["spec"]["intents"] = [{"direction": "from", "tenant": portal["spec"]["id"], **intent}]
    portal["spec"]["intents"] = [{"direction": "to", "tenant": register["spec"]["id"], **intent}]
    operator.ask(register, portal, alone)
    operator.apply()
    let_pass(operator, alone, -31)
    let_grace_pass(sandbox, operator, register)
    done = operator.run("sync", ".", "--format", "json")
    found = {
        one["name"]: (one["action"], [told["code"] for told in one["problems"]]) for one in json.loads(done.stdout)
    }
    assert found == {
        "alone": ("retired", []),
        "portal": ("unchanged", []),
        "register": ("denied", ["TEN-553", "TEN-540", "TEN-549"]),
    }
    assert done.returncode == 1
    assert not gone(sandbox, register)
    portal["spec"].pop("intents")
    operator.ask(portal)
    again = json.loads(operator.run("sync", ".", "--format", "json").stdout)
    assert [told["code"] for one in again for told in one["problems"]] == ["TEN-553", "TEN-549"]
    operator.apply("portal")
    operator.run("sync", ".")
    assert gone(sandbox, register)


def test_two_clocks_have_to_agree(sandbox: Sandbox, operator: Operator, register: Trial) -> None:
    """A machine whose clock is ahead retires nobody."""
    let_pass(operator, register, -1)
    assert sync(operator)[1] == "changed"
    ahead = run_on(operator, TODAY + timedelta(days=60), "sync", ".")
    assert (ahead.returncode, "TEN-555" in ahead.stderr) == (1, True)
    assert not gone(sandbox, register)


def test_one_that_was_killed_while_retiring_is_finished_by_the_next(
    sandbox: Sandbox, operator: Operator, register: Trial
) -> None:
    fill(sandbox, register, 40)
    let_grace_pass(sandbox, operator, register)
    operator.end(register["spec"]["id"], {"name": "documents", "disposal": "destroy"})
    tenant = register["spec"]["id"]
    namespace = f"{tenant}-main"

    def without_keys() -> bool:
        return sandbox.kubectl("onprem", "-n", namespace, "get", "secrets", "-o", "name").stdout == ""

    def without_bucket() -> bool:
        listed = sandbox.client("onprem", "s3").list_buckets()["Buckets"]
        return not any(one["Name"].startswith(tenant) for one in listed)

    def without_namespace() -> bool:
        return sandbox.kubectl("onprem", "get", "namespace", namespace).returncode != 0

    for reached in (without_keys, without_bucket, without_namespace):
        with operator.start("sync", ".") as syncing:
            while syncing.poll() is None and not reached():
                time.sleep(0.02)
            syncing.send_signal(signal.SIGKILL)
            _, said = syncing.communicate(timeout=120)
        assert "Traceback" not in said
    assert sync(operator)[0] == 0
    assert gone(sandbox, register)
    certificate = json.loads((operator.state / "certificates" / f"{tenant}.json").read_text())
    assert certificate["spec"]["buckets"][0]["inventories"][0]["versions"] == 40
