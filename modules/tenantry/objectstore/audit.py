"""Looks at what a store has, without an engine: against what a tenant's documents ask for, or all that is tenants'."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tenantry.objectstore.kinds.base import Found, Inputs
from tenantry.objectstore.kinds.bucket_deletion import holds_objects
from tenantry.objectstore.kinds.bucket_parts import read_owner
from tenantry.objectstore.plugin.provider import KINDS, changed_paths
from tenantry.objectstore.spec import TENANT_LABEL, complete
from tenantry.objectstore.store import Store, open_store

READERS = 8
"""Documents read at the same time from one store; each waits for its answers most of the time."""

Differences = tuple[str, ...] | None
"""The properties of a document that the store has otherwise; None where it has no such object."""


@dataclass(frozen=True, slots=True)
class KeptBucket:
    """What a store tells of how a bucket's objects are protected.

    `lock_days` is 0 without a lock; `published` says whether its policy lets anyone do anything.
    """

    name: str
    tags: Mapping[str, str]
    versions: bool
    lock_days: int
    published: bool
    holds_objects: bool


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


def read_kept(site: str, starts: tuple[str, ...]) -> list[KeptBucket]:
    """Read the buckets of a site's store whose names start in one of these ways.

    Raises UnreachableError where the store fails.
    """
    store = open_store(site)
    with store.doing("list buckets"):
        names = [bucket["Name"] for bucket in store.s3.list_buckets()["Buckets"]]
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda name: _read_kept(store, name), [name for name in names if name.startswith(starts)])
        return [bucket for bucket in found if bucket is not None]


def _read_kept(store: Store, name: str) -> KeptBucket | None:
    found = KINDS["Bucket"].read(store, f"{store.site}/{name}", None)
    if found is None:
        return None
    spec = found.spec
    statements = (spec["policy"] or {}).get("Statement", [])
    return KeptBucket(
        name=name,
        tags=spec["tags"],
        versions=spec["versions"],
        lock_days=spec["lock"]["days"] if spec["lock"] else 0,
        published=any(one.get("Effect") == "Allow" and _is_anyone(one.get("Principal")) for one in statements),
        holds_objects=holds_objects(store, name),
    )


def _is_anyone(principal: object) -> bool:
    """Say whether a principal is everybody, in any of the ways in which S3 writes it."""
    if isinstance(principal, Mapping):
        return any(map(_is_anyone, principal.values()))
    return "*" in principal if isinstance(principal, list) else principal == "*"


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
