"""What is asked of machines by their management controllers: pure, an inventory in, what Ansible is told out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from tenantry.contract.model import ControllerTls, HostRole, Inventory, InventoryHost, ManagementController
from tenantry.hosts.variables import reached_at
from tenantry.hosts.words import Boot, Power
from tenantry.paths import connections_dir
from tenantry.problems import InputError, Problem, problem

T = TypeVar("T")

_MEMBERS = {HostRole.ETCD: "etcd", HostRole.CONTROL_PLANE: "the control plane"}
_SERVICES = {
    HostRole.ETCD: (2379, "etcd"),
    HostRole.CONTROL_PLANE: (6443, "kube-apiserver"),
    HostRole.WORKER: (10250, "kubelet"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of all machines; `forced` names those whose power may be taken although they are in use."""

    power: Power | None
    boot: Boot | None
    forced: Collection[str]
    credentials: Path


def credentials_of(inventory: Inventory) -> Path:
    """Give the file with whom the site's controllers let in: beside its connection, and never part of the inventory."""
    return connections_dir() / f"{inventory.spec.site}.bmc.ini"


def judge_asked(inventory: Inventory, asked: Asked, limit: Collection[str]) -> None:
    """Refuse to force what nobody asked for. Raises InputError (TEN-791)."""
    names = [host.name for host in _chosen(inventory, limit)]
    wrong = [_unknown(name, names) for name in asked.forced if name not in names]
    if asked.forced and asked.power not in (Power.OFF, Power.RESTART):
        what = "--force is for what takes a host's power, and nothing does"
        wrong.append(problem("TEN-791", what, "add --power off or --power restart, or leave it out"))
    if wrong:
        raise InputError(wrong)


def _unknown(name: str, names: list[str]) -> Problem:
    close = get_close_matches(name, names, 1, 0.6)
    fix = f"write {close[0]}, if that was meant" if close else "name a host of the inventory, within --limit"
    return problem("TEN-791", f"--force names {name}, which isn't asked for", fix)


def with_controllers(inventory: Inventory, asked: Asked, limit: Collection[str]) -> tuple[str, ...]:
    """Name the hosts to ask: all that are named or to be changed, and of the others those that have a controller.

    Raises InputError (TEN-790) where a host that is named, or is to be changed, has none.
    """
    hosts = _chosen(inventory, limit)
    needed = hosts if asked.power or asked.boot or limit else ()
    lacking = [host.name for host in needed if host.bmc is None]
    if lacking or all(host.bmc is None for host in hosts):
        fix = "add bmc with its address to the host, or choose others by --limit"
        raise InputError(
            [problem("TEN-790", f"{name} has no BMC in the inventory", fix) for name in lacking]
            or problem("TEN-790", "no host has a BMC in the inventory", fix)
        )
    return tuple(host.name for host in hosts if host.bmc is not None)


def _chosen(inventory: Inventory, limit: Collection[str]) -> tuple[InventoryHost, ...]:
    return tuple(host for host in inventory.spec.hosts if not limit or host.name in limit)


def to_controllers(inventory: Inventory, asked: Asked) -> Mapping[str, Mapping[str, object]]:
    """Give what the role is told of each host, by its name. No secret is part of it, only the file that has them."""
    return {host.name: _variables(host, asked) for host in inventory.spec.hosts}


def _variables(host: InventoryHost, asked: Asked) -> Mapping[str, object]:
    address, port = reached_at(host)
    live = [{"address": address, "port": port, "what": "SSH"}]
    live += [{"address": host.address, "port": at, "what": what} for at, what in _of(host, _SERVICES)]
    return {
        "host_serial": host.serial,
        "host_mac": host.mac,
        "host_bmc": {} if host.bmc is None else _controller(host.bmc),
        "host_live": live,
        "host_member": " and ".join(_of(host, _MEMBERS)),
        "host_asked": {
            "power": asked.power.value if asked.power else "",
            "boot": asked.boot.value if asked.boot else "",
            "forced": host.name in asked.forced,
            "credentials": str(asked.credentials.absolute()),
        },
    }


def _of(host: InventoryHost, by_role: Mapping[HostRole, T]) -> list[T]:
    return [value for role, value in by_role.items() if role in host.roles]


def _controller(bmc: ManagementController) -> Mapping[str, object]:
    given: dict[str, object] = {"address": bmc.address, "verified": bmc.tls is not ControllerTls.UNVERIFIED}
    if bmc.port is not None:
        given["port"] = bmc.port
    if bmc.fingerprint is not None:
        given["fingerprint"] = bmc.fingerprint
    return given
