"""Why a bucket's own policy doesn't name who uses it by a grant: what the stores make of the forms that could (ADR 30).

On both, the rights of an identity are enough. To need the bucket's policy, too, it would have to deny everyone but
those that it names. These tests hold what stands against it; one that fails says that a store has learnt it.
"""

from typing import Any

import pytest
from store_calls import Calls, inputs
from store_parties import BUCKET, NAME, Given
from store_sessions import allowed, connect

from granting import GIVER
from tenantry.objectstore.kinds.documents import compact
from tenantry.objectstore.store import Store as Client
from tenantry.render.store.statements import write_policy

EVERYBODY = {"Principal": {"AWS": ["*"]}}
ADMINISTRATOR = "arn:aws:iam:::user/admin"
on_versitygw = pytest.mark.parametrize("store", ["versitygw"], indirect=True, scope="module")
on_rgw = [pytest.mark.rgw, pytest.mark.parametrize("store", ["rgw"], indirect=True, scope="module")]


def deny(client: Client, **but: Any) -> None:  # noqa: ANN401
    """Let the bucket's policy deny reading to everyone but some."""
    statement = {"Effect": "Deny", "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{BUCKET}/*"], **but}
    client.s3.put_bucket_policy(Bucket=BUCKET, Policy=compact(write_policy([statement])))


def reads(session: Any) -> bool:  # noqa: ANN401
    return allowed(session.get_object, Bucket=BUCKET, Key="published/a")


def test_the_rights_of_an_identity_are_enough(given: Given, client: Client) -> None:
    statements = client.s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    assert NAME not in statements
    assert reads(given.enter())


@on_versitygw
@pytest.mark.parametrize("key", ["aws:PrincipalArn", "aws:username", "aws:userid"])
def test_versitygw_does_not_tell_a_bucket_s_policy_who_asks(given: Given, client: Client, key: str) -> None:
    deny(client, **EVERYBODY, Condition={"StringNotEquals": {key: [given.arn, NAME]}})
    assert not reads(given.enter())


@on_versitygw
def test_versitygw_takes_a_notprincipal_and_denies_nobody(given: Given, client: Client, calls: Calls) -> None:
    stranger = f"{GIVER}.main.stranger"
    statement = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{BUCKET}/*"]}
    spec = {"policies": {"buckets": write_policy([statement])}, "tags": {}}
    calls.create("User", inputs("User", stranger, spec, tenant=GIVER))
    _, key = calls.create("AccessKey", inputs("AccessKey", stranger, {"user": stranger}, tenant=GIVER))
    deny(client, NotPrincipal={"AWS": [given.arn]})
    assert reads(given.enter())
    assert reads(connect(given.store, key["accessKeyId"], key["secretAccessKey"]))


class TestOnRgw:
    """What Ceph RGW 16 makes of them."""

    pytestmark = on_rgw

    def test_a_role_that_is_named_is_denied_and_so_is_the_administrator_who_is_not(
        self, given: Given, client: Client
    ) -> None:
        deny(client, NotPrincipal={"AWS": [given.arn]})
        assert not reads(given.enter())
        assert not reads(client.s3)

    def test_only_a_session_by_its_name_is_let_through_and_who_takes_the_role_chooses_it(
        self, given: Given, client: Client
    ) -> None:
        deny(client, NotPrincipal={"AWS": [f"arn:aws:sts:::assumed-role/{NAME}/test", ADMINISTRATOR]})
        assert reads(given.enter(session="test"))
        assert not reads(given.enter(session="another"))

    def test_it_does_not_tell_a_policy_the_role(self, given: Given, client: Client) -> None:
        deny(client, **EVERYBODY, Condition={"StringNotEquals": {"aws:PrincipalArn": ["arn:aws:iam:::role/nobody"]}})
        assert reads(given.enter())
