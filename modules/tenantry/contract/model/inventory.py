"""The machines of a site, as they are racked."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tenantry.contract.model.words import Metadata


class HostRole(StrEnum):
    """What a host is for."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"
    ETCD = "etcd"
    OBJECT_STORE = "object-store"


class DiskPurpose(StrEnum):
    """What a disk is for."""

    SYSTEM = "system"
    ETCD = "etcd"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Rack:
    """Where hosts stand; what fails together."""

    name: str
    title: str | None


@dataclass(frozen=True, slots=True)
class Management:
    """The account that logs in and may become root, and the networks that it comes from."""

    account: str
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostNetworks:
    """The blocks of addresses of a site; `virtual_address` is the API server's, `None` where one host has it."""

    hosts: tuple[str, ...]
    pods: tuple[str, ...]
    services: tuple[str, ...]
    virtual_address: str | None


@dataclass(frozen=True, slots=True)
class TimeSources:
    """NTP servers, with a port after a colon where it isn't 123."""

    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostAddress:
    """Where SSH reaches a host, if not at its address and port 22."""

    address: str | None
    port: int | None


@dataclass(frozen=True, slots=True)
class HostDisk:
    """A disk by its stable id."""

    id: str
    purpose: DiskPurpose
    serial: str | None


@dataclass(frozen=True, slots=True)
class ManagementController:
    """A host's BMC."""

    address: str
    mac: str | None


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A machine; `settings` are of roles, by the names in their argument specifications."""

    name: str
    roles: tuple[HostRole, ...]
    rack: str
    address: str
    mac: str
    serial: str
    ssh: HostAddress | None
    host_key: str | None
    disks: tuple[HostDisk, ...]
    bmc: ManagementController | None
    settings: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class InventorySpec:
    """What stands at a site; see `stacks/schema/inventory.json`."""

    site: str
    offline: bool
    racks: tuple[Rack, ...]
    management: Management
    network: HostNetworks
    time: TimeSources
    settings: Mapping[str, Mapping[str, object]]
    offers: Mapping[str, object] | None
    hosts: tuple[InventoryHost, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """A site's machines; see `stacks/schema/inventory.json`."""

    metadata: Metadata
    spec: InventorySpec

    def of_role(self, role: HostRole) -> tuple[InventoryHost, ...]:
        """Give the hosts of a role."""
        return tuple(host for host in self.spec.hosts if role in host.roles)
