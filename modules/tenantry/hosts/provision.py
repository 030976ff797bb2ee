"""What the host that installs others is told of them: pure, an inventory in, plain data out."""

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_address, ip_network
from urllib.parse import urlsplit

from tenantry.contract.model import DiskPurpose, Inventory, InventoryHost, Provision, ProvisionRange


def to_provision(inventory: Inventory, host: InventoryHost) -> Mapping[str, object]:
    """Give whom a host serves, with all that each is told; nothing, where it isn't the server."""
    provision = inventory.spec.provision
    if provision is None or provision.server != host.name:
        return {}
    mirror = urlsplit(provision.mirror)
    return {
        "ranges": [_range(one) for one in provision.ranges],
        "machines": [_machine(one, provision) for one in inventory.spec.hosts if one.name in provision.install],
        "mirror": {"protocol": mirror.scheme, "host": mirror.netloc, "directory": mirror.path},
        "authorized_keys": list(provision.keys),
        "nameservers": list(provision.nameservers),
        "account": inventory.spec.management.account,
        "time": inventory.spec.time.servers[0].partition(":")[0],
    }


def _range(one: ProvisionRange) -> Mapping[str, object]:
    block = IPv4Network(one.block)
    return {
        "interface": one.interface,
        "block": one.block,
        "network": str(block.network_address),
        "netmask": str(block.netmask),
        "gateway": one.gateway or "",
    }


def _machine(host: InventoryHost, provision: Provision) -> Mapping[str, object]:
    found = next(one for one in provision.ranges if ip_address(host.address) in ip_network(one.block))
    return {
        "name": host.name,
        "mac": host.mac,
        # As boot loaders write it.
        "folder": host.mac.replace(":", "-"),
        "address": host.address,
        "length": IPv4Network(found.block).prefixlen,
        "gateway": found.gateway or "",
        "disk": next(disk.id for disk in host.disks if disk.purpose is DiskPurpose.SYSTEM),
    }
