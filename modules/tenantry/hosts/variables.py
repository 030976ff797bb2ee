"""What Ansible is told of each host: pure, an inventory in, plain data out."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path

from tenantry import hardening
from tenantry.contract.model import DiskPurpose, HostDisk, HostRole, Inventory, InventoryHost
from tenantry.contract.pods import pods_of
from tenantry.hosts.binaries import OF_ROLES
from tenantry.hosts.facts import COLLECTOR
from tenantry.hosts.provision import to_provision
from tenantry.paths import site_dir
from tenantry.toolchain.table import kubernetes_minor

SSH_PORT = 22
API_PORT = 6443
_NOTHING: Mapping[str, Mapping[str, object]] = {}
_HARDENED = {
    "etcd": hardening.ETCD,
    "kube_apiserver": hardening.APISERVER,
    "kube_controller_manager": hardening.CONTROLLER_MANAGER,
    "kube_scheduler": hardening.SCHEDULER,
}


def to_ansible(
    inventory: Inventory,
    key: Path | None,
    known_hosts: Path,
    limit: Sequence[str] = (),
    *,
    bundle: Path | None = None,
    programs: Mapping[str, object] = _NOTHING,
    more: Mapping[str, Mapping[str, object]] = _NOTHING,
) -> dict[str, object]:
    """Give the inventory as Ansible reads it: each host's variables whole, so that no group is to be looked through.

    With `limit` only the hosts of those names are in it; what they are told of others is of all of them.
    `known_hosts` is where `to_known_hosts` is written to; `key` the private key, `None` for what SSH itself tries;
    `bundle` the folder of an opened one; `programs` what the run brings, by role; `more` has variables by host besides.
    """
    opened = {
        "site_bundle": str(bundle or ""),
        "site_programs": programs,
        "site_upgrading": False,
        "site_newer_packages": False,
    }
    hosts = {
        host.name: {**_variables(inventory, host, key, known_hosts), **opened, **more.get(host.name, {})}
        for host in inventory.spec.hosts
        if not limit or host.name in limit
    }
    return {"all": {"hosts": hosts}}


def to_known_hosts(inventory: Inventory) -> str:
    """Give the public keys that hosts prove themselves with, as OpenSSH reads them."""
    lines = []
    for host in inventory.spec.hosts:
        if host.host_key is not None:
            address, port = reached_at(host)
            lines.append(f"{address if port == SSH_PORT else f'[{address}]:{port}'} {host.host_key}\n")
    return "".join(lines)


def reached_at(host: InventoryHost) -> tuple[str, int]:
    """Give the address and the port that SSH reaches a host at."""
    given = host.ssh
    address = given.address if given is not None and given.address is not None else host.address
    return address, given.port if given is not None and given.port is not None else SSH_PORT


def _variables(inventory: Inventory, host: InventoryHost, key: Path | None, known_hosts: Path) -> dict[str, object]:
    spec = inventory.spec
    address, port = reached_at(host)
    # A key that the inventory names is the only one that counts; else the user's own file of known hosts decides.
    proof = f"-o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=/dev/null" if host.host_key else ""
    return {
        "ansible_host": address,
        "ansible_port": port,
        "ansible_user": spec.management.account,
        "ansible_ssh_common_args": f"-o StrictHostKeyChecking=yes {proof}".strip(),
        **({"ansible_ssh_private_key_file": str(key)} if key else {}),
        "host_roles": [role.value for role in host.roles],
        "host_account": spec.management.account,
        "host_disks": [disk.id for disk in host.disks],
        "host_system_disk": next(disk.id for disk in host.disks if disk.purpose is DiskPurpose.SYSTEM),
        "host_disk_purposes": {disk.id: _purpose(disk.purpose) for disk in host.disks},
        "host_storage": [_disk(disk) for disk in host.disks if disk.purpose is not DiskPurpose.SYSTEM],
        "host_collector": COLLECTOR,
        "host_address": host.address,
        "site_name": spec.site,
        "site_kept": str(site_dir(spec.site)),
        "site_first_service": str(ip_network(spec.network.services[0])[1]),
        "site_virtual_address": spec.network.virtual_address or "",
        "site_control_plane": _of_role(inventory, HostRole.CONTROL_PLANE),
        "site_etcd": _of_role(inventory, HostRole.ETCD),
        "site_binaries": {role: list(names) for role, names in OF_ROLES.items()},
        "site_hardening": {name: hardening.by_name(flags) for name, flags in _HARDENED.items()},
        "site_policies": {
            "admission": hardening.admission(kubernetes_minor()),
            "audit": hardening.AUDIT_POLICY,
            "authentication": hardening.authentication(),
        },
        "host_provision": to_provision(inventory, host),
        "host_pods": _pods(inventory, host),
        "site_api_server": _api_server(inventory),
        "site_workers": [_worker(inventory, one) for one in spec.hosts if HostRole.WORKER in one.roles],
        "site_management": list(spec.management.networks),
        "site_hosts": list(spec.network.hosts),
        "site_pods": list(spec.network.pods),
        "site_services": list(spec.network.services),
        "site_time": list(spec.time.servers),
        **_settings(spec.settings, host.settings),
    }


def _disk(disk: HostDisk) -> dict[str, str]:
    told = {"serial": disk.serial, "wipe": disk.wipe}
    return {"id": disk.id, "purpose": disk.purpose.value, **{name: value for name, value in told.items() if value}}


def _of_role(inventory: Inventory, role: HostRole) -> list[dict[str, str]]:
    return [{"name": host.name, "address": host.address, "mac": host.mac} for host in inventory.of_role(role)]


def _pods(inventory: Inventory, host: InventoryHost) -> str:
    """Give the block of a host's pods; empty where there is none, as for a host that runs no pods."""
    network = inventory.spec.network
    return pods_of(host.address, network.hosts, network.pods) or ""


def _worker(inventory: Inventory, host: InventoryHost) -> dict[str, str]:
    return {"name": host.name, "address": host.address, "pods": _pods(inventory, host)}


def _api_server(inventory: Inventory) -> str:
    """Give the address of the API server: the virtual one, else that of the first control-plane host."""
    hosts = [one.address for one in inventory.spec.hosts if HostRole.CONTROL_PLANE in one.roles]
    address = inventory.spec.network.virtual_address or next(iter(hosts), "")
    return f"https://{f'[{address}]' if ':' in address else address}:{API_PORT}" if address else ""


def _purpose(purpose: DiskPurpose) -> str:
    """Give what facts say that a disk is for: they know of the system's, and of others."""
    return "system" if purpose is DiskPurpose.SYSTEM else "data"


def _settings(*layers: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    return {name: value for layer in layers for values in layer.values() for name, value in values.items()}
