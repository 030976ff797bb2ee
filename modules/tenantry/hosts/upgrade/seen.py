"""What an upgrade is decided by: what was seen of hosts and nodes, and what is to be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenantry.contract.model import HostRole, Inventory, InventoryHost
from tenantry.contract.rules.settings import role_defaults
from tenantry.hosts.binaries import binaries_of

NODE_PROGRAMS = ("kubelet", "kube-proxy")
"""The programs of a node whose versions are bound to those of the API servers."""
APISERVER = "kube-apiserver"
_RELEASE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Program:
    """The version of a program that a host's unit names, and the one that runs; empty where there is none."""

    installed: str
    running: str

    def differs(self, wanted: str) -> bool:
        """Say whether it is to be changed: it is there, and in another version."""
        return bool(self.installed) and {self.installed, self.running} != {wanted}

    @property
    def newest(self) -> str:
        """Give the newer one of both: an upgrade that was cut off may have begun."""
        return max(self.installed, self.running, key=release)

    @property
    def oldest(self) -> str:
        """Give the older one of those that are there."""
        return min((one for one in (self.installed, self.running) if one), key=release, default="")


@dataclass(frozen=True, slots=True)
class Ill:
    """Something that isn't well: of what, which value it has, and what that means."""

    key: str
    value: str
    what: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a host: `waiting` are packages that the bundle has newer, `reasons` those to boot it."""

    programs: Mapping[str, Program]
    ill: tuple[Ill, ...] = ()
    waiting: tuple[str, ...] = ()
    boot: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A host as its API server knows it."""

    name: str
    ready: bool
    cordoned: bool
    version: str


def seen_of(told: Mapping[str, Any], waiting: list[str]) -> Seen:
    """Read what the module host_upgrade tells."""
    return Seen(
        {name: Program(**one) for name, one in told["programs"].items()},
        tuple(Ill(**one) for one in told["ill"]),
        tuple(waiting),
        told["boot"]["id"],
        tuple(told["boot"]["reasons"]),
    )


def control_programs(inventory: Inventory, host: InventoryHost) -> tuple[str, ...]:
    """Name what a host runs of etcd and the control plane."""
    return tuple(binaries_of(inventory, ("etcd", "controlplane"), (host.name,)))


def programs_of(inventory: Inventory, host: InventoryHost) -> tuple[str, ...]:
    """Name all programs of a host that are upgraded."""
    return (*control_programs(inventory, host), *(NODE_PROGRAMS if HostRole.WORKER in host.roles else ()))


def setting(inventory: Inventory, host: InventoryHost, role: str, name: str) -> int:
    """Give a number that a role is told for a host: the host's own setting, else the site's, else the default."""
    layers = (role_defaults(role), inventory.spec.settings.get(role, {}), host.settings.get(role, {}))
    return int(str(next(one[name] for one in reversed(layers) if name in one)))


def release(version: str) -> tuple[int, ...]:
    """Give a version as numbers, which tell the newer one; of what isn't one, none."""
    found = _RELEASE.match(version)
    return tuple(int(part) for part in found.groups()) if found else ()


def minors_apart(old: str, new: str) -> int | None:
    """Give by how many minor versions one is newer; nothing where it can't be told: another major, or no version."""
    before, after = release(old), release(new)
    if not before or not after or before[0] != after[0]:
        return None
    return after[1] - before[1]
