"""The document of the site that an inventory's hosts become: what `tenantry apply` takes."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, cast

from tenantry.contract.model import HostRole, Inventory, Location
from tenantry.contract.reading.schema import API_VERSION
from tenantry.toolchain.table import kubernetes_minor


def site_document(inventory: Inventory) -> Mapping[str, Any] | None:
    """Give the Site document, as `stacks/schema/site.json` describes it; `None` where the inventory offers nothing."""
    spec = inventory.spec
    if spec.offers is None:
        return None
    offers = cast("dict[str, Any]", spec.offers)
    blocks = [*spec.network.pods, *spec.network.services]
    return {
        "apiVersion": API_VERSION,
        "kind": "Site",
        "metadata": {"name": spec.site},
        "spec": {
            **offers,
            "location": Location.ON_PREMISES.value,
            "kubernetesMinor": kubernetes_minor(),
            "network": {"objectStoreCidrs": _stores(inventory), **offers["network"], "clusterCidrs": blocks},
        },
    }


def _stores(inventory: Inventory) -> list[str]:
    """Give the addresses of the hosts that are the object store, each as a block of its own."""
    hosts = (host for host in inventory.spec.hosts if HostRole.OBJECT_STORE in host.roles)
    return [str(ip_network(host.address)) for host in hosts]
