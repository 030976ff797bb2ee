"""A tenant's end: dependants first, keys next, data as agreed, nothing reported as gone that answers, a certificate."""

import hashlib
import json
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operators import Operator, keys_of, living, request
from sites import Sandbox
from tenantry.contract.reading.schema import validator
from tenantry.fleet.retirement.certificate import digest_of

TODAY = datetime.now(UTC).date()
OWNER = {"by": "o@gov.example", "role": "owner", "on": str(TODAY), "reference": "END-1"}
Request = dict[str, Any]


def certificate(operator: Operator, tenant: str) -> dict[str, Any]:
    """Read a certificate; it is as its schema says, and as its digest says."""
    found = json.loads((operator.state / "certificates" / f"{tenant}.json").read_text())
    assert not list(validator("Certificate").iter_errors(found))
    assert digest_of(found) == found["sha256"]
    page = (operator.state / "certificates" / f"{tenant}.html").read_text()
    assert found["sha256"] in page
    return dict(found)


@pytest.fixture
def register(operator: Operator) -> Request:
    """Apply a tenant whose bucket keeps versions and nothing longer."""
    asked = request("register", buckets=[{"name": "documents", "retentionDays": 0, "versions": True}])
    operator.ask(asked)
    operator.apply()
    return asked


@pytest.fixture
def archive(operator: Operator) -> Request:
    asked = request("archive", site="hosted", buckets=[{"name": "kept", "retentionDays": 0}], serviceAccounts=[])
    operator.ask(asked)
    operator.apply()
    return asked


def fill(sandbox: Sandbox, register: Request, count: int = 3) -> tuple[Any, str]:
    """Give the workload's own session, and its bucket: some objects, one of two versions, one deleted."""
    session = sandbox.client("onprem", "s3", keys_of(sandbox, register))
    bucket = f"{register['spec']['id']}-documents"
    for number in range(count):
        session.put_object(Bucket=bucket, Key=f"papers/{number}", Body=f"paper {number}".encode())
    session.put_object(Bucket=bucket, Key="papers/0", Body=b"paper 0, once more")
    session.put_object(Bucket=bucket, Key="dropped", Body=b"dropped")
    session.delete_object(Bucket=bucket, Key="dropped")
    return session, bucket


def is_refused(session: Any, bucket: str) -> bool:  # noqa: ANN401
    try:
        session.list_objects_v2(Bucket=bucket)
    except ClientError as error:
        return str(error.response["Error"]["Code"]) in ("AccessDenied", "403", "InvalidAccessKeyId", "NoSuchBucket")
    return False


def exported(sandbox: Sandbox, archive: Request, register: Request) -> dict[str, Any]:
    """Read an export by its manifest: each object's digest is the one that is told."""
    store, bucket = sandbox.client("hosted", "s3"), f"{archive['spec']['id']}-kept"
    prefix = f"retired/{register['spec']['id']}/documents/"
    manifest = json.loads(store.get_object(Bucket=bucket, Key=f"{prefix}manifest.json")["Body"].read())
    for one in manifest["objects"]:
        data = store.get_object(Bucket=bucket, Key=one["at"])["Body"].read()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (one["size"], one["sha256"])
    return dict(manifest)


EXPORT = {"name": "documents", "disposal": "export"}


def export_to(archive: Request) -> dict[str, Any]:
    return {**EXPORT, "to": {"tenant": archive["spec"]["id"], "bucket": "kept"}}


def test_data_without_a_retirement_stays_and_nothing_is_changed(
    sandbox: Sandbox, operator: Operator, register: Request
) -> None:
    session, bucket = fill(sandbox, register)
    before = sandbox.snapshot()
    done = operator.run("retire", "register", "--yes")
    assert done.returncode == 3
    assert f"TEN-548 tenant register ({register['spec']['id']}) on site onprem" in done.stderr
    assert f"{register['spec']['id']}.yaml" in done.stderr
    assert sandbox.snapshot() == before
    assert not is_refused(session, bucket)


def test_destroyed_data_is_gone_with_all_versions_and_its_keys_are_worth_nothing(
    sandbox: Sandbox, operator: Operator, register: Request
) -> None:
    tenant = register["spec"]["id"]
    session, bucket = fill(sandbox, register)
    assert not is_refused(session, bucket)
    operator.end(tenant, {"name": "documents", "disposal": "destroy"})
    done = operator.run("retire", "register", "--yes")
    assert done.returncode == 0, done.stderr
    assert is_refused(session, bucket)
    assert living(sandbox, [tenant]) == {site: set() for site in sandbox.sites}
    spec = certificate(operator, tenant)["spec"]
    assert spec["approvals"] == [OWNER]
    (told,) = spec["buckets"]
    assert (told["name"], told["disposal"]) == (bucket, "destroy")
    assert [(one["versions"], one["markers"]) for one in told["inventories"]] == [(5, 1)]
    assert f"v1/Namespace//{tenant}-main" in spec["gone"]
    assert f"User/{tenant}.main.app" in spec["gone"]
    state = sandbox.kubectl("onprem", "-n", "tenantry-system", "get", "secret", f"retired-{tenant}-0")
    assert state.returncode == 0
    again = operator.run("retire", "register", "--yes")
    assert again.returncode == 0
    assert certificate(operator, tenant)["spec"] == spec
    assert "TEN-552" in operator.run("apply", ".").stderr
    planned = operator.run("plan", ".")
    assert (planned.returncode, "being retired" in planned.stdout, "TEN-552" in planned.stderr) == (0, True, True)
    assert living(sandbox, [tenant]) == {site: set() for site in sandbox.sites}


def test_no_secret_is_in_a_certificate_or_in_the_kept_state(
    sandbox: Sandbox, operator: Operator, register: Request
) -> None:
    import base64
    import gzip

    tenant = register["spec"]["id"]
    _, secret = keys_of(sandbox, register)
    assert operator.run("retire", "register", "--yes").returncode == 0
    held = sandbox.kubectl("onprem", "-n", "tenantry-system", "get", "secret", f"retired-{tenant}-0", "-o", "json")
    state = gzip.decompress(base64.b64decode(json.loads(held.stdout)["data"]["state.json.gz"]))
    told = certificate(operator, tenant)
    assert hashlib.sha256(state).hexdigest() == told["spec"]["state"]["sha256"]
    assert b"ciphertext" in state
    for text in (state.decode(), json.dumps(told), held.stdout):
        assert secret not in text


def test_exported_data_is_all_there_and_proven(
    sandbox: Sandbox, operator: Operator, register: Request, archive: Request
) -> None:
    tenant = register["spec"]["id"]
    session, bucket = fill(sandbox, register)
    operator.end(tenant, export_to(archive))
    done = operator.run("retire", "register", "--yes")
    assert done.returncode == 0, done.stderr
    manifest = exported(sandbox, archive, register)
    current = {one["key"]: one["sha256"] for one in manifest["objects"] if "/current/" in one["at"]}
    assert current["papers/0"] == hashlib.sha256(b"paper 0, once more").hexdigest()
    assert sorted(current) == ["papers/0", "papers/1", "papers/2"]
    assert len(manifest["objects"]) == 5
    assert [one["key"] for one in manifest["deleteMarkers"]] == ["dropped"]
    assert is_refused(session, bucket)
    assert living(sandbox, [tenant]) == {site: set() for site in sandbox.sites}
    (told,) = certificate(operator, tenant)["spec"]["buckets"]
    assert told["export"]["versions"] == 5


def test_data_that_retention_keeps_is_not_destroyed(sandbox: Sandbox, operator: Operator) -> None:
    asked = request("register", buckets=[{"name": "documents", "retentionDays": 3}])
    operator.ask(asked)
    operator.apply()
    session, bucket = fill(sandbox, asked, 1)
    operator.end(asked["spec"]["id"], {"name": "documents", "disposal": "destroy"})
    before = sandbox.snapshot()
    kept = operator.run("retire", "register", "--yes")
    assert (kept.returncode, "TEN-406" in kept.stderr) == (3, True)
    assert sandbox.snapshot() == before
    assert not is_refused(session, bucket)


def test_held_data_stays_with_nobody_to_reach_it(sandbox: Sandbox, operator: Operator) -> None:
    bucket_request = {"name": "documents", "retentionDays": 2, "versions": True, "lock": True}
    asked = request("register", classification="shared", buckets=[{**bucket_request, "retentionDays": 365}])
    operator.ask(asked)
    operator.apply()
    tenant = asked["spec"]["id"]
    session, bucket = fill(sandbox, asked, 2)
    operator.end(tenant, {"name": "documents", "disposal": "destroy"})
    before = sandbox.snapshot()
    locked = operator.run("retire", "register", "--yes")
    assert (locked.returncode, "TEN-40" in locked.stderr) == (3, True)
    assert sandbox.snapshot() == before
    operator.end(tenant, {"name": "documents", "disposal": "hold", "until": "2099-12-31"})
    done = operator.run("retire", "register", "--yes")
    assert done.returncode == 0, done.stderr
    assert is_refused(session, bucket)
    assert living(sandbox, [tenant])["onprem"] == {f"Bucket/{bucket}"}
    store = sandbox.client("onprem", "s3")
    versions = store.list_object_versions(Bucket=bucket)["Versions"]
    for one in versions:
        where = {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
        assert store.get_object_legal_hold(**where)["LegalHold"]["Status"] == "ON"
    (told,) = certificate(operator, tenant)["spec"]["buckets"]
    assert told["hold"] == {"versions": len(versions), "by": "legal hold", "until": "2099-12-31"}


def test_who_depends_on_a_tenant_is_named_first(sandbox: Sandbox, operator: Operator) -> None:
    intent = {"port": 8443, "reason": "Reads the register."}
    register, portal = request("register", buckets=[], serviceAccounts=[]), request("portal")
    register["spec"]["intents"] = [{"direction": "from", "tenant": portal["spec"]["id"], **intent}]
    portal["spec"]["intents"] = [{"direction": "to", "tenant": register["spec"]["id"], **intent}]
    operator.ask(register, portal)
    operator.apply()
    before = sandbox.snapshot()
    done = operator.run("retire", "register", "--yes")
    assert (done.returncode, "TEN-540" in done.stderr) == (2, True)
    assert f"{portal['spec']['id']}.yaml:" in done.stderr
    portal["spec"].pop("intents")
    operator.ask(portal)
    still = operator.run("retire", "register", "--yes")
    assert (still.returncode, "TEN-549" in still.stderr) == (3, True)
    assert f"tenantry apply {portal['spec']['id']}" in still.stderr
    assert sandbox.snapshot() == before
    operator.apply(portal["spec"]["id"])
    assert operator.run("retire", "register", "--yes").returncode == 0


def test_an_export_with_nowhere_to_go_changes_nothing(sandbox: Sandbox, operator: Operator, register: Request) -> None:
    fill(sandbox, register)
    archive = request("archive", site="hosted", buckets=[{"name": "kept", "retentionDays": 0}], serviceAccounts=[])
    operator.ask(archive)
    operator.end(register["spec"]["id"], export_to(archive))
    before = sandbox.snapshot()
    missing = operator.run("retire", "register", "--yes")
    assert (missing.returncode, "TEN-414" in missing.stderr) == (3, True)
    connection = json.loads((operator.connections / "hosted.json").read_text())
    wrong = operator.connections / "wrong.credentials"
    wrong.write_text(f"[{connection['objectStore']['profile']}]\naws_access_key_id = x\naws_secret_access_key = y\n")
    connection["objectStore"]["credentialsFile"] = str(wrong)
    (operator.connections / "hosted.json").write_text(json.dumps(connection))
    refused = operator.run("retire", "register", "--yes")
    assert (refused.returncode, "TEN-402" in refused.stderr) == (3, True)
    connection["objectStore"]["endpoint"] = "https://127.0.0.1:9"
    (operator.connections / "hosted.json").write_text(json.dumps(connection))
    down = operator.run("retire", "register", "--yes")
    assert (down.returncode, "TEN-401" in down.stderr) == (3, True)
    assert sandbox.snapshot() == before


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
def test_a_retirement_that_is_cut_off_after_each_step_is_finished_by_the_next(
    sandbox: Sandbox, operator: Operator, register: Request, archive: Request, how: signal.Signals
) -> None:
    """No version is lost: what was exported and deleted before a kill stays in the next manifest."""
    tenant = register["spec"]["id"]
    session, bucket = fill(sandbox, register, 60)
    assert not is_refused(session, bucket)
    operator.end(tenant, export_to(archive))
    store, target = sandbox.client("hosted", "s3"), f"{archive['spec']['id']}-kept"

    def copied() -> int:
        listed = store.list_objects_v2(Bucket=target, Prefix=f"retired/{tenant}/")
        return int(listed["KeyCount"])

    def left() -> int:
        try:
            return len(sandbox.client("onprem", "s3").list_object_versions(Bucket=bucket).get("Versions", []))
        except ClientError:
            return 0

    moments: list[Callable[[], bool]] = [
        lambda: is_refused(session, bucket),
        lambda: copied() > 0,
        lambda: copied() > 30,
        lambda: copied() > 62,
        lambda: left() < 62,
        lambda: left() == 0,
    ]
    for reached in moments if how is signal.SIGKILL else moments[2:5:2]:
        if reached():
            continue
        with operator.start("retire", "register", "--yes") as retiring:
            while retiring.poll() is None and not reached():
                time.sleep(0.02)
            retiring.send_signal(how)
            _, said = retiring.communicate(timeout=120)
        assert "Traceback" not in said
    done = operator.run("retire", "register", "--yes")
    assert done.returncode == 0, done.stderr
    assert is_refused(session, bucket)
    manifest = exported(sandbox, archive, register)
    assert len(manifest["objects"]) == 62
    assert len({one["key"] for one in manifest["objects"] if "/current/" in one["at"]}) == 60
    assert living(sandbox, [tenant]) == {site: set() for site in sandbox.sites}
    (told,) = certificate(operator, tenant)["spec"]["buckets"]
    assert (told["export"]["versions"], told["inventories"][0]["versions"]) == (62, 62)
