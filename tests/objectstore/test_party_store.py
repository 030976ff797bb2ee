"""An outside party comes at what it was granted, on a real store: with its own tokens, or with a key; and no longer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from botocore.exceptions import ClientError
from store_calls import Calls, inputs
from store_servers import Store
from store_sessions import allowed, connect, enter
from store_tenants import provision, tenant_on

import strategies
from granting import FIRST, GIVER, PARTY, make_grant
from issuers import Issuer, issuer
from tenantry.contract.model import Grant, Site, Tenant
from tenantry.contract.sharing import find_sharing
from tenantry.objectstore.audit import audit_documents
from tenantry.objectstore.capabilities import ensure_recorded
from tenantry.objectstore.identities import end_identities, list_identities
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store as Client
from tenantry.render import Rendered, render_tenant

SUBJECT, AUDIENCE = "reader", "sts.north.example"
NAME = f"{GIVER}.border-certificates"
BUCKET = f"{GIVER}-records"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with issuer(tmp_path_factory.mktemp("tokens")) as running:
        yield running


@pytest.fixture
def site(store: Store) -> Site:
    plain = strategies.sites()["site-north"]
    spec = replace(plain.spec, capabilities=(*ensure_recorded(store.connection), "store.diskEncryption"), issuer=None)
    return Site(metadata=replace(plain.metadata, name=store.site), spec=spec)


def grant_to(tokens: Issuer, **spec: object) -> Grant:
    identity = {"issuer": tokens.url, "subject": SUBJECT, "audience": AUDIENCE}
    return make_grant(consumer={**PARTY, "identity": identity}, **spec)


def render(tenant: Tenant, site: Site, *grants: Grant) -> Rendered:
    sharing = find_sharing(tenant, grants, date.fromisoformat(FIRST))
    return render_tenant(tenant, site, strategies.baseline(), sharing)


class Given:
    """A provider's bucket with two objects, of which one is granted to a party."""

    def __init__(self, store: Store, client: Client, calls: Calls, site: Site, tokens: Issuer) -> None:
        self.store, self._client, self._tokens, self._calls = store, client, tokens, calls
        if store.kind == "rgw":
            # The party has other tokens of its issuer, too: that they open nothing is the role's doing.
            trusted = {"url": tokens.url, "clientIds": [AUDIENCE, "other"], "thumbprints": [tokens.thumbprint]}
            calls.create("OidcProvider", inputs("OidcProvider", "party", trusted, tenant=""))
        self.tenant = tenant_on(site, id=GIVER, buckets=[{"name": "records"}, {"name": "other"}])
        self.rendered = render(self.tenant, site, grant_to(tokens))
        self.made = provision(calls, self.rendered)
        for bucket, key in ((BUCKET, "published/a"), (BUCKET, "private/a"), (f"{GIVER}-other", "published/a")):
            client.s3.put_object(Bucket=bucket, Key=key, Body=b"a")

    def enter(self, subject: str = SUBJECT, audience: str = AUDIENCE, by: Issuer | None = None) -> Json:
        """Come as the party does: with a token of its issuer, or where the store takes none, with its key."""
        if self.store.kind == "versitygw":
            key = self.made[f"AccessKey/{NAME}"]
            return connect(self.store, key["accessKeyId"], key["secretAccessKey"])
        token = (by or self._tokens).token(subject, audience)
        return enter(self.store, self._client, self.made[f"Role/{NAME}"]["arn"], token)

    def withdraw(self) -> None:
        """Take away what is no longer rendered, as the engine does: keys before their users."""
        for document in reversed(self.rendered.object_store):
            name, kind = document["metadata"]["name"], document["kind"]
            if kind in ("AccessKey", "User", "Role"):
                state = self.made[f"{kind}/{name}"]
                key = f"{name}/{state['accessKeyId']}" if kind == "AccessKey" else name
                self._calls.delete(kind, f"{self.store.site}/{key}", state)


@pytest.fixture
def given(store: Store, client: Client, calls: Calls, site: Site, tokens: Issuer) -> Iterator[Given]:
    yield Given(store, client, calls, site, tokens)
    end_identities(client, GIVER)


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
