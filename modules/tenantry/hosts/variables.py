"""What Ansible is told of each host: pure, an inventory in, plain data out."""

from collections.abc import Mapping
from pathlib import Path

from tenantry.contract.model import DiskPurpose, HostRole, Inventory, InventoryHost
from tenantry.contract.pods import pods_of
from tenantry.hosts.facts import COLLECTOR

SSH_PORT = 22
API_PORT = 6443


def to_ansible(
    inventory: Inventory, key: Path | None, known_hosts: Path, artefacts: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Give the inventory as Ansible reads it: each host's variables whole, so that no group is to be looked through.

    `known_hosts` is where `to_known_hosts` is written to; `key` the private key, `None` for what SSH itself tries;
    `artefacts` what `artefacts_of` gives.
    """
    hosts = {host.name: _variables(inventory, host, key, known_hosts) for host in inventory.spec.hosts}
    return {"all": {"hosts": hosts, "vars": dict(artefacts or {})}}


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
        "host_collector": COLLECTOR,
        "host_address": host.address,
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
