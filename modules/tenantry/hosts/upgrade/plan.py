"""Which hosts an upgrade changes, from which version to which, and in which order: pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tenantry.contract.model import HostRole, Inventory, InventoryHost
from tenantry.hosts.upgrade.journal import Journal
from tenantry.hosts.upgrade.seen import NODE_PROGRAMS, Seen, control_programs
from tenantry.hosts.words import Reboot


class Phase(StrEnum):
    """A kubelet is never newer than an API server, so all of the control plane goes first."""

    CONTROL = "control"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Change:
    """A program that is taken from one version to another."""

    program: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Step:
    """What is done with one host at a time.

    `last` says that it is the host's last step, which brings packages and boots it; `reboot` says why it is booted, as
    far as that is known before; `drained` that its pods have to go first.
    """

    host: str
    phase: Phase
    changes: tuple[Change, ...]
    packages: tuple[str, ...]
    reboot: tuple[str, ...]
    last: bool
    drained: bool

    @property
    def name(self) -> str:
        """Give what the journal calls it."""
        return f"{self.host}/{self.phase.value}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an upgrade: the versions, when hosts are booted, and which hosts; of none all."""

    target: Mapping[str, str]
    reboot: Reboot = Reboot.NEEDED
    limit: Collection[str] = ()

    def takes(self, host: str) -> bool:
        """Say whether a host is asked for."""
        return not self.limit or host in self.limit


@dataclass(frozen=True, slots=True)
class Situation:
    """All that an upgrade is decided by: what was seen of each host, what is asked, and how far it is."""

    inventory: Inventory
    seen: Mapping[str, Seen]
    asked: Asked
    journal: Journal


def plan(now: Situation) -> tuple[Step, ...]:
    """Give the steps that are left, in their order: the one that was begun, etcd, the control plane, the others."""
    hosts = [host for host in now.inventory.spec.hosts if now.asked.takes(host.name)]
    control = [host for host in hosts if control_programs(now.inventory, host)]
    control.sort(key=lambda host: HostRole.CONTROL_PLANE in host.roles)
    steps = [*_control(now, control), *_nodes(now, hosts)]
    return tuple(sorted(steps, key=lambda step: step.name != now.journal.current))


def _control(now: Situation, hosts: list[InventoryHost]) -> Iterator[Step]:
    for host in hosts:
        # A host that is a node, too, is drained once, when its kubelet's turn comes.
        last = HostRole.WORKER not in host.roles
        yield from _step(now, host, Phase.CONTROL, control_programs(now.inventory, host), last=last)


def _nodes(now: Situation, hosts: list[InventoryHost]) -> Iterator[Step]:
    for host in hosts:
        is_node = HostRole.WORKER in host.roles
        if is_node or not control_programs(now.inventory, host):
            yield from _step(now, host, Phase.NODE, NODE_PROGRAMS if is_node else (), last=True)


def _step(
    now: Situation, host: InventoryHost, phase: Phase, programs: Collection[str], *, last: bool
) -> Iterator[Step]:
    has, name, target = now.seen[host.name], f"{host.name}/{phase.value}", now.asked.target
    found = tuple(
        Change(one, has.programs[one].running or has.programs[one].installed, target[one])
        for one in programs
        if has.programs[one].differs(target[one])
    )
    packages = has.waiting if last else ()
    done = name in now.journal.done
    reboot = boots(has, now.asked.reboot, now.journal, name) if last and not done else ()
    if found or packages or reboot or name == now.journal.current:
        drained = HostRole.WORKER in host.roles and phase is Phase.NODE and bool(found or packages or reboot)
        yield Step(host.name, phase, found, packages, reboot, last, drained)


def boots(has: Seen, reboot: Reboot, journal: Journal, step: str) -> tuple[str, ...]:
    """Say why a host is booted; nothing where it isn't."""
    if reboot is Reboot.NEVER:
        return ()
    if reboot is Reboot.NEEDED:
        return has.reasons
    booted = step == journal.current and has.boot != journal.boot
    return () if booted else ("as asked",)
