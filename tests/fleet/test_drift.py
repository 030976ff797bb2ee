"""What somebody changes by hand is seen, named and mended; what isn't tenantry's is left alone."""

import json
from typing import Any

import pytest
from operators import Operator, asked_for, living, request

from sites import Sandbox

SITE = "onprem"


class Made:
    """An applied tenant, and hands that meddle with it."""

    def __init__(self, sandbox: Sandbox, operator: Operator) -> None:
        self.sandbox, self.operator = sandbox, operator
        self.request: dict[str, Any] = request(site=SITE)
        self.tenant = str(self.request["spec"]["id"])
        self.namespace = f"{self.tenant}-main"
        operator.ask(self.request)
        operator.apply()

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        done = self.sandbox.kubectl(SITE, "-n", self.namespace, *words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def drifted(self) -> dict[str, str]:
        return self.operator.differences()

    def mended(self) -> bool:
        assert self.operator.apply()[self.tenant]["action"] == "changed"
        whole = living(self.sandbox, [self.tenant]) == asked_for(self.operator.planned(), self.sandbox.sites)
        return whole and not self.drifted() and self.operator.status()[self.tenant] == "as asked"


@pytest.fixture
def made(sandbox: Sandbox, operator: Operator) -> Made:
    return Made(sandbox, operator)


def test_a_tenant_as_applied_has_no_drift(made: Made) -> None:
    assert made.drifted() == {}


def test_a_deleted_object(made: Made) -> None:
    made.kubectl("delete", "networkpolicy", "tenantry-default-deny")
    key = f"networking.k8s.io/v1/NetworkPolicy/{made.namespace}/tenantry-default-deny"
    assert made.drifted() == {key: "it is gone"}
    assert made.mended()


def test_a_deleted_namespace_with_all_in_it(made: Made) -> None:
    made.kubectl("delete", "namespace", f"{made.tenant}-jobs")
    found = made.drifted()
    assert f"v1/Namespace//{made.tenant}-jobs" in found
    assert set(found.values()) == {"it is gone"}
    assert made.mended()


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"spec": {"hard": {"pods": "9999"}}}, "spec.hard.pods"),
        ({"metadata": {"labels": {"tenantry.dev/department": "others"}}}, "metadata.labels.tenantry.dev/department"),
        ({"metadata": {"labels": {"left-by": "somebody"}}}, "a field that tenantry doesn't set"),
        ({"spec": {"hard": {"count/secrets": "5"}}}, "a field that tenantry doesn't set"),
    ],
)
def test_a_changed_field(made: Made, patch: dict[str, Any], path: str) -> None:
    made.kubectl("patch", "resourcequota", "tenantry-quota", "--type=merge", "-p", json.dumps(patch))
    found = made.drifted()
    assert list(found) == [f"v1/ResourceQuota/{made.namespace}/tenantry-quota"]
    assert path in next(iter(found.values()))
    assert made.operator.apply()[made.tenant]["action"] == "changed"
    assert made.drifted() == {}


def test_a_field_taken_over_by_another_manager_is_taken_back(made: Made) -> None:
    wanted = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tenantry-quota", "namespace": made.namespace},
        "spec": {"hard": {"pods": "7"}},
    }
    made.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=somebody",
        "-f",
        "-",
        stdin=json.dumps(wanted),
    )
    assert made.drifted()
    assert made.mended()


def test_a_changed_secret_is_seen_and_never_shown(made: Made) -> None:
    name = made.kubectl("get", "secrets", "-l", f"tenantry.dev/tenant={made.tenant}", "-o", "name").strip()
    made.kubectl("patch", name, "--type=merge", "-p", json.dumps({"stringData": {"AWS_ACCESS_KEY_ID": "hidden-word"}}))
    found = made.operator.run("drift", ".")
    assert found.returncode == 1
    assert "Secret/" in found.stdout
    assert "hidden-word" not in found.stdout + found.stderr
    assert made.mended()


def test_a_bucket_that_is_gone(made: Made) -> None:
    made.sandbox.client(SITE, "s3").delete_bucket(Bucket=f"{made.tenant}-documents")
    assert made.drifted() == {f"tenantry.dev/v1/Bucket//{made.tenant}-documents": "it is gone"}
    assert made.mended()


def test_a_bucket_whose_policy_is_gone(made: Made) -> None:
    made.sandbox.client(SITE, "s3").delete_bucket_policy(Bucket=f"{made.tenant}-documents")
    assert made.drifted() == {f"tenantry.dev/v1/Bucket//{made.tenant}-documents": "spec.policy changed in the store"}
    assert made.mended()


def test_a_user_that_is_gone(made: Made) -> None:
    iam = made.sandbox.client(SITE, "iam")
    user = f"{made.tenant}.main.app"
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_user_policies(UserName=user)["PolicyNames"]:
        iam.delete_user_policy(UserName=user, PolicyName=policy)
    iam.delete_user(UserName=user)
    assert set(made.drifted()) >= {f"tenantry.dev/v1/User//{user}"}
    assert made.mended()


def test_what_others_make_in_a_namespace_is_theirs(made: Made) -> None:
    made.kubectl("create", "configmap", "theirs")
    made.kubectl("label", "configmap", "theirs", f"tenantry.dev/tenant={made.tenant}")
    assert made.drifted() == {}
    assert made.operator.apply()[made.tenant]["action"] == "unchanged"
    made.kubectl("get", "configmap", "theirs")


def test_a_record_that_somebody_broke_is_made_anew(made: Made) -> None:
    record = ["-n", "tenantry-system", "patch", "configmap", made.tenant, "--type=merge", "-p"]
    done = made.sandbox.kubectl(SITE, *record, json.dumps({"data": {"objects": "{", "digest": ""}}))
    assert done.returncode == 0, done.stderr
    assert made.operator.apply()[made.tenant]["action"] == "changed"
    assert made.operator.apply()[made.tenant]["action"] == "unchanged"
