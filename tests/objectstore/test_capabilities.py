"""What a store can do is found out by trying, and kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_servers import Store

from issuers import issuer
from tenantry.connection import write_connection
from tenantry.objectstore.capabilities import (
    SCRATCH,
    Issuer,
    ensure_recorded,
    probe,
    read_record,
    record_file,
    recorded,
)
from tenantry.objectstore.kinds.identity import absent_as_none
from tenantry.objectstore.store import Store as Client

COMMON = {"bucket.versions", "bucket.objectLock", "bucket.policy", "bucket.tags", "bucket.cors"}
EXPECTED = {
    "versitygw": COMMON | {"bucket.objectLockLater", "bucket.ownership", "iam.users"},
    "rgw": COMMON | {"bucket.lifecycle", "bucket.publicAccessBlock", "bucket.quota", "sts.webIdentity"},
}


def listed(call: Callable[..., Any], key: str) -> list[Any]:
    """List; RGW has no list, not even an empty one, before its first role or provider."""
    return list((absent_as_none(call) or {}).get(key, []))


def test_a_probe_finds_what_the_store_can_do_and_leaves_nothing(store: Store, client: Client) -> None:
    assert probe(client) == EXPECTED[store.kind]
    assert not [b["Name"] for b in client.s3.list_buckets()["Buckets"] if b.get("Name", "").startswith(SCRATCH)]
    if store.kind == "versitygw":
        assert client.iam.list_users(PathPrefix="/tenantry/")["Users"] == []
    assert listed(client.iam.list_roles, "Roles") == []
    assert listed(client.iam.list_open_id_connect_providers, "OpenIDConnectProviderList") == []


def test_a_probe_is_recorded_beside_the_connection_and_not_repeated(store: Store) -> None:
    assert ensure_recorded(store.connection) == EXPECTED[store.kind]
    assert recorded(store.site) == frozenset(EXPECTED[store.kind])
    first = read_record(store.site)
    assert first
    assert ensure_recorded(store.connection) == EXPECTED[store.kind]
    assert read_record(store.site) == first
    assert store.secret not in record_file(store.site).read_text()


@pytest.fixture
def forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's record is there, and this process hasn't looked at it yet."""
    ensure_recorded(store.connection)
    monkeypatch.setattr("tenantry.objectstore.capabilities._seen", {})


@pytest.mark.usefixtures("forgotten")
def test_another_server_behind_the_same_name_is_probed_anew(store: Store) -> None:
    record = json.loads(record_file(store.site).read_text())
    record_file(store.site).write_text(json.dumps(record | {"server": "another", "capabilities": []}))
    assert ensure_recorded(store.connection) == EXPECTED[store.kind]


@pytest.mark.usefixtures("forgotten")
def test_a_record_that_is_damaged_is_made_anew(store: Store) -> None:
    record_file(store.site).write_text("{")
    assert recorded(store.site) is None
    write_connection(store.connection)
    assert ensure_recorded(store.connection) == EXPECTED[store.kind]


@pytest.mark.usefixtures("forgotten")
def test_web_identity_is_tried_once_with_each_issuer_that_is_named(
    store: Store, client: Client, tmp_path: Path
) -> None:
    """A store may refuse the issuer that it was first tried with, and trust the site's own."""
    record = json.loads(record_file(store.site).read_text())
    without = sorted(EXPECTED[store.kind] - {"sts.webIdentity"})
    record_file(store.site).write_text(json.dumps(record | {"capabilities": without}))
    with issuer(tmp_path) as tokens:
        named = Issuer(tokens.url, (tokens.thumbprint,))
        assert ensure_recorded(store.connection, named) == EXPECTED[store.kind]
    written = json.loads(record_file(store.site).read_text())
    assert frozenset(written["capabilities"]) == EXPECTED[store.kind]
    # versitygw looks for no issuer's keys on loopback.
    assert written["refusedIssuers"] == ([str(named)] if store.kind == "versitygw" else [])
    assert listed(client.iam.list_roles, "Roles") == []
    assert listed(client.iam.list_open_id_connect_providers, "OpenIDConnectProviderList") == []


@pytest.mark.usefixtures("forgotten")
def test_an_issuer_whose_keys_the_store_can_not_have_is_refused(store: Store, client: Client) -> None:
    """versitygw takes any public-looking issuer on trust, and finds out only when a token is shown."""
    if store.kind == "versitygw":
        made = client.iam.create_open_id_connect_provider(
            Url="https://oidc.nowhere.invalid", ClientIDList=["a"], ThumbprintList=["0" * 40]
        )
        client.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
    found = ensure_recorded(store.connection, Issuer("https://oidc.nowhere.invalid"))
    assert ("sts.webIdentity" in found) == (store.kind == "rgw")
