"""An outside party comes at what it was granted, on a real store: with its own tokens, or with a key; and no longer."""

import pytest
from botocore.exceptions import ClientError
from store_parties import BUCKET, NAME, Given
from store_sessions import allowed

from granting import GIVER
from issuers import issuer
from tenantry.objectstore.audit import audit_documents
from tenantry.objectstore.identities import end_identities, list_identities
from tenantry.objectstore.store import Store as Client


def test_a_party_does_what_it_was_granted_and_no_more(given: Given) -> None:
    session = given.enter()
    assert session.get_object(Bucket=BUCKET, Key="published/a")["Body"].read() == b"a"
    listed = session.list_objects_v2(Bucket=BUCKET, Prefix="published/")["Contents"]
    assert [one["Key"] for one in listed] == ["published/a"]
    assert not allowed(session.get_object, Bucket=BUCKET, Key="private/a")
    assert not allowed(session.list_objects_v2, Bucket=BUCKET)
    assert not allowed(session.get_object, Bucket=f"{GIVER}-other", Key="published/a")
    assert not allowed(session.put_object, Bucket=BUCKET, Key="published/a", Body=b"b")
    assert not allowed(session.delete_object, Bucket=BUCKET, Key="published/a")
    assert not allowed(session.put_bucket_policy, Bucket=BUCKET, Policy="{}")


def test_a_working_session_of_a_party_ends_with_its_identity(given: Given, client: Client) -> None:
    session = given.enter()
    kind = "Role" if given.store.kind == "rgw" else "User"
    assert allowed(session.get_object, Bucket=BUCKET, Key="published/a")
    assert list_identities(client, GIVER) == [(kind, NAME)]
    given.withdraw()
    assert not allowed(session.get_object, Bucket=BUCKET, Key="published/a")
    assert list_identities(client, GIVER) == []
    if kind == "Role":
        with pytest.raises(ClientError):
            given.enter()


def test_the_end_of_the_provider_ends_a_party_s_working_session(given: Given, client: Client) -> None:
    session = given.enter()
    assert allowed(session.get_object, Bucket=BUCKET, Key="published/a")
    end_identities(client, GIVER)
    assert not allowed(session.get_object, Bucket=BUCKET, Key="published/a")
    assert list_identities(client, GIVER) == []


def test_what_was_made_is_as_it_was_rendered_and_a_change_behind_its_back_is_seen(given: Given, client: Client) -> None:
    documents = [one for one in given.rendered.object_store if one["kind"] in ("User", "Role")]
    assert audit_documents(given.store.site, documents) == [()]
    (document,) = documents
    wide = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["*"]}]}'
    word = document["kind"].lower()
    put = getattr(client.iam, f"put_{word}_policy")
    put(**{f"{document['kind']}Name": NAME, "PolicyName": "more", "PolicyDocument": wide})
    assert audit_documents(given.store.site, documents) == [("spec.policies",)]


@pytest.mark.rgw
@pytest.mark.parametrize("store", ["rgw"], indirect=True, scope="module")
def test_any_other_token_is_refused_to_a_party(given: Given, tmp_path_factory: pytest.TempPathFactory) -> None:
    with issuer(tmp_path_factory.mktemp("stranger")) as stranger:
        for wrong in ({"subject": "other"}, {"audience": "other"}, {"by": stranger}):
            with pytest.raises(ClientError):
                given.enter(**wrong)  # type: ignore[arg-type]
    assert allowed(given.enter().get_object, Bucket=BUCKET, Key="published/a")
