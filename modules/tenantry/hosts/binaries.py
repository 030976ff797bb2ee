"""What hosts run of the toolchain: built on this machine, before anything is asked of a host."""

from collections.abc import Mapping, Sequence

from tenantry.contract.model import HostRole, Inventory
from tenantry.contract.rules.workers import PROGRAMS

OF_ROLES: Mapping[str, tuple[str, ...]] = {
    "etcd": ("etcd",),
    "controlplane": ("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    # The last is what the image is made of that holds a pod's namespaces.
    "worker": (*PROGRAMS, "pause"),
    "objectstore": ("versitygw",),
}
"""The binaries that each role of the playbook brings."""

_HOSTS = {
    "etcd": HostRole.ETCD,
    "controlplane": HostRole.CONTROL_PLANE,
    "worker": HostRole.WORKER,
    "objectstore": HostRole.OBJECT_STORE,
}


def binaries_of(inventory: Inventory, roles: Sequence[str], limit: Sequence[str] = ()) -> list[str]:
    """Name the binaries that a run brings: over the hosts of `limit`, with those of the playbook's `roles`; empty: all.

    Check mode needs them, too: only their digests tell what differs.
    """
    hosts = [host for host in inventory.spec.hosts if not limit or host.name in limit]
    wanted = [one for one in OF_ROLES if not roles or {one, "all"} & {*roles}]
    return [name for one in wanted if any(_HOSTS[one] in host.roles for host in hosts) for name in OF_ROLES[one]]
