"""What somebody changes by hand is seen, named and mended; what isn't tenantry's is left alone."""

import json
from typing import Any

import pytest

from operators import Operator, asked_for, living, request
from sites import Sandbox

SITE = "onprem"


class Made:
    """An applied tenant, and hands that meddle with it; each gives what should be seen of it, by object."""

    def __init__(self, sandbox: Sandbox, operator: Operator) -> None:
        self.sandbox, self.operator = sandbox, operator
        accounts = [
            {"name": name, "namespace": "main", "buckets": [{"bucket": bucket, "access": "readWrite"}]}
            for name, bucket in (("app", "documents"), ("archive", "images"))
        ]
        buckets = [{"name": name} for name in ("documents", "images")]
        self.request: dict[str, Any] = request(site=SITE, buckets=buckets, serviceAccounts=accounts)
        self.tenant = str(self.request["spec"]["id"])
        self.namespace = f"{self.tenant}-main"
        operator.ask(self.request)
        operator.apply()

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        done = self.sandbox.kubectl(SITE, "-n", self.namespace, *words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def patch(self, kind: str, patch: dict[str, Any], namespace: str = "main") -> None:
        words = ["patch", *kind.split("/"), "--type=merge", "-p", json.dumps(patch)]
        done = self.sandbox.kubectl(SITE, "-n", f"{self.tenant}-{namespace}", *words)
        assert done.returncode == 0, done.stderr

    def drifted(self) -> dict[str, str]:
        return self.operator.differences()

    def mended(self) -> bool:
        assert self.operator.apply()[self.tenant]["action"] == "changed"
        whole = living(self.sandbox, [self.tenant]) == asked_for(self.operator.planned(), self.sandbox.sites)
        return whole and not self.drifted() and self.operator.status()[self.tenant] == "as asked"


@pytest.fixture
def made(sandbox: Sandbox, operator: Operator) -> Made:
    return Made(sandbox, operator)


def delete_an_object(made: Made) -> tuple[str, str]:
    made.kubectl("delete", "networkpolicy", "tenantry-default-deny")
    return f"networking.k8s.io/v1/NetworkPolicy/{made.namespace}/tenantry-default-deny", "it is gone"


def change_a_value(made: Made) -> tuple[str, str]:
    made.patch("resourcequota/tenantry-quota", {"spec": {"hard": {"pods": "9999"}}})
    return f"v1/ResourceQuota/{made.namespace}/tenantry-quota", "spec.hard.pods"


def change_a_label(made: Made) -> tuple[str, str]:
    made.patch("limitrange/tenantry-limits", {"metadata": {"labels": {"tenantry.dev/department": "others"}}})
    return f"v1/LimitRange/{made.namespace}/tenantry-limits", "metadata.labels.tenantry.dev/department"


def add_a_label(made: Made) -> tuple[str, str]:
    made.patch("limitrange/tenantry-limits", {"metadata": {"labels": {"left-by": "somebody"}}}, "jobs")
    return f"v1/LimitRange/{made.tenant}-jobs/tenantry-limits", "a field that tenantry doesn't set"


def add_a_value(made: Made) -> tuple[str, str]:
    made.patch("resourcequota/tenantry-quota", {"spec": {"hard": {"count/events": "5"}}}, "jobs")
    return f"v1/ResourceQuota/{made.tenant}-jobs/tenantry-quota", "a field that tenantry doesn't set"


def take_a_field_over(made: Made) -> tuple[str, str]:
    name = {"name": "app", "namespace": made.namespace, "labels": {"tenantry.dev/department": "mine"}}
    taken = json.dumps({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": name})
    made.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=somebody", "-f", "-", stdin=taken)
    return f"v1/ServiceAccount/{made.namespace}/app", "metadata.labels.tenantry.dev/department"


def delete_a_bucket(made: Made) -> tuple[str, str]:
    made.sandbox.client(SITE, "s3").delete_bucket(Bucket=f"{made.tenant}-documents")
    return f"tenantry.dev/v1/Bucket//{made.tenant}-documents", "it is gone"


def delete_a_buckets_policy(made: Made) -> tuple[str, str]:
    made.sandbox.client(SITE, "s3").delete_bucket_policy(Bucket=f"{made.tenant}-images")
    return f"tenantry.dev/v1/Bucket//{made.tenant}-images", "spec.policy changed in the store"


def test_all_that_somebody_changed_is_named_and_mended_at_once(made: Made) -> None:
    hands = (
        delete_an_object,
        change_a_value,
        change_a_label,
        add_a_label,
        add_a_value,
        take_a_field_over,
        delete_a_bucket,
        delete_a_buckets_policy,
    )
    wanted = dict(hand(made) for hand in hands)
    found = made.drifted()
    assert found.keys() == wanted.keys()
    for key, said in wanted.items():
        assert said in found[key]
    assert made.mended()


def test_a_tenant_as_applied_has_no_drift(made: Made) -> None:
    assert made.drifted() == {}


def test_a_deleted_namespace_with_all_in_it(made: Made) -> None:
    made.kubectl("delete", "namespace", f"{made.tenant}-jobs")
    found = made.drifted()
    assert f"v1/Namespace//{made.tenant}-jobs" in found
    assert set(found.values()) == {"it is gone"}
    assert made.mended()


def test_a_user_that_is_gone_and_a_changed_secret_that_is_never_shown(made: Made) -> None:
    iam = made.sandbox.client(SITE, "iam")
    user = f"{made.tenant}.main.app"
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_user_policies(UserName=user)["PolicyNames"]:
        iam.delete_user_policy(UserName=user, PolicyName=policy)
    iam.delete_user(UserName=user)
    secrets = made.kubectl("get", "secrets", "-l", f"tenantry.dev/tenant={made.tenant}", "-o", "name").split()
    changed = next(name for name in secrets if "archive" in name)
    made.patch(changed, {"stringData": {"AWS_ACCESS_KEY_ID": "hidden-word"}})
    found = made.operator.run("drift", ".")
    assert found.returncode == 1
    assert f"User//{user}" in found.stdout
    assert changed.rpartition("/")[2] in found.stdout
    assert "hidden-word" not in found.stdout + found.stderr
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
