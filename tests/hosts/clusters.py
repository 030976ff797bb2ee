"""Clusters of test hosts: their inventory, and runs of roles over them with what each changed."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from containers import Container
from hosts_at_hand import ROOT_DISK, host_of, inventory_of, write
from meanwhile import meanwhile

from tenantry.hosts.outcome import HostOutcome
from tenantry.hosts.reading import read_inventory
from tenantry.hosts.running import PREPARE, run_playbook
from tenantry.problems import Problem
from tenantry.toolchain.found import lookup

CLUSTER = ("control-plane", "etcd")


class Machines:
    """Some containers, the folder of their controller's inventory, and the changes of the last run over them."""

    def __init__(
        self, guests: Sequence[Container], folder: Path, roles: Sequence[str], settings: dict[str, Any]
    ) -> None:
        self.guests = guests
        self._folder = folder
        self._roles = tuple(roles)
        block = f"{guests[0].address.rpartition('.')[0]}.0/24"
        network = {"hosts": [block], "pods": ["10.128.0.0/14"], "services": ["10.96.0.0/16"]}
        if "control-plane" in self._roles and len(guests) >= 3:
            network["virtualAddress"] = f"{guests[0].address.rpartition('.')[0]}.100"  # type: ignore[assignment]
        self.spec: dict[str, Any] = {
            "network": network,
            "management": {"account": "ops", "networks": ["10.0.2.0/24"]},
            # What they share with this machine's kernel isn't theirs to set.
            "settings": {"baseline": {"baseline_settings": []}, **settings},
        }

    @property
    def inventory(self) -> Path:
        """Write the inventory as it is now."""
        hosts = [host_of(one, self._roles, disks=[{"id": ROOT_DISK, "purpose": "system"}]) for one in self.guests]
        return write(self._folder, inventory_of(*hosts, **self.spec))

    def set(self, role: str, **settings: object) -> None:
        """Set something of a role for all hosts."""
        self.spec["settings"] = {**self.spec["settings"], role: settings}

    def run(
        self, *roles: str, check: bool = False, limit: Sequence[str] = (), bundle: Path | None = None
    ) -> dict[str, HostOutcome]:
        """Run roles over the hosts, with what an opened bundle has, and give what came of each."""
        done = run_playbook(
            read_inventory(self.inventory),
            PREPARE,
            self.guests[0].key,
            check=check,
            progress=lambda _: None,
            roles=roles,
            limit=limit,
            bundle=bundle,
        )
        return {one.host: one for one in done}

    def settle(self, *roles: str) -> dict[str, HostOutcome]:
        """Run roles as predicted: what check mode says is what is changed, and a second run changes nothing."""
        predicted = self.run(*roles, check=True)
        done = self.run(*roles)
        assert problems(done) == []
        assert {name: one.changes for name, one in done.items()} == {n: one.changes for n, one in predicted.items()}
        self.unchanged(*roles)
        return done

    def unchanged(self, *roles: str) -> None:
        """See that a run changes nothing."""
        again = self.run(*roles)
        assert problems(again) == []
        assert {name: one.changes for name, one in again.items()} == {guest.name: {} for guest in self.guests}

    def state(self, command: str) -> dict[str, str]:
        """Give what a command prints on each host."""
        return {one.name: one.run(command) for one in self.guests}


def problems(outcomes: dict[str, HostOutcome]) -> list[Problem]:
    """Give all that went wrong."""
    return [found for one in outcomes.values() for found in one.problems]


def told(outcomes: dict[str, HostOutcome]) -> str:
    """Give all problems as one text."""
    return "\n".join(f"{one.message} {one.fix}" for one in problems(outcomes))


class Site:
    """The site as its administrator reaches it."""

    def __init__(self, kept: Path) -> None:
        self._command = [str(lookup("kubectl")), "--kubeconfig", str(kept / "administrator.kubeconfig")]

    def kubectl(self, *words: str, check: bool = True, stdin: str = "") -> str:
        """Run kubectl, and give what it printed."""
        command = [*self._command, "--request-timeout=10s", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def answers(self) -> bool:
        """Say whether the API answers through the virtual address."""
        return self.kubectl("get", "--raw", "/readyz", check=False) == "ok"

    def is_written_to(self) -> bool:
        """Say whether something can be written."""
        return "labeled" in self.kubectl("label", "--overwrite", "namespace", "default", "seen=yes", check=False)

    @contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Give the moments at which it didn't answer, twice in a row, while something else was done."""
        silent: list[float] = []

        def ask() -> None:
            if not self.answers() and not self.answers():
                silent.append(time.time())

        with meanwhile(ask, 0.5):
            yield silent


def wait_until(reached: Callable[[], bool], what: str, pause: float = 1, seconds: float = 180) -> None:
    """Wait until something is so, for so many seconds at most."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(pause)
