"""The versions that an upgrade brings: those of the toolchain, or of an opened bundle."""

from collections.abc import Mapping
from pathlib import Path

from tenantry.contract.model import HostRole, Inventory
from tenantry.hosts.binaries import binaries_in, binaries_of
from tenantry.hosts.pki.operators import administrator_file
from tenantry.hosts.upgrade.nodes import Nodes
from tenantry.paths import site_dir
from tenantry.problems import InputError, problem
from tenantry.toolchain import find, lookup

KUBECTL = "kubectl"
ROLES = ("etcd", "controlplane", "worker")
"""The roles whose programs are upgraded."""


def needed_here(inventory: Inventory, bundle: Path | None) -> list[str]:
    """Name what this machine has to have of the toolchain: what is brought from here, and what drains nodes."""
    brought = binaries_of(inventory, ROLES) if bundle is None else []
    return [*brought, *([KUBECTL] if has_workers(inventory) else [])]


def target_of(inventory: Inventory, bundle: Path | None) -> Mapping[str, str]:
    """Give the version of each program that the inventory's hosts run; `bundle` is the folder of an opened one."""
    kept = {one.name: one.version for one in binaries_in(bundle)} if bundle is not None else {}
    return {name: kept.get(name) or find(name).version for name in binaries_of(inventory, ROLES)}


def has_workers(inventory: Inventory) -> bool:
    """Say whether there are nodes to drain."""
    return any(HostRole.WORKER in host.roles for host in inventory.spec.hosts)


def nodes_of(inventory: Inventory) -> Nodes | None:
    """Give the site's nodes, as its administrator reaches them; nothing where no host is one.

    Raises InputError (TEN-779) where this machine has no kubeconfig for it.
    """
    if not has_workers(inventory):
        return None
    kubeconfig = administrator_file(site_dir(inventory.spec.site))
    if not kubeconfig.is_file():
        what = f"workers are drained by the site's administrator, whose kubeconfig isn't at {kubeconfig}"
        fix = "run tenantry hosts prepare for a control-plane host, or bring the site's folder from where that is done"
        raise InputError(problem("TEN-779", what, fix))
    return Nodes(lookup(KUBECTL), kubeconfig)
