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
class BundleTrust:
    """The public keys, one of which a bundle for these hosts has to be signed with."""

    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostAddress:
    """Where SSH reaches a host, if not at its address and port 22."""

    address: str | None
    port: int | None


@dataclass(frozen=True, slots=True)
class HostDisk:
    """A disk by its stable id; `wipe` repeats its serial number where what is on it may be destroyed."""

    id: str
    purpose: DiskPurpose
    serial: str | None
    wipe: str | None


class ControllerTls(StrEnum):
    """Whether a BMC has to prove itself."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class ManagementController:
    """A host's BMC; `fingerprint` is the SHA-256 of its certificate, `None` where a CA issued it."""

    address: str
    mac: str | None
    port: int | None
    fingerprint: str | None
    tls: ControllerTls | None


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
class ProvisionRange:
    """A network of hosts that the provisioning host has a port in; without a `gateway` it has no way out."""

    interface: str
    block: str
    gateway: str | None


@dataclass(frozen=True, slots=True)
class Provision:
    """Which hosts are installed over the network, and what the one that serves them tells them."""

    server: str
    install: tuple[str, ...]
    mirror: str
    keys: tuple[str, ...]
    ranges: tuple[ProvisionRange, ...]
    nameservers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InventorySpec:
    """What stands at a site; see `stacks/schema/inventory.json`."""

    site: str
    offline: bool
    racks: tuple[Rack, ...]
    management: Management
    network: HostNetworks
    time: TimeSources
    bundle: BundleTrust | None
    provision: Provision | None
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
