"""Users and their keys on a store that has them: rotation with an overlap, and no key that nobody knows."""

import pytest
from store_calls import Calls, inputs
from store_specs import access

from tenantry.objectstore.store import Store as Client

# RGW 16 has no IAM users; test_calls asserts that they are refused there.
pytestmark = pytest.mark.parametrize("store", ["versitygw"], indirect=True, scope="module")


def keys(client: Client, user: str) -> set[str]:
    return {key["AccessKeyId"] for key in client.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}


def test_a_user_is_made_changed_read_and_deleted(calls: Calls, client: Client) -> None:
    asked = {"policies": {"a": access("x", "s3:GetObject"), "b": access("y", "s3:GetObject")}, "tags": {"k": "1"}}
    object_id, state = calls.create("User", inputs("User", "life", asked))
    news = {**state, "spec": {"policies": {"a": access("x", "s3:PutObject")}, "tags": {"k": "2"}}}
    assert set(calls.diff("User", state, news).diffs) == {"spec.policies", "spec.tags"}
    state = calls.update("User", object_id, state, news)
    _, found = calls.read("User", object_id)
    assert found["spec"] == news["spec"]
    calls.create("AccessKey", inputs("AccessKey", "life", {"user": "life"}))
    calls.delete("User", object_id, state)
    calls.delete("User", object_id, state)
    assert calls.read("User", object_id, state)[0] == ""


def test_a_user_of_another_tenant_is_refused(calls: Calls) -> None:
    calls.create("User", inputs("User", "taken", {}, tenant="roads-0002"))
    with pytest.raises(Exception, match=r"TEN-404.*roads-0002"):
        calls.create("User", inputs("User", "taken", {}))


def test_a_key_whose_secret_was_lost_is_replaced_and_never_kept(calls: Calls, client: Client) -> None:
    calls.create("User", inputs("User", "lost", {}))
    wanted = inputs("AccessKey", "lost", {"user": "lost"})
    _, first = calls.create("AccessKey", wanted)
    _, second = calls.create("AccessKey", wanted)
    assert first["accessKeyId"] != second["accessKeyId"]
    assert keys(client, "lost") == {second["accessKeyId"]}
    client.iam.create_access_key(UserName="lost")  # as a run that was killed before it could record it
    _, third = calls.create("AccessKey", wanted)
    assert keys(client, "lost") == {third["accessKeyId"]}


def test_two_generations_overlap_even_after_a_crash_between_them(calls: Calls, client: Client) -> None:
    calls.create("User", inputs("User", "turn", {}))
    old_id, old = calls.create("AccessKey", inputs("AccessKey", "turn", {"user": "turn", "generation": 1}))
    news = inputs("AccessKey", "turn", {"user": "turn", "generation": 2})
    diff = calls.diff("AccessKey", old, news)
    assert list(diff.replaces) == ["spec.generation"]
    assert not diff.deleteBeforeReplace
    calls.create("AccessKey", news)
    _, new = calls.create("AccessKey", news)
    assert keys(client, "turn") == {old["accessKeyId"], new["accessKeyId"]}
    calls.delete("AccessKey", old_id, old)
    assert keys(client, "turn") == {new["accessKeyId"]}


def test_a_key_deleted_behind_the_engines_back_is_missed_and_can_not_be_imported(calls: Calls, client: Client) -> None:
    calls.create("User", inputs("User", "gone", {}))
    object_id, state = calls.create("AccessKey", inputs("AccessKey", "gone", {"user": "gone"}))
    assert calls.read("AccessKey", object_id, state)[0] == object_id
    with pytest.raises(Exception, match="TEN-412"):
        calls.read("AccessKey", object_id)
    client.iam.delete_access_key(UserName="gone", AccessKeyId=state["accessKeyId"])
    assert calls.read("AccessKey", object_id, state)[0] == ""
