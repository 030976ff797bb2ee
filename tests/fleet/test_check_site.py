"""`tenantry check --site` judges what lives at a site: objects and buckets, by the policies and waivers of a check."""

import json
from typing import Any

import pytest

from operators import Operator, request
from sites import Sandbox

SITE = "onprem"


def check(operator: Operator, *words: str) -> list[dict[str, Any]]:
    done = operator.run("check", "--site", SITE, "--format", "json", *words)
    report = json.loads(done.stdout)
    assert done.returncode == (1 if report["summary"]["deny"] or report["summary"]["undecidable"] else 0), done.stderr
    assert report["summary"]["objects"] > 100
    found: list[dict[str, Any]] = report["results"]
    return found


def found_of(tenant: str, results: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Give the verdicts on a tenant's objects: other tests have tenants at the site, too."""
    own = [one for one in results if tenant in (one["object"]["namespace"] + one["object"]["name"])]
    assert {one["file"] for one in own} <= {f"site:{SITE}"}
    return {(one["object"]["kind"], one["policy"]): one["verdict"] for one in own}


@pytest.fixture
def tenant(operator: Operator) -> str:
    wanted = request(site=SITE)
    operator.ask(wanted)
    operator.apply()
    return str(wanted["spec"]["id"])


def bind_everything(sandbox: Sandbox, tenant: str) -> None:
    made = ("create", "rolebinding", "all", "--clusterrole=cluster-admin", "--user=somebody")
    done = sandbox.kubectl(SITE, "-n", f"{tenant}-main", *made)
    assert done.returncode == 0, done.stderr


def test_what_was_applied_passes_and_what_somebody_opened_is_denied(
    sandbox: Sandbox, operator: Operator, tenant: str
) -> None:
    assert found_of(tenant, check(operator)) == {}
    bind_everything(sandbox, tenant)
    bucket = f"{tenant}-documents"
    writes = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [writes]})
    sandbox.client(SITE, "s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    found = found_of(tenant, check(operator))
    assert found["RoleBinding", "rbac-cluster-admin"] == "deny"
    assert found["Bucket", "bucket-public"] == "deny"
    assert {kind for kind, _ in found} == {"RoleBinding", "Bucket"}


def test_a_waiver_excuses_a_live_object_as_it_does_in_files(sandbox: Sandbox, operator: Operator, tenant: str) -> None:
    bind_everything(sandbox, tenant)
    selector = {"tenant": tenant, "namespace": "main", "kind": "RoleBinding", "name": "all"}
    operator.waive("rbac-cluster-admin", selector)
    assert found_of(tenant, check(operator)) == {("RoleBinding", "rbac-cluster-admin"): "allow"}


def test_how_long_a_bucket_is_kept_is_in_the_record_and_else_nobody_knows(
    sandbox: Sandbox, operator: Operator, tenant: str
) -> None:
    done = sandbox.kubectl(SITE, "-n", "tenantry-system", "delete", "configmap", tenant)
    assert done.returncode == 0, done.stderr
    found = found_of(tenant, check(operator))
    assert found == {("Bucket", "bucket-retention"): "undecidable"}


def test_a_site_that_cannot_be_asked_is_no_pass(operator: Operator) -> None:
    done = operator.run("check", "--site", "nowhere")
    assert (done.returncode, "TEN-500" in done.stderr, done.stdout) == (3, True, "")
    connection = json.loads((operator.connections / f"{SITE}.json").read_text())
    connection["objectStore"]["endpoint"] = "https://127.0.0.1:1"
    (operator.connections / f"{SITE}.json").write_text(json.dumps(connection))
    done = operator.run("check", "--site", SITE)
    assert (done.returncode, f"site {SITE}" in done.stderr, done.stdout) == (3, True, "")
