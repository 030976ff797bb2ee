"""The provider, call by call: what a crash leaves is taken over, what is another's is refused, nothing is lost."""

import datetime
from typing import Any

import grpc
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2
from store_calls import TENANT, Calls, inputs, urn
from store_servers import Store
from store_specs import access, full_bucket, tls_only

from tenantry.objectstore.contents.deletion import allow_deletion
from tenantry.objectstore.kinds.bucket_parts import tag_map
from tenantry.objectstore.plugin.provider import OUTPUTS
from tenantry.objectstore.plugin.values import UNKNOWN, engine, plain
from tenantry.objectstore.spec import Json, complete
from tenantry.objectstore.store import Store as Client


def refusal(call: Json, *arguments: Json) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    message = str(caught.value.details())
    assert "Traceback" not in message
    return message


def policy_of(client: Client, name: str) -> str:
    return client.s3.get_bucket_policy(Bucket=name)["Policy"]


def test_a_bucket_made_before_the_state_was_written_is_taken_over(store: Store, calls: Calls, client: Client) -> None:
    wanted = inputs("Bucket", "crash-after", full_bucket(store.kind, "crash-after"))
    first = calls.create("Bucket", wanted)
    client.s3.delete_bucket_cors(Bucket="crash-after")
    assert calls.create("Bucket", wanted) == first
    assert client.s3.get_bucket_cors(Bucket="crash-after")["CORSRules"]


def test_a_bucket_whose_making_stopped_at_the_first_step_is_finished(calls: Calls, client: Client) -> None:
    client.s3.create_bucket(Bucket="crash-first")
    calls.create("Bucket", inputs("Bucket", "crash-first", {"policy": tls_only("crash-first")}))
    assert "SecureTransport" in policy_of(client, "crash-first")
    assert tag_map(client.s3.get_bucket_tagging(Bucket="crash-first")["TagSet"]) == {"tenantry.dev/tenant": TENANT}  # type: ignore[arg-type]


def test_a_bucket_of_another_tenant_is_refused_by_the_owners_name(calls: Calls, client: Client) -> None:
    calls.create("Bucket", inputs("Bucket", "owned", {}, tenant="roads-0002"))
    message = refusal(calls.create, "Bucket", inputs("Bucket", "owned", {"policy": tls_only("owned")}))
    assert "TEN-404" in message
    assert "roads-0002" in message
    with pytest.raises(client.s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        policy_of(client, "owned")


def test_a_bucket_of_nobody_that_holds_objects_is_refused(calls: Calls, client: Client) -> None:
    client.s3.create_bucket(Bucket="unmarked")
    client.s3.put_object(Bucket="unmarked", Key="a", Body=b"a")
    assert "TEN-404" in refusal(calls.create, "Bucket", inputs("Bucket", "unmarked", {}))


def test_what_is_half_made_when_the_store_refuses_a_part_is_told_to_the_engine(calls: Calls) -> None:
    broken = {"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]}
    with pytest.raises(grpc.RpcError) as caught:
        calls.create("Bucket", inputs("Bucket", "half", {"policy": broken}))
    error: Any = caught.value
    assert "TEN-411" in error.details()
    assert "set policy of bucket half" in error.details()
    assert b"here/half" in dict(error.trailing_metadata())["grpc-status-details-bin"]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"lock": {"mode": "COMPLIANCE", "days": 1}}, "spec.lock"),
        ({"versions": True, "lock": {"mode": "NEVER", "days": 1}}, "spec.lock.mode"),
        ({"versions": True, "lock": {"mode": "GOVERNANCE", "days": 0}}, "spec.lock.days"),
        ({"colour": "red"}, "spec.colour"),
        ({"tags": {"tenantry.dev/tenant": "another"}}, "spec.tags"),
    ],
)
def test_wrong_inputs_are_refused_by_their_path(calls: Calls, spec: dict[str, Any], path: str) -> None:
    _, failures = calls.check("Bucket", inputs("Bucket", "wrong", spec))
    assert [failure for failure in failures if failure.startswith(f"{path}:")], failures


LACKING: dict[str, dict[str, dict[str, Any]]] = {
    "versitygw": {
        "bucket.lifecycle": {"lifecycle": [{"ID": "a"}]},
        "bucket.encryption": {"encryption": {"algorithm": "AES256"}},
        "bucket.logging": {"logging": {"bucket": "logs", "prefix": "a/"}},
        "bucket.publicAccessBlock": {"publicAccessBlock": True},
    },
    "rgw": {
        "bucket.encryption": {"encryption": {"algorithm": "AES256"}},
        "bucket.logging": {"logging": {"bucket": "logs", "prefix": "a/"}},
        "bucket.ownership": {"ownership": "BucketOwnerEnforced"},
    },
}


def test_all_that_the_store_lacks_is_named_at_once(store: Store, calls: Calls) -> None:
    spec = {key: value for one in LACKING[store.kind].values() for key, value in one.items()}
    _, failures = calls.check("Bucket", inputs("Bucket", "lacking", spec))
    text = "\n".join(failures)
    assert len(failures) == len(LACKING[store.kind])
    assert all(f"lacks {capability}" in text and "TEN-403" in text for capability in LACKING[store.kind])


def test_identities_that_the_store_lacks_are_refused_at_check(store: Store, calls: Calls) -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    kinds: dict[str, dict[str, dict[str, Any]]] = {
        "versitygw": {"Role": {"trust": trust}},
        "rgw": {"User": {}, "AccessKey": {"user": "u"}},
    }
    for kind, spec in kinds[store.kind].items():
        _, failures = calls.check(kind, inputs(kind, "lacking", spec))
        needed = {"Role": "sts.webIdentity"}.get(kind, "iam.users")
        assert any(needed in failure for failure in failures), failures


TRUST = {"Effect": "Allow", "Principal": {"Federated": [UNKNOWN]}, "Action": ["sts:AssumeRoleWithWebIdentity"]}
KNOWN: dict[str, dict[str, Any]] = {
    "Bucket": {"versions": True, "policy": tls_only("x"), "tags": {"a": "b"}, "lock": None},
    "User": {"policies": {"a": tls_only("x")}},
    "AccessKey": {"user": "u", "generation": 1},
    "Role": {"trust": {"Version": "2012-10-17", "Statement": []}, "maxSessionSeconds": 3600},
    "OidcProvider": {"url": "https://a.example", "clientIds": ["a"], "thumbprints": ["0" * 40]},
}
PARTLY: dict[str, dict[str, Any]] = {
    "Bucket": {"versions": True, "policy": {"Version": UNKNOWN}, "tags": {"a": UNKNOWN}, "lock": UNKNOWN},
    "User": {"policies": {"a": UNKNOWN}},
    "AccessKey": {"user": UNKNOWN, "generation": UNKNOWN},
    "Role": {"trust": {"Version": "2012-10-17", "Statement": [TRUST]}, "maxSessionSeconds": UNKNOWN},
    "OidcProvider": {"url": UNKNOWN, "clientIds": [UNKNOWN], "thumbprints": UNKNOWN},
}


@pytest.mark.parametrize("kind", KNOWN)
def test_what_is_not_known_yet_is_previewed_and_counts_as_a_change(store: Store, calls: Calls, kind: str) -> None:
    if store.kind == "rgw" and kind in ("User", "AccessKey"):
        _, failures = calls.check(kind, inputs(kind, UNKNOWN, PARTLY[kind]))  # type: ignore[arg-type]
        assert "iam.users" in failures[0]
        return
    old = inputs(kind, "x", complete(kind, KNOWN[kind]))
    partly = inputs(kind, "x", PARTLY[kind])
    for news in (partly, {**partly, "spec": UNKNOWN}, {**partly, "name": UNKNOWN, "tenant": UNKNOWN}):
        made = calls.preview(kind, news)
        assert {made[output] for output in OUTPUTS[kind]} == {UNKNOWN}
        changed = set(calls.diff(kind, old, news).diffs)
        assert changed >= {f"spec.{key}" for key in PARTLY[kind] if PARTLY[kind][key] != KNOWN[kind][key]}
        assert ("name" in changed) == (news["name"] is UNKNOWN)


def test_names_and_late_locks_replace(store: Store, calls: Calls) -> None:
    _, old = calls.create("Bucket", inputs("Bucket", "replaced", {"versions": True}))
    renamed = calls.diff("Bucket", old, {**old, "name": "renamed"})
    assert list(renamed.replaces) == ["name"]
    assert not renamed.deleteBeforeReplace
    locked = calls.diff("Bucket", old, {**old, "spec": {**old["spec"], "lock": {"mode": "GOVERNANCE", "days": 1}}})
    assert list(locked.diffs) == ["spec.lock"]
    assert list(locked.replaces) == (["spec.lock"] if store.kind == "rgw" else [])
    assert locked.deleteBeforeReplace == (store.kind == "rgw")


def test_a_policy_in_other_words_is_no_change(calls: Calls) -> None:
    _, old = calls.create("Bucket", inputs("Bucket", "words", {"policy": tls_only("words")}))
    policy = tls_only("words")
    policy["Statement"][0]["Resource"].reverse()
    policy["Statement"][0]["Action"] = ["s3:*"]
    assert not calls.diff("Bucket", old, {**old, "spec": {**old["spec"], "policy": policy}}).diffs


def test_a_bucket_with_objects_is_deleted_only_by_name_and_after_its_retention(calls: Calls, client: Client) -> None:
    wanted = {"versions": True, "retentionDays": 7}
    object_id, state = calls.create("Bucket", inputs("Bucket", "kept", wanted))
    for body in (b"1", b"2"):
        client.s3.put_object(Bucket="kept", Key="a", Body=body)
    client.s3.delete_object(Bucket="kept", Key="a")
    assert "TEN-406" in refusal(calls.delete, "Bucket", object_id, state)
    with allow_deletion("here", "kept"):
        message = refusal(calls.delete, "Bucket", object_id, state)
        assert "TEN-406" in message
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7)
        assert f"{soon:%Y-%m}" in message
        released = calls.update("Bucket", object_id, state, {**state, "spec": {**state["spec"], "retentionDays": 0}})
    assert "TEN-405" in refusal(calls.delete, "Bucket", object_id, released)
    with allow_deletion("here", "kept"):
        assert len(client.s3.list_object_versions(Bucket="kept")["Versions"]) == 2
        calls.delete("Bucket", object_id, released)
        calls.delete("Bucket", object_id, released)
    assert "kept" not in [bucket.get("Name") for bucket in client.s3.list_buckets()["Buckets"]]


def test_an_executable_is_told_by_its_environment(
    store: Store, calls: Calls, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    object_id, state = calls.create("Bucket", inputs("Bucket", "named", {}))
    client.s3.put_object(Bucket="named", Key="a", Body=b"1")
    monkeypatch.setenv("TENANTRY_DELETE_BUCKETS", "there/named, here/other")
    assert "TEN-405" in refusal(calls.delete, "Bucket", object_id, state)
    monkeypatch.setenv("TENANTRY_DELETE_BUCKETS", "there/named, here/named")
    calls.delete("Bucket", object_id, state)
    assert calls.read("Bucket", object_id)[0] == ""


def test_a_compliance_lock_outlives_every_wish(calls: Calls, client: Client) -> None:
    wanted = {"versions": True, "lock": {"mode": "COMPLIANCE", "days": 3}}
    object_id, state = calls.create("Bucket", inputs("Bucket", "locked", wanted))
    version = client.s3.put_object(Bucket="locked", Key="a", Body=b"1")["VersionId"]
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)
    with allow_deletion("here", "locked"):
        message = refusal(calls.delete, "Bucket", object_id, state)
    assert "TEN-407" in message
    assert f"after {until:%Y-%m-%d}" in message
    weaker: list[dict[str, Any] | None] = [None, {"mode": "COMPLIANCE", "days": 2}, {"mode": "GOVERNANCE", "days": 3}]
    for lock in weaker:
        news = {**state, "spec": {**state["spec"], "lock": lock}}
        assert "TEN-409" in refusal(calls.update, "Bucket", object_id, state, news)
    with pytest.raises(client.s3.exceptions.ClientError, match="lock"):
        client.s3.delete_object(Bucket="locked", Key="a", VersionId=version)
    longer = {**state, "spec": {**state["spec"], "lock": {"mode": "COMPLIANCE", "days": 4}}}
    assert calls.update("Bucket", object_id, state, longer)["spec"]["lock"]["days"] == 4


def test_a_legal_hold_is_seen_before_anything_is_deleted(calls: Calls, client: Client) -> None:
    wanted = {"versions": True, "lock": {"mode": "GOVERNANCE", "days": 1}}
    object_id, state = calls.create("Bucket", inputs("Bucket", "held", wanted))
    past = calls.update("Bucket", object_id, state, {**state, "spec": {**state["spec"], "lock": None}})
    for key in ("a", "b", "c"):
        client.s3.put_object(Bucket="held", Key=key, Body=b"1")
    client.s3.put_object_legal_hold(Bucket="held", Key="b", LegalHold={"Status": "ON"})
    with allow_deletion("here", "held"):
        message = refusal(calls.delete, "Bucket", object_id, past)
        assert "TEN-407" in message
        assert "a legal hold keeps b" in message
        assert len(client.s3.list_object_versions(Bucket="held")["Versions"]) == 3
        client.s3.put_object_legal_hold(Bucket="held", Key="b", LegalHold={"Status": "OFF"})
        calls.delete("Bucket", object_id, past)
    assert calls.read("Bucket", object_id, past)[0] == ""


def test_an_empty_bucket_is_deleted_without_asking(calls: Calls) -> None:
    object_id, state = calls.create("Bucket", inputs("Bucket", "empty", {"versions": True, "retentionDays": 3650}))
    calls.delete("Bucket", object_id, state)
    assert calls.read("Bucket", object_id, state)[0] == ""


def test_an_import_reads_everything_from_the_id_alone(store: Store, calls: Calls) -> None:
    asked = inputs("Bucket", "imported", full_bucket(store.kind, "imported"))
    object_id, state = calls.create("Bucket", asked)
    found_id, found = calls.read("Bucket", object_id)
    assert found_id == object_id
    assert found["tenant"] == TENANT
    unread = {"quota", "retentionDays"}
    imported = {**found, "spec": {**found["spec"], **{key: state["spec"][key] for key in unread}}}
    assert not list(calls.diff("Bucket", state, imported).diffs)


def test_what_was_given_as_a_secret_stays_one_when_it_is_read(calls: Calls) -> None:
    object_id, state = calls.create("Bucket", inputs("Bucket", "secretive", {"tags": {"a": "b"}, "versions": True}))
    known = {key: engine(value) for key, value in state.items()}
    known["spec"] = PropertyValue({**known["spec"].value, "tags": PropertyValue({"a": PropertyValue("c", True)}, True)})
    asked = PropertyValue.marshal_map({key: known[key] for key in ("site", "tenant", "name", "spec")})
    request = provider_pb2.ReadRequest(urn=urn("Bucket", "x"), id=object_id, properties=asked, inputs=asked)
    found = PropertyValue.unmarshal_map(calls.stub.Read(request).inputs)
    tags = found["spec"].value["tags"]
    assert plain(tags) == {"a": "b"}
    assert tags.is_secret
    whole = PropertyValue.marshal_map({**known, "spec": known["spec"].with_secret(True)})
    request = provider_pb2.ReadRequest(urn=urn("Bucket", "x"), id=object_id, properties=whole, inputs=whole)
    assert PropertyValue.unmarshal_map(calls.stub.Read(request).inputs)["spec"].is_secret


def test_access_is_what_the_user_policy_says(store: Store, calls: Calls) -> None:
    if store.kind == "rgw":
        _, failures = calls.check("User", inputs("User", "u", {}))
        assert "iam.users" in failures[0]
        return
    import boto3

    for name in ("mine", "theirs"):
        calls.create("Bucket", inputs("Bucket", name, {}))
    calls.create("User", inputs("User", "u.web", {"policies": {"buckets": access("mine", "s3:PutObject")}}))
    _, key = calls.create("AccessKey", inputs("AccessKey", "u.web", {"user": "u.web"}))
    user = boto3.client(
        "s3",
        endpoint_url=store.settings.endpoint,
        verify=str(store.settings.ca_file),
        region_name="us-east-1",
        aws_access_key_id=key["accessKeyId"],
        aws_secret_access_key=key["secretAccessKey"],
    )
    user.put_object(Bucket="mine", Key="a", Body=b"a")
    with pytest.raises(user.exceptions.ClientError, match="AccessDenied"):
        user.put_object(Bucket="theirs", Key="a", Body=b"a")
