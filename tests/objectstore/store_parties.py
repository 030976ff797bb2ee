"""A dataset that is granted to an outside party, on the store that a test runs on, and how the party comes at it."""

from dataclasses import replace
from datetime import date

from store_calls import Calls, inputs
from store_servers import Store
from store_sessions import connect, enter
from store_tenants import provision, tenant_on

import strategies
from granting import FIRST, GIVER, PARTY, make_grant
from issuers import Issuer
from tenantry.contract.model import Grant, Site
from tenantry.contract.sharing import find_sharing
from tenantry.objectstore.capabilities import ensure_recorded
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store as Client
from tenantry.render import render_tenant

SUBJECT, AUDIENCE = "reader", "sts.north.example"
NAME = f"{GIVER}.border-certificates"
BUCKET = f"{GIVER}-records"
EARLY = date.fromisoformat(FIRST)


def site_of(store: Store) -> Site:
    """Describe a site by what its store was found to have."""
    plain = strategies.sites()["site-north"]
    spec = replace(plain.spec, capabilities=(*ensure_recorded(store.connection), "store.diskEncryption"), issuer=None)
    return Site(metadata=replace(plain.metadata, name=store.site), spec=spec)


def grant_to(tokens: Issuer, **spec: object) -> Grant:
    identity = {"issuer": tokens.url, "subject": SUBJECT, "audience": AUDIENCE}
    return make_grant(consumer={**PARTY, "identity": identity}, **spec)


class Given:
    """A provider's bucket with two objects, of which one is granted to a party, as it is on a day."""

    def __init__(
        self, store: Store, client: Client, calls: Calls, tokens: Issuer, day: date = EARLY, **spec: object
    ) -> None:
        site = site_of(store)
        self.store, self._client, self._tokens, self._calls = store, client, tokens, calls
        if store.kind == "rgw":
            # The party has other tokens of its issuer, too: that they open nothing is the role's doing.
            trusted = {"url": tokens.url, "clientIds": [AUDIENCE, "other"], "thumbprints": [tokens.thumbprint]}
            calls.create("OidcProvider", inputs("OidcProvider", "party", trusted, tenant=""))
        self.tenant = tenant_on(site, id=GIVER, buckets=[{"name": "records"}, {"name": "other"}])
        self.grant = grant_to(tokens, **spec)
        sharing = find_sharing(self.tenant, [self.grant], day)
        self.rendered = render_tenant(self.tenant, site, strategies.baseline(), sharing)
        self.made = provision(calls, self.rendered)
        for bucket, key in ((BUCKET, "published/a"), (BUCKET, "private/a"), (f"{GIVER}-other", "published/a")):
            client.s3.put_object(Bucket=bucket, Key=key, Body=b"a")

    @property
    def arn(self) -> str:
        """How the store's policies name the party's identity."""
        return str(self.made[f"{'User' if self.store.kind == 'versitygw' else 'Role'}/{NAME}"]["arn"])

    def enter(
        self, subject: str = SUBJECT, audience: str = AUDIENCE, by: Issuer | None = None, session: str = "test"
    ) -> Json:
        """Come as the party does: with a token of its issuer, or where the store takes none, with its key."""
        if self.store.kind == "versitygw":
            key = self.made[f"AccessKey/{NAME}"]
            return connect(self.store, key["accessKeyId"], key["secretAccessKey"])
        token = (by or self._tokens).token(subject, audience)
        return enter(self.store, self._client, self.arn, token, session)

    def withdraw(self) -> None:
        """Take away what is no longer rendered, as the engine does: keys before their users."""
        for document in reversed(self.rendered.object_store):
            name, kind = document["metadata"]["name"], document["kind"]
            if kind in ("AccessKey", "User", "Role"):
                state = self.made[f"{kind}/{name}"]
                key = f"{name}/{state['accessKeyId']}" if kind == "AccessKey" else name
                self._calls.delete(kind, f"{self.store.site}/{key}", state)
