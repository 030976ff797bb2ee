"""A grant opens what both sides agreed to, for the workload that uses it, and is closed again when it is over."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operators import Operator, keys_of, request
from sites import Sandbox

TODAY = datetime.now(UTC).date()
Pair = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture
def pair(operator: Operator) -> Pair:
    """Apply a register that publishes documents, and a portal whose workload uses them by a grant."""
    spec: dict[str, Any] = {"classification": "shared", "namespaces": [{"name": "main"}]}
    register, portal = request(name="register", **spec), request(name="portal", **spec)
    portal["spec"]["buckets"] = []
    portal["spec"]["serviceAccounts"] = [{"name": "app", "namespace": "main", "grants": ["published"]}]
    operator.ask(register, portal)
    operator.grant(register, portal)
    operator.apply()
    return register, portal


def refused(do: Any, **what: str) -> bool:  # noqa: ANN401  (a method of boto3's)
    try:
        do(**what)
    except ClientError as error:
        return str(error.response["Error"]["Code"]) in ("AccessDenied", "403", "InvalidAccessKeyId")
    return False


def open_session(sandbox: Sandbox, pair: Pair) -> tuple[Any, str]:
    """Give the consumer's session with the store, and the provider's bucket, which holds two documents."""
    register, portal = pair
    bucket = f"{register['spec']['id']}-documents"
    own = sandbox.client("onprem", "s3", keys_of(sandbox, register))
    for key in ("published/one", "private/two"):
        own.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return sandbox.client("onprem", "s3", keys_of(sandbox, portal)), bucket


def test_the_consumer_reads_what_is_granted_and_nothing_else(sandbox: Sandbox, pair: Pair) -> None:
    session, bucket = open_session(sandbox, pair)
    assert session.get_object(Bucket=bucket, Key="published/one")["Body"].read() == b"published/one"
    listed = session.list_objects_v2(Bucket=bucket, Prefix="published/")["Contents"]
    assert [one["Key"] for one in listed] == ["published/one"]
    assert refused(session.get_object, Bucket=bucket, Key="private/two")
    assert refused(session.list_objects_v2, Bucket=bucket)
    assert refused(session.list_objects_v2, Bucket=bucket, Prefix="private/")
    for key in ("published/one", "published/new"):
        assert refused(session.put_object, Bucket=bucket, Key=key)
        assert refused(session.delete_object, Bucket=bucket, Key=key)


@pytest.mark.parametrize(
    "over",
    [{"withdrawn": TODAY}, {"ends": TODAY - timedelta(days=1), "starts": TODAY - timedelta(days=9)}],
    ids=["withdrawn", "ended"],
)
def test_a_working_session_ends_with_the_grant(
    sandbox: Sandbox, operator: Operator, pair: Pair, over: dict[str, Any]
) -> None:
    session, bucket = open_session(sandbox, pair)
    session.get_object(Bucket=bucket, Key="published/one")
    register, portal = pair
    assert "TEN-674" not in operator.run("status", ".").stderr
    operator.grant(register, portal, **over)
    # Whatever else changed is no business of the sync's.
    register["spec"]["size"] = "medium"
    operator.ask(register)
    status, drift = operator.run("status", "."), operator.run("drift", ".")
    held = f"is no longer in force and still open on the side of portal ({portal['spec']['id']}) at site onprem"
    assert "TEN-674 grant published" in status.stderr
    assert held in status.stderr
    assert (status.returncode, drift.returncode) == (0, 1)
    assert held in drift.stderr
    done = operator.run("sync", ".", "--format", "json")
    actions = {one["name"]: one["action"] for one in json.loads(done.stdout)}
    assert (done.returncode, actions) == (0, {"portal": "changed", "register": "unchanged"})
    assert refused(session.get_object, Bucket=bucket, Key="published/one")
    assert "TEN-674" not in operator.run("status", ".").stderr
    assert operator.status()[register["spec"]["id"]] == "request changed"


def test_a_grant_that_is_wrong_changes_nothing(sandbox: Sandbox, operator: Operator, pair: Pair) -> None:
    register, portal = pair
    before = sandbox.snapshot()
    operator.grant(register, portal, ceiling="open", consumer={"tenant": register["spec"]["id"]})
    for words in (("apply", "."), ("sync", ".")):
        done = operator.run(*words)
        assert done.returncode == 2
        for code in ("TEN-161", "TEN-164", "TEN-165"):
            assert code in done.stderr
    assert sandbox.snapshot() == before
