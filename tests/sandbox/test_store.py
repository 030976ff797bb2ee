"""The object store of a site: S3 with IAM, administered through the connection."""

import contextlib
import json
import uuid
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from sites import Sandbox


@pytest.fixture(params=["onprem", "hosted"])
def user(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Make a bucket and a user that may read and write in it; give site, bucket and the user's keys."""
    site, name = request.param, f"probe-{uuid.uuid4().hex[:8]}"
    s3, iam = sandbox.client(site, "s3"), sandbox.client(site, "iam")
    s3.create_bucket(Bucket=name)
    iam.create_user(UserName=name)
    allow = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{name}/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName=name, PolicyName="use", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield site, name, (key["AccessKeyId"], key["SecretAccessKey"])
    for item in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)
    with contextlib.suppress(ClientError):
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="use")
    iam.delete_user(UserName=name)


def test_a_user_reaches_its_bucket_and_no_other(sandbox: Sandbox, user: tuple[str, str, tuple[str, str]]) -> None:
    site, bucket, keys = user
    s3 = sandbox.client(site, "s3", keys)
    s3.put_object(Bucket=bucket, Key="a", Body=b"mine")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"mine"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket="service-account-issuer")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key="a")


def test_a_deleted_key_is_refused_at_once(sandbox: Sandbox, user: tuple[str, str, tuple[str, str]]) -> None:
    site, bucket, keys = user
    s3 = sandbox.client(site, "s3", keys)
    s3.put_object(Bucket=bucket, Key="a", Body=b"mine")
    sandbox.client(site, "iam").delete_access_key(UserName=bucket, AccessKeyId=keys[0])
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        s3.get_object(Bucket=bucket, Key="a")


def test_a_user_of_one_site_is_unknown_at_the_other(sandbox: Sandbox, user: tuple[str, str, tuple[str, str]]) -> None:
    site, _bucket, keys = user
    other = next(name for name in sandbox.sites if name != site)
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        sandbox.client(other, "s3", keys).list_buckets()


def test_the_administrator_makes_roles(sandbox: Sandbox) -> None:
    iam = sandbox.client("onprem", "iam")
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust)
    assert "probe" in [role["RoleName"] for role in iam.list_roles()["Roles"]]
    iam.delete_role(RoleName="probe")


def test_a_site_has_what_tenants_need(sandbox: Sandbox) -> None:
    for site in sandbox.sites:
        listed = sandbox.kubectl(site, "get", "namespace,storageclass,priorityclass", "-o", "name").stdout.split()
        expected = {
            *(f"namespace/{name}" for name in ("ingress-system", "monitoring-system")),
            *(f"storageclass.storage.k8s.io/{name}" for name in ("standard", "encrypted")),
            *(f"priorityclass.scheduling.k8s.io/tenant-{name}" for name in ("low", "default", "high")),
        }
        assert expected <= set(listed)


def test_a_snapshot_is_the_same_until_something_changes(sandbox: Sandbox) -> None:
    before = sandbox.snapshot()
    assert sandbox.snapshot() == before
    s3 = sandbox.client("onprem", "s3")
    s3.create_bucket(Bucket="snapshot-probe")
    try:
        assert sandbox.snapshot() != before
    finally:
        s3.delete_bucket(Bucket="snapshot-probe")
