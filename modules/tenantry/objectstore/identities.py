"""The identities that a tenant has in a store, whoever made them: found by their path, and ended with their keys."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tenantry.objectstore.capabilities import ensure_recorded
from tenantry.objectstore.kinds.base import Inputs
from tenantry.objectstore.kinds.identity import absent_as_none, path_tenant, tenant_path
from tenantry.objectstore.plugin.provider import KINDS
from tenantry.objectstore.store import Store

_KINDS = (("User", "iam.users"), ("Role", "sts.webIdentity"))
READERS = 8
"""Users whose keys are listed at the same time."""


def list_identities(store: Store, tenant: str) -> list[tuple[str, str]]:
    """Give kind (User or Role) and name of each identity of a tenant. Raises UnreachableError where the store fails."""
    can = ensure_recorded(store)
    found = []
    for kind, capability in _KINDS:
        if capability in can:
            with store.doing(f"list the {kind.lower()}s of tenant {tenant}"):
                found += [
                    (kind, one[f"{kind}Name"]) for one in _list(store, kind) if one["Path"] == tenant_path(tenant)
                ]
    return sorted(found)


def end_identities(store: Store, tenant: str) -> None:
    """Delete every identity of a tenant with its keys and rights. Raises UnreachableError where the store fails."""
    for kind, name in list_identities(store, tenant):
        KINDS[kind].delete(store, f"{store.site}/{name}", Inputs(store.site, tenant, name, {}))


def list_keys(store: Store) -> dict[str, str]:
    """Give the user of each access key of tenants' users, by the key's id. Raises UnreachableError."""
    if "iam.users" not in ensure_recorded(store):
        return {}

    def read(user: str) -> list[tuple[str, str]]:
        listed = absent_as_none(lambda: store.iam.list_access_keys(UserName=user)) or {}
        return [(one["AccessKeyId"], user) for one in listed.get("AccessKeyMetadata", ())]

    with store.doing("list whose access keys are whose"), ThreadPoolExecutor(READERS) as readers:
        users = [one["UserName"] for one in _list(store, "User") if path_tenant(one["Path"])]
        return dict(pair for found in readers.map(read, users) for pair in found)


def _list(store: Store, kind: str) -> list[dict[str, Any]]:
    pages = store.iam.get_paginator(f"list_{kind.lower()}s").paginate()  # type: ignore[call-overload]
    return absent_as_none(lambda: [one for page in pages for one in page[f"{kind}s"]]) or []
