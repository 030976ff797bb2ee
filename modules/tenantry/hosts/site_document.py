"""What an inventory's hosts become: the document of their site, which `tenantry apply` takes, and the way to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

from tenantry.connection import Connection, KubernetesConnection, ObjectStoreConnection
from tenantry.contract.model import HostRole, Inventory, Location
from tenantry.contract.reading.schema import API_VERSION
from tenantry.contract.rules.settings import role_defaults
from tenantry.hosts.administrator import keys_file
from tenantry.hosts.pki.authorities import certificate_file
from tenantry.hosts.pki.operators import CONTEXT, administrator_file
from tenantry.paths import site_dir
from tenantry.toolchain.table import kubernetes_minor

_ROLE = "objectstore"


@dataclass(frozen=True, slots=True)
class Store:
    """The host that is the object store, and how it is reached."""

    block: str
    port: int
    endpoint: str
    iam_endpoint: str
    region: str
    authority: Path
    keys: Path


def store_of(inventory: Inventory) -> Store | None:
    """Give the site's object store; `None` where no host is one."""
    spec = inventory.spec
    host = next((one for one in spec.hosts if HostRole.OBJECT_STORE in one.roles), None)
    if host is None:
        return None
    own = (node.get(_ROLE, {}) for node in (spec.settings, host.settings))
    told: dict[str, Any] = {name: value for layer in (role_defaults(_ROLE), *own) for name, value in layer.items()}
    at = f"[{host.address}]" if ":" in host.address else host.address
    kept = site_dir(spec.site)
    return Store(
        block=str(ip_network(host.address)),
        port=told["objectstore_port"],
        endpoint=told["objectstore_endpoint"] or f"https://{at}:{told['objectstore_port']}",
        iam_endpoint=f"https://{at}:{told['objectstore_iam_port']}",
        region=told["objectstore_region"],
        authority=certificate_file(kept / "pki", "object-store"),
        keys=keys_file(kept, told["objectstore_keys_file"]),
    )


def site_document(inventory: Inventory) -> Mapping[str, Any] | None:
    """Give the Site document, as `stacks/schema/site.json` describes it; `None` where the inventory offers nothing."""
    spec = inventory.spec
    if spec.offers is None:
        return None
    offers, store = cast("dict[str, Any]", spec.offers), store_of(inventory)
    reached = {"objectStoreCidrs": [store.block], "objectStorePort": store.port} if store else {}
    return {
        "apiVersion": API_VERSION,
        "kind": "Site",
        "metadata": {"name": spec.site},
        "spec": {
            **({"objectStore": _described(store)} if store else {}),
            **offers,
            "location": Location.ON_PREMISES.value,
            "kubernetesMinor": kubernetes_minor(),
            "network": {
                **reached,
                **offers["network"],
                "clusterCidrs": [*spec.network.pods, *spec.network.services],
            },
        },
    }


def _described(store: Store) -> Mapping[str, str]:
    """Say how workloads reach the store, and what vouches for it once its authority is made."""
    vouching = {"certificateAuthority": store.authority.read_text()} if store.authority.is_file() else {}
    return {"endpoint": store.endpoint, "region": store.region, **vouching}


def connection_of(inventory: Inventory) -> Connection | None:
    """Give how this machine reaches the site; `None` as long as not both of its ends are there."""
    name = inventory.spec.site
    store, kubeconfig = store_of(inventory), administrator_file(site_dir(name))
    if store is None or not (kubeconfig.is_file() and store.keys.is_file()):
        return None
    return Connection(
        site=name,
        kubernetes=KubernetesConnection(kubeconfig, CONTEXT),
        object_store=ObjectStoreConnection(
            endpoint=store.endpoint,
            iam_endpoint=store.iam_endpoint,
            sts_endpoint=store.iam_endpoint,
            region=store.region,
            ca_file=store.authority,
            credentials_file=store.keys,
            profile=name,
        ),
    )
