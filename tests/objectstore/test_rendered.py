"""What is rendered for a tenant does what its request says, on a real store: who reaches which objects, and who not."""

import json
from dataclasses import replace
from typing import Any

import pytest
from store_calls import Calls, inputs
from store_servers import Store
from store_sessions import allowed, connect, enter
from store_tenants import provision, tenant_on

import strategies
from examples import minimal
from issuers import Issuer
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete
from tenantry.contract.model import Site
from tenantry.objectstore.audit import audit_documents
from tenantry.objectstore.capabilities import ensure_recorded
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store as Client
from tenantry.render import render_tenant
from tenantry.render.store.identities import STORE_AUDIENCE

ACCOUNTS = [
    {"name": "app", "buckets": [{"bucket": "records", "access": "readWrite", "prefix": "in/"}]},
    {"name": "reader", "buckets": [{"bucket": "records", "access": "read"}]},
    {"name": "writer", "buckets": [{"bucket": "records", "access": "write"}]},
]


@pytest.fixture
def site(store: Store, tokens: Issuer) -> Site:
    """The site as its document would describe it: with what its store was found to have, and encrypted disks."""
    plain = strategies.sites()["site-north"]
    found = (*ensure_recorded(store.connection), "store.diskEncryption", "store.ownKey")
    spec = replace(plain.spec, capabilities=found, issuer=tokens.url if store.kind == "rgw" else None)
    return Site(metadata=replace(plain.metadata, name=store.site), spec=spec)


class Workloads:
    """Gives each workload's own client, with the keys that it would find where it runs."""

    def __init__(self, store: Store, client: Client, tokens: Issuer, made: dict[str, dict[str, Any]]) -> None:
        self._store, self._client, self._tokens, self.made = store, client, tokens, made

    def s3(self, name: str) -> Json:
        if self._store.kind == "versitygw":
            key = self.made[f"AccessKey/{name}"]
            return connect(self._store, key["accessKeyId"], key["secretAccessKey"])
        tenant, namespace, account = name.split(".")
        token = self._tokens.token(f"system:serviceaccount:{tenant}-{namespace}:{account}", STORE_AUDIENCE)
        return enter(self._store, self._client, self.made[f"Role/{name}"]["arn"], token)

    def nobody(self) -> Json:
        return connect(self._store, None, None)


@pytest.fixture
def workloads(store: Store, calls: Calls, client: Client, site: Site, tokens: Issuer) -> Workloads:
    if store.kind == "rgw":
        trusted = {"url": tokens.url, "clientIds": [STORE_AUDIENCE], "thumbprints": [tokens.thumbprint]}
        calls.create("OidcProvider", inputs("OidcProvider", "cluster", trusted, tenant=""))
    buckets = [{"name": "records", "quota": "1Mi"}, {"name": "media", "publish": True}]
    tenant = tenant_on(site, buckets=buckets, serviceAccounts=ACCOUNTS)
    made = provision(calls, render_tenant(tenant, site, strategies.baseline()))
    return Workloads(store, client, tokens, made)


RECORDS, MEDIA = "t-4f9x2k7q-records", "t-4f9x2k7q-media"


def test_each_service_account_does_what_it_was_granted_and_no_more(workloads: Workloads, client: Client) -> None:
    app, reader, writer = (workloads.s3(f"t-4f9x2k7q.main.{each['name']}") for each in ACCOUNTS)
    client.s3.put_object(Bucket=RECORDS, Key="out/a", Body=b"a")
    for who, key, reads, writes in (
        (app, "in/a", True, True),
        (app, "out/a", False, False),
        (reader, "out/a", True, False),
        (writer, "in/a", False, True),
        (writer, "out/a", False, True),
    ):
        assert allowed(who.put_object, Bucket=RECORDS, Key=key, Body=b"b") is writes, (key, writes)
        assert allowed(who.get_object, Bucket=RECORDS, Key=key) is reads, (key, reads)
        assert not allowed(who.put_object, Bucket=MEDIA, Key=key, Body=b"b")
    assert allowed(app.list_objects_v2, Bucket=RECORDS, Prefix="in/")
    assert not allowed(app.list_objects_v2, Bucket=RECORDS, Prefix="out/")
    assert not allowed(app.list_objects_v2, Bucket=RECORDS)
    assert allowed(reader.list_objects_v2, Bucket=RECORDS)
    assert not allowed(writer.list_objects_v2, Bucket=RECORDS)
    for who in (app, reader, writer):
        assert not allowed(who.put_bucket_policy, Bucket=RECORDS, Policy="{}")
        assert not allowed(who.delete_bucket, Bucket=RECORDS)


def test_anyone_reads_what_is_published_and_nothing_else(workloads: Workloads, client: Client) -> None:
    nobody = workloads.nobody()
    for bucket in (RECORDS, MEDIA):
        client.s3.put_object(Bucket=bucket, Key="a", Body=b"a")
        assert allowed(nobody.get_object, Bucket=bucket, Key="a") is (bucket == MEDIA)
        assert not allowed(nobody.put_object, Bucket=bucket, Key="a", Body=b"b")
        assert not allowed(nobody.list_objects_v2, Bucket=bucket)


def test_the_policy_looks_at_the_transport(workloads: Workloads, client: Client) -> None:
    """Both stores are reached by TLS alone: turned round, what denies all but TLS has to deny TLS.

    Reading only, for RGW would let not even its administrator put the policy back.
    """
    reader = workloads.s3("t-4f9x2k7q.main.reader")
    client.s3.put_object(Bucket=RECORDS, Key="a", Body=b"a")
    policy = client.s3.get_bucket_policy(Bucket=RECORDS)["Policy"]
    assert allowed(reader.get_object, Bucket=RECORDS, Key="a")
    turned = json.loads(policy)
    (statement,) = turned["Statement"]
    statement["Action"] = ["s3:GetObject"]
    client.s3.put_bucket_policy(Bucket=RECORDS, Policy=json.dumps(turned))
    assert allowed(reader.get_object, Bucket=RECORDS, Key="a")
    (condition,) = statement["Condition"]["Bool"].items()
    assert condition in (("aws:SecureTransport", "false"), ("aws:SecureTransport", ["false"]))
    statement["Condition"] = {"Bool": {"aws:SecureTransport": "true"}}
    client.s3.put_bucket_policy(Bucket=RECORDS, Policy=json.dumps(turned))
    try:
        assert not allowed(reader.get_object, Bucket=RECORDS, Key="a")
    finally:
        client.s3.put_bucket_policy(Bucket=RECORDS, Policy=policy)
    assert allowed(reader.get_object, Bucket=RECORDS, Key="a")


def test_what_was_made_is_found_without_an_engine_and_so_is_what_was_changed(
    workloads: Workloads, site: Site, client: Client
) -> None:
    buckets = [{"name": "records", "quota": "1Mi"}, {"name": "media", "publish": True}]
    tenant = tenant_on(site, buckets=buckets, serviceAccounts=ACCOUNTS)
    documents = render_tenant(tenant, site, strategies.baseline()).object_store
    assert audit_documents(site.name, documents) == [()] * len(documents)
    tags = client.s3.get_bucket_tagging(Bucket=MEDIA)["TagSet"]
    client.s3.put_bucket_tagging(Bucket=MEDIA, Tagging={"TagSet": [*tags, {"Key": "more", "Value": "tags"}]})
    client.s3.delete_bucket_policy(Bucket=RECORDS)
    found = audit_documents(site.name, documents)
    assert found[:2] == [("spec.policy",), ("spec.tags",)]
    assert set(found[2:]) == {()}


def test_the_most_that_is_rendered_is_taken_as_tags(
    store: Store, calls: Calls, client: Client, site: Site, workloads: Workloads
) -> None:
    mails = [f"o'{'n' * 239}{number}@gov.example" for number in range(10)]
    request: dict[str, Any] = minimal(
        classification="open",
        id="t-mosttags",
        costCentre="Kostenstelle (12) – 成本",
        budget={"monthly": 1, "currency": "EUR"},
        contacts={"owner": mails[0], "technical": mails, "security": mails[1], "finance": mails[2]},
        lease={"starts": "2026-12-01", "ends": "2027-05-31", "reason": "Trial."},
        buckets=[{"name": "most"}],
    )
    request["metadata"]["labels"] = {f"label-{number}": "v" * number for number in range(20)}
    documents = Documents(
        requests=(strategies.document(request),), sites={site.name: site}, departments=strategies.departments()
    )
    (tenant,) = complete(documents, strategies.baseline())
    (bucket,) = render_tenant(tenant, site, strategies.baseline()).object_store
    provision(calls, render_tenant(tenant, site, strategies.baseline()))
    assert len(client.s3.get_bucket_tagging(Bucket="t-mosttags-most")["TagSet"]) == len(bucket["spec"]["tags"]) + 1
    assert audit_documents(site.name, [bucket]) == [()]


def test_a_bucket_holds_no_more_than_its_quota_where_the_store_counts(
    store: Store, calls: Calls, workloads: Workloads, client: Client
) -> None:
    app = workloads.s3("t-4f9x2k7q.main.app")
    assert allowed(app.put_object, Bucket=RECORDS, Key="in/small", Body=b"a" * 2**10)
    counted = store.kind == "rgw"
    assert allowed(app.put_object, Bucket=RECORDS, Key="in/large", Body=b"a" * 2**21) is not counted
    held, state = f"{store.site}/{RECORDS}", workloads.made[f"Bucket/{RECORDS}"]
    larger = {**state, "spec": {**state["spec"], "quota": 2**24}}
    assert list(calls.diff("Bucket", state, larger).diffs) == ["spec.quota"]
    calls.update("Bucket", held, state, larger)
    assert allowed(app.put_object, Bucket=RECORDS, Key="in/large", Body=b"a" * 2**21)
    assert calls.read("Bucket", held, larger)[1]["spec"]["quota"] == 2**24
    unbound = {**state, "spec": {**state["spec"], "quota": None}}
    calls.update("Bucket", held, larger, unbound)
    assert calls.read("Bucket", held, unbound)[1]["spec"]["quota"] is None
