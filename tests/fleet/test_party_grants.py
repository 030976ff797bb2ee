"""A dataset's grant opens it to an outside party by a key that the provider hands over, until the grant is over."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from test_grants import refused

from operators import Operator, request
from sites import Sandbox

TODAY = datetime.now(UTC).date()
Request = dict[str, Any]
PARTY = {"consumer": {"party": "acme-analytics"}, "ceiling": "open"}


@pytest.fixture
def register(operator: Operator) -> Request:
    """Apply a register that grants what it publishes to an outside party."""
    asked = request("register", buckets=[{"name": "documents", "retentionDays": 0}])
    operator.ask(asked)
    operator.grant(asked, asked, **PARTY)
    operator.apply()
    return asked


def identity(register: Request) -> str:
    return f"{register['spec']['id']}.published"


def handed_over(sandbox: Sandbox, register: Request) -> tuple[str, str]:
    """Read the party's key, as the provider does to hand it over."""
    space = f"{register['spec']['id']}-main"
    found = json.loads(sandbox.kubectl("onprem", "-n", space, "get", "secret", "grant.published", "-o", "json").stdout)
    access, secret = (
        base64.b64decode(found["data"][f"AWS_{each}"]).decode() for each in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
    )
    return access, secret


def open_session(sandbox: Sandbox, register: Request) -> tuple[Any, str]:
    """Give the party's session, and the bucket with two documents in it."""
    bucket = f"{register['spec']['id']}-documents"
    for key in ("published/one", "private/two"):
        sandbox.client("onprem", "s3").put_object(Bucket=bucket, Key=key, Body=key.encode())
    return sandbox.client("onprem", "s3", handed_over(sandbox, register)), bucket


def keys_in_store(sandbox: Sandbox, register: Request) -> set[str]:
    """The ids of the keys that the store knows of the party; none where it doesn't know the party."""
    iam = sandbox.client("onprem", "iam")
    users = {one["UserName"] for page in iam.get_paginator("list_users").paginate() for one in page["Users"]}
    if identity(register) not in users:
        return set()
    return {one["AccessKeyId"] for one in iam.list_access_keys(UserName=identity(register))["AccessKeyMetadata"]}


def test_a_party_reads_what_is_granted_and_nothing_else(
    sandbox: Sandbox, operator: Operator, register: Request
) -> None:
    session, bucket = open_session(sandbox, register)
    assert session.get_object(Bucket=bucket, Key="published/one")["Body"].read() == b"published/one"
    assert refused(session.get_object, Bucket=bucket, Key="private/two")
    assert refused(session.list_objects_v2, Bucket=bucket)
    assert refused(session.put_object, Bucket=bucket, Key="published/new")
    assert operator.status() == {register["spec"]["id"]: "as asked"}
    assert operator.differences() == {}


def test_a_party_s_key_is_changed_as_others_are_and_drift_sees_what_was_done_to_it(
    sandbox: Sandbox, operator: Operator, register: Request
) -> None:
    first, (session, bucket) = handed_over(sandbox, register), open_session(sandbox, register)
    for _ in range(2):
        assert operator.run("sync", ".", "--new-keys").returncode == 0
    assert handed_over(sandbox, register)[0] in keys_in_store(sandbox, register)
    assert first[0] not in keys_in_store(sandbox, register)
    assert refused(session.get_object, Bucket=bucket, Key="published/one")
    wide = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [wide]})
    iam = sandbox.client("onprem", "iam")
    iam.put_user_policy(UserName=identity(register), PolicyName="more", PolicyDocument=policy)
    assert any(identity(register) in name for name in operator.differences())


@pytest.mark.parametrize(
    "over",
    [{"withdrawn": TODAY}, {"ends": TODAY - timedelta(days=1), "starts": TODAY - timedelta(days=9)}],
    ids=["withdrawn", "ended"],
)
def test_a_party_s_working_session_ends_with_the_grant(
    sandbox: Sandbox, operator: Operator, register: Request, over: dict[str, Any]
) -> None:
    session, bucket = open_session(sandbox, register)
    session.get_object(Bucket=bucket, Key="published/one")
    assert len(keys_in_store(sandbox, register)) == 1
    operator.grant(register, register, **PARTY, **over)
    assert "TEN-674 grant published" in operator.run("status", ".").stderr
    done = operator.run("sync", ".", "--format", "json")
    assert (done.returncode, [one["action"] for one in json.loads(done.stdout)]) == (0, ["changed"])
    assert refused(session.get_object, Bucket=bucket, Key="published/one")
    assert keys_in_store(sandbox, register) == set()
    space = f"{register['spec']['id']}-main"
    assert sandbox.kubectl("onprem", "-n", space, "get", "secret", "grant.published").returncode == 1
    assert "TEN-674" not in operator.run("status", ".").stderr


def test_a_retired_provider_leaves_its_party_nothing_and_not_before_the_grant_is_over(
    sandbox: Sandbox, operator: Operator, register: Request
) -> None:
    session, bucket = open_session(sandbox, register)
    file = operator.end(register["spec"]["id"], {"name": "documents", "disposal": "hold"})
    done = operator.run("retire", "register", "--yes")
    assert (done.returncode, "TEN-547 grant published" in done.stderr) == (2, True)
    session.get_object(Bucket=bucket, Key="published/one")
    # Withdrawn, and nobody ran a sync.
    operator.grant(register, register, **PARTY, withdrawn=TODAY)
    done = operator.run("retire", "register", "--yes")
    assert done.returncode == 0, f"{file}: {done.stderr}"
    assert refused(session.get_object, Bucket=bucket, Key="published/one")
    assert keys_in_store(sandbox, register) == set()
