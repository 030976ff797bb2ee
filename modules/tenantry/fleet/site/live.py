"""What lives at a site, read in bulk: all objects that carry a tenant's label, and the record of its last apply."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from tenantry.fleet.site.kube import RESOURCES, KubeClient
from tenantry.fleet.site.record import RECORD_NAMESPACE, Record, parse_record
from tenantry.render.manifest import object_key
from tenantry.render.naming import MANAGED_BY_LABEL, MANAGER, TENANT_LABEL

Object = dict[str, Any]

# What the server writes into every object by itself, and changes without anyone's having asked for it.
SERVER_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
READERS = 4
"""Lists read at the same time from one API server."""


@dataclass(frozen=True, slots=True)
class LiveTenant:
    """One tenant's live Kubernetes objects by key (`tenantry.render.manifest.object_key`), and its record."""

    objects: Mapping[str, Object]
    record: Record | None


EMPTY = LiveTenant({}, None)


@dataclass(frozen=True, slots=True)
class LiveSite:
    """A site's tenants by id, as they were when the site was read."""

    site: str
    tenants: Mapping[str, LiveTenant]

    def tenant(self, tenant: str) -> LiveTenant:
        """Give what lives of a tenant: nothing, where it was never applied."""
        return self.tenants.get(tenant, EMPTY)


def read_site(client: KubeClient, tenants: Iterable[str] | None = None) -> LiveSite:
    """Read all tenants' objects and records at a site, or those of a few tenants.

    Raises UnreachableError (TEN-502, TEN-503), which names the site.
    """
    wanted = sorted(tenants) if tenants is not None else []
    selector = f"{MANAGED_BY_LABEL}={MANAGER}"
    # A long list of names in a URL is refused by servers; beyond a few tenants, reading all of them is as quick.
    selector += f",{TENANT_LABEL} in ({','.join(wanted)})" if 0 < len(wanted) <= 20 else f",{TENANT_LABEL}"
    with ThreadPoolExecutor(READERS) as readers:
        # Taken here, so that the first that fails calls off those that haven't begun: each would wait as long again.
        lists = list(readers.map(lambda one: client.list_all(one[0], one[1], selector), RESOURCES))
    objects: dict[str, dict[str, Object]] = defaultdict(dict)
    records: dict[str, Record] = {}
    for found in lists:
        for live in found:
            tenant = live["metadata"]["labels"][TENANT_LABEL]
            if live["metadata"].get("namespace") == RECORD_NAMESPACE:
                records[tenant] = parse_record(live)
            else:
                objects[tenant][object_key(live)] = live
    known = objects.keys() | records.keys()
    return LiveSite(client.site, {tenant: LiveTenant(objects[tenant], records.get(tenant)) for tenant in sorted(known)})


def read_records(client: KubeClient) -> list[Record]:
    """Read the records of all tenants at a site. Raises UnreachableError (TEN-502, TEN-503)."""
    found = client.list_all("v1", "ConfigMap", f"{MANAGED_BY_LABEL}={MANAGER},{TENANT_LABEL}")
    return [parse_record(one) for one in found if one["metadata"]["namespace"] == RECORD_NAMESPACE]


def live_hash(live: Mapping[str, Any]) -> str:
    """Digest all of a live object that its owners decide: the same until somebody changes it."""
    metadata = {name: value for name, value in live["metadata"].items() if name not in SERVER_METADATA}
    kept = {name: value for name, value in live.items() if name != "status"} | {"metadata": metadata}
    return sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def is_ours(live: Mapping[str, Any]) -> bool:
    """Say whether tenantry applied an object; a copy that somebody made of one isn't ours, whatever its labels."""
    return any(entry.get("manager") == MANAGER for entry in live["metadata"].get("managedFields", ()))
