"""Looks at what a store has, without an engine: against what a tenant's documents ask for, or all that is tenants'."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tenantry.objectstore.kinds.base import Found, Inputs
from tenantry.objectstore.kinds.bucket_parts import read_owner
from tenantry.objectstore.provider import KINDS, changed_paths
from tenantry.objectstore.spec import TENANT_LABEL, complete
from tenantry.objectstore.store import Store, open_store

READERS = 8
"""Documents read at the same time from one store; each waits for its answers most of the time."""

Differences = tuple[str, ...] | None
"""The properties of a document that the store has otherwise; None where it has no such object."""


def audit_documents(site: str, documents: Sequence[Mapping[str, Any]]) -> list[Differences]:
    """Compare each document with what the site's store has, in the documents' order.

    An access key is left out (no difference): only its user's holder knows which one it is, and its user is read.
    Raises UnreachableError where the store fails.
    """
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(lambda document: _audit(site, document), documents))


def read_buckets(site: str) -> list[Found]:
    """Read every bucket of a site's store that is marked as a tenant's. Raises UnreachableError where the store fails.

    Other buckets are let alone: on a store that others use, too, they may not even be read.
    """
    store = open_store(site)
    with store.doing("list buckets"):
        names = [bucket["Name"] for bucket in store.s3.list_buckets()["Buckets"]]
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda name: _read_bucket(store, name), names)
        return [bucket for bucket in found if bucket is not None]


def _read_bucket(store: Store, name: str) -> Found | None:
    if not read_owner(store, name):
        return None
    return KINDS["Bucket"].read(store, f"{store.site}/{name}", None)


def _audit(site: str, document: Mapping[str, Any]) -> Differences:
    kind, metadata = document["kind"], document["metadata"]
    if kind == "AccessKey":
        return ()
    asked = Inputs(site, metadata["labels"].get(TENANT_LABEL, ""), metadata["name"], complete(kind, document["spec"]))
    found = KINDS[kind].read(open_store(site), f"{site}/{asked.name}", asked)
    if found is None:
        return None
    return tuple(changed_paths(kind, Inputs(site, found.tenant, found.name, complete(kind, found.spec)), asked))
