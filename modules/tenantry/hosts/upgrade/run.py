"""Carries an upgrade out: looks at all hosts, then changes one at a time, and stops at the first that fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tenantry.contract.model import HostRole, Inventory, InventoryHost
from tenantry.hosts.outcome import Action, HostOutcome
from tenantry.hosts.outcome import Step as Progress
from tenantry.hosts.running import PREPARE, UPGRADE, run_playbook
from tenantry.hosts.upgrade.journal import Journal, forget_journal, read_journal, write_journal
from tenantry.hosts.upgrade.judging import hosts_to_see, judge
from tenantry.hosts.upgrade.nodes import Nodes
from tenantry.hosts.upgrade.plan import Asked, Phase, Situation, Step, boots, plan
from tenantry.hosts.upgrade.seen import NODE_PROGRAMS, Seen, programs_of, seen_of, setting
from tenantry.paths import site_dir
from tenantry.problems import InputError, TenantryError, UnreachableError

_LOOKED = ("preflight",)
"""A tag of no role: what every run of site.yml begins with, preflight and a look at packages, is run alone."""


@dataclass(frozen=True)
class Way:
    """How hosts are reached and what they are brought: by a key, from an opened bundle; `nodes` drains them."""

    key: Path | None
    bundle: Path | None
    nodes: Nodes | None


class StoppedError(Exception):
    """A host failed, or didn't answer: what came of it is among the outcomes."""


class Upgrade:
    """One run: what it has seen, what is left, and what came of each host."""

    def __init__(self, inventory: Inventory, asked: Asked, way: Way) -> None:
        self._inventory, self._asked, self._way = inventory, asked, way
        self._hosts = {host.name: host for host in inventory.spec.hosts}
        self._folder = site_dir(inventory.spec.site)
        self._ours = [name for name in self._hosts if not asked.limit or name in asked.limit]
        self.outcomes = {name: HostOutcome(name) for name in hosts_to_see(inventory, asked.limit)}
        self.found = read_journal(self._folder)
        journal = (self.found or Journal(dict(asked.target))).aimed_at(asked.target)
        # A host that the inventory no longer has isn't finished any more.
        self.journal = journal if journal.host in self._hosts else replace(journal, current="", boot="")
        self._seen: dict[str, Seen] = {}
        self._progress: Callable[[Progress], None] = lambda _: None

    def tell(self, progress: Callable[[Progress], None]) -> None:
        """Tell somebody from now on what happens on hosts."""
        self._progress = progress

    def look(self, *, first: bool = False) -> tuple[Step, ...]:
        """Look at all hosts, refuse what is to be refused, and give the steps that are left.

        Changes nothing. Raises InputError (TEN-770 to TEN-774, TEN-779), and StoppedError where a host can't be looked
        at.
        """
        if first:
            self._play(PREPARE, self._ours, _LOOKED, check=True)
        self._seen = self._see(list(self.outcomes))
        nodes = self._way.nodes.all() if self._way.nodes is not None else {}
        now = Situation(self._inventory, self._seen, self._asked, self.journal)
        if problems := list(judge(now, nodes)):
            raise InputError(sorted(problems, key=lambda one: one.code))
        return plan(now)

    def carry_out(self, steps: tuple[Step, ...]) -> None:
        """Change one host after the other, and look at all of them before each.

        Raises StoppedError at the first host that fails, and UnreachableError where another one isn't well meanwhile.
        """
        while steps:
            self._carry_out(steps[0])
            try:
                steps = self.look()
            except InputError as error:
                raise UnreachableError(error.problems) from error
        forget_journal(self._folder)

    def stop(self) -> None:
        """Say of the hosts that nothing was done with that the run ended before."""
        for one in self.outcomes.values():
            if one.action is Action.UNCHANGED:
                one.action = Action.STOPPED

    def _carry_out(self, step: Step) -> None:
        host, outcome = self._hosts[step.host], self.outcomes[step.host]
        begun = self.journal.current == step.name
        try:
            self._keep(self.journal.begin(step.name, self._seen[step.host].boot))
            if step.drained:
                self._drain(step.host)
            if step.changes or step.packages or begun:
                self._play(PREPARE, [step.host], _roles(host, step), more={"site_newer_packages": step.last})
            self._boot(step)
            self._play(UPGRADE, [step.host], ("well",), more={"host_upgrade": self._looked(step.host, last=step.last)})
            self._give_back(step)
        except TenantryError as error:
            outcome.action = Action.FAILED
            outcome.problems += error.problems
            raise StoppedError from error

    def _boot(self, step: Step) -> None:
        """Boot a host where that is asked for, or something that came waits for it."""
        has = self._see([step.host])[step.host]
        if step.last and boots(has, self._asked.reboot, self.journal, step.name):
            self._drain(step.host)
            self._play(UPGRADE, [step.host], ("boot",))

    def _drain(self, name: str) -> None:
        """Cordon a node, which is written down first, and have its pods go; nothing where the host is none."""
        if self._way.nodes is None or (node := self._way.nodes.all().get(name)) is None:
            return
        self._progress(Progress(name, "drain", 0))
        if not node.cordoned:
            self._keep(self.journal.cordon(name))
            self._way.nodes.cordon(name)
        self._way.nodes.drain(name, self._seconds(name, "drain"))

    def _give_back(self, step: Step) -> None:
        """Wait until the node is Ready, and let pods come again where this upgrade has cordoned it."""
        nodes, name = self._way.nodes, step.host
        if nodes is not None and name in nodes.all():
            if step.phase is Phase.NODE:
                nodes.wait_ready(name, self._asked.target[NODE_PROGRAMS[0]], self._seconds(name, "wait"))
            if step.last and name in self.journal.cordoned:
                nodes.uncordon(name)
        self._keep(self.journal.finish(name if step.last else ""))

    def _seconds(self, host: str, what: str) -> int:
        return setting(self._inventory, self._hosts[host], "upgrade", f"upgrade_{what}_seconds")

    def _keep(self, journal: Journal) -> None:
        self.journal = journal
        write_journal(self._folder, journal)

    def _see(self, names: list[str]) -> dict[str, Seen]:
        done = self._play(UPGRADE, names, ("look",))
        return {name: seen_of(one.seen or {}, one.waiting) for name, one in done.items()}

    def _play(
        self,
        playbook: str,
        names: list[str],
        roles: tuple[str, ...],
        *,
        check: bool = False,
        more: Mapping[str, object] | None = None,
    ) -> dict[str, HostOutcome]:
        """Run a playbook over hosts, and add what came of them. Raises StoppedError where one failed."""
        told = {name: {**self._told(name), **(more or {})} for name in names}
        done = run_playbook(
            self._inventory,
            playbook,
            self._way.key,
            check=check,
            progress=self._progress,
            roles=roles,
            limit=names,
            bundle=self._way.bundle,
            more=told,
        )
        stopped = any(one.problems for one in done)
        for one in done:
            if check:
                one.changes, one.action = {}, Action.UNCHANGED if one.action is Action.CHANGED else one.action
            self.outcomes[one.host].add(one)
        if stopped:
            raise StoppedError
        return {one.host: one for one in done}

    def _told(self, name: str) -> Mapping[str, object]:
        return {"host_upgrade": self._looked(name, last=False), "site_upgrading": True}

    def _looked(self, name: str, *, last: bool) -> Mapping[str, object]:
        """Say what of a host is looked at: its kubelet has the version that is wanted after its last step alone."""
        programs = programs_of(self._inventory, self._hosts[name])
        wanted = {one: self._asked.target[one] for one in programs if last or one not in NODE_PROGRAMS}
        return {"programs": list(programs), "wanted": wanted, "interrupted": name == self.journal.host}


def _roles(host: InventoryHost, step: Step) -> tuple[str, ...]:
    """Name the roles that bring what a step changes; packages come first in each run."""
    if step.phase is Phase.CONTROL:
        of = {HostRole.ETCD: "etcd", HostRole.CONTROL_PLANE: "controlplane"}
        return ("packages", "pki", *(role for needed, role in of.items() if needed in host.roles))
    return ("packages", *(("pki", "worker") if HostRole.WORKER in host.roles else ()))
