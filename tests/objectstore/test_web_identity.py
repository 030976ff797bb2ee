"""A workload reaches its buckets with its own token, on a store that federates."""

from typing import Any

import pytest
from store_calls import Calls, inputs
from store_servers import Store
from store_sessions import enter
from store_specs import access

from issuers import Issuer
from tenantry.objectstore.store import Store as Client
from tenantry.render.store.identities import STORE_AUDIENCE

# versitygw refuses issuers on private addresses; test_calls asserts that roles are refused there at check.
pytestmark = [
    pytest.mark.rgw,
    pytest.mark.parametrize("store", ["rgw"], indirect=True, scope="module"),
]
SUBJECT = "system:serviceaccount:health-web:api"


def trust(tokens: Issuer, subject: str = SUBJECT) -> dict[str, Any]:
    condition = {"StringEquals": {f"{tokens.name}:sub": subject, f"{tokens.name}:aud": STORE_AUDIENCE}}
    who = {"Federated": [f"arn:aws:iam:::oidc-provider/{tokens.name}"]}
    action = ["sts:AssumeRoleWithWebIdentity"]
    statement = {"Effect": "Allow", "Principal": who, "Action": action, "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def provider(tokens: Issuer, *audiences: str) -> dict[str, Any]:
    spec = {"url": tokens.url, "clientIds": list(audiences), "thumbprints": [tokens.thumbprint]}
    return inputs("OidcProvider", "cluster", spec, tenant="")


def test_a_service_account_reaches_its_bucket_and_no_other(
    store: Store, calls: Calls, client: Client, tokens: Issuer
) -> None:
    for name in ("fed-mine", "fed-theirs"):
        calls.create("Bucket", inputs("Bucket", name, {}))
    calls.create("OidcProvider", provider(tokens, STORE_AUDIENCE))
    spec = {"trust": trust(tokens), "policies": {"buckets": access("fed-mine", "s3:PutObject", "s3:GetObject")}}
    role_id, state = calls.create("Role", inputs("Role", "health.web.api", spec))
    session = enter(store, client, state["arn"], tokens.token(SUBJECT, STORE_AUDIENCE))
    session.put_object(Bucket="fed-mine", Key="a", Body=b"a")
    assert session.get_object(Bucket="fed-mine", Key="a")["Body"].read() == b"a"
    with pytest.raises(session.exceptions.ClientError, match="AccessDenied"):
        session.put_object(Bucket="fed-theirs", Key="a", Body=b"a")
    for subject, audience in [("system:serviceaccount:health-web:other", STORE_AUDIENCE), (SUBJECT, "another")]:
        with pytest.raises(client.iam.exceptions.ClientError):
            enter(store, client, state["arn"], tokens.token(subject, audience))
    calls.delete("Role", role_id, state)
    with pytest.raises(client.iam.exceptions.ClientError):
        enter(store, client, state["arn"], tokens.token(SUBJECT, STORE_AUDIENCE))


def test_a_role_is_changed_in_place_read_and_taken_over(calls: Calls, tokens: Issuer) -> None:
    spec = {"trust": trust(tokens), "policies": {"a": access("x", "s3:GetObject"), "b": access("y", "s3:GetObject")}}
    role_id, state = calls.create("Role", inputs("Role", "life", spec))
    assert calls.create("Role", inputs("Role", "life", spec)) == (role_id, state)
    changed = {"trust": trust(tokens, f"{SUBJECT}-2"), "policies": {"a": access("x", "s3:PutObject")}}
    news = inputs("Role", "life", {**changed, "maxSessionSeconds": 3600})
    assert not calls.diff("Role", state, news).replaces
    state = calls.update("Role", role_id, state, news)
    _, found = calls.read("Role", role_id)
    assert not calls.diff("Role", state, found).diffs
    longer = calls.diff("Role", state, inputs("Role", "life", {**changed, "maxSessionSeconds": 7200}))
    assert list(longer.replaces) == ["spec.maxSessionSeconds"]
    assert longer.deleteBeforeReplace
    with pytest.raises(Exception, match=r"TEN-404.*health-0001"):
        calls.create("Role", inputs("Role", "life", spec, tenant="roads-0002"))
    calls.delete("Role", role_id, state)
    assert calls.read("Role", role_id, state)[0] == ""


def test_an_issuer_is_taken_over_and_replaced(calls: Calls, tokens: Issuer) -> None:
    object_id, state = calls.create("OidcProvider", provider(tokens, STORE_AUDIENCE))
    assert calls.create("OidcProvider", provider(tokens, STORE_AUDIENCE)) == (object_id, state)
    more = provider(tokens, STORE_AUDIENCE, "two")
    assert list(calls.diff("OidcProvider", state, more).replaces) == ["spec.clientIds"]
    calls.create("OidcProvider", more)
    _, found = calls.read("OidcProvider", object_id)
    assert sorted(found["spec"]["clientIds"]) == sorted([STORE_AUDIENCE, "two"])
    calls.delete("OidcProvider", object_id, state)
    calls.delete("OidcProvider", object_id, state)
    assert calls.read("OidcProvider", object_id, state)[0] == ""
