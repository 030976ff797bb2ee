"""Times preparing hosts, on one test host, and prints each figure beside what was promised."""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
from guest_image import ensure_image
from guests import guest
from hosts_at_hand import host_of, inventory_of, serve_time, write
from rich.console import Console
from rich.table import Table

from bench.timing import median, run
from tenantry.contract.model import Inventory
from tenantry.data import playbook_dir
from tenantry.hosts.reading import read_inventory
from tenantry.hosts.running import FACTS, ask_needs, run_playbook
from tenantry.hosts.variables import to_ansible, to_known_hosts

TENANTRY = (sys.executable, "-m", "tenantry", "hosts")
SAME = ("--role", "baseline", "--role", "sshd")
"""The roles whose settings `stock.yml` has."""
FEW, SOME, MANY = 10, 50, 200


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m bench.hosts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each figure is taken")
    rounds = parser.parse_args().rounds
    table = Table("figure", "tenantry", "yardstick", "ratio", "promised", box=None)
    with tempfile.TemporaryDirectory(prefix="tenantry-bench-") as name:
        folder = Path(name)
        with prepared(folder) as (inventory, key):
            at = [str(inventory), "--private-key", str(key)]
            ours, only_facts = [*TENANTRY, "prepare", *at], [*TENANTRY, "facts", *at, "--output", str(folder / "facts")]
            compare(table, "all roles, nothing to do, against facts alone", ours, only_facts, rounds, "within 5")
            theirs = stock(folder, inventory, key)
            run(theirs, environment())
            same = "baseline and sshd, nothing to do, against stock modules"
            compare(table, same, [*ours, *SAME], theirs, max(1, rounds // 2), "within 0.4")
            controller(table, read_inventory(inventory))
    console = Console(width=140)
    console.print(table)
    console.print(f"{rounds} rounds, medians; load at the end {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


@contextmanager
def prepared(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Bring up a test host, and prepare it; give its inventory and the key that it lets in."""
    image = ensure_image()
    with guest(image, folder) as host:
        serve_time(host)
        inventory = write(folder, inventory_of(host_of(host), settings={"audit": {"audit_immutable": False}}))
        run([*TENANTRY, "prepare", str(inventory), "--private-key", str(image.key)], os.environ)
        yield inventory, image.key


def compare(table: Table, name: str, mine: list[str], theirs: list[str], rounds: int, promised: str) -> None:
    """Time two commands in turns."""
    pairs = [(run(mine, os.environ).seconds, run(theirs, environment()).seconds) for _ in range(rounds)]
    ratio = median([one / other for one, other in pairs])
    seconds = [f"{median(values):.1f} s" for values in zip(*pairs, strict=True)]
    table.add_row(name, *seconds, f"{ratio:.2f}", promised)


def stock(folder: Path, inventory: Path, key: Path) -> list[str]:
    """Give the command that settles the same by stock modules."""
    known, read = folder / "known_hosts", read_inventory(inventory)
    known.write_text(to_known_hosts(read))
    hosts = folder / "hosts.json"
    hosts.write_bytes(orjson.dumps(to_ansible(read, key, known)))
    playbook = Path(__file__).with_name("stock.yml")
    return ["ansible-playbook", "-i", str(hosts), "-e", f"playbooks={playbook_dir()}", str(playbook)]


def environment() -> dict[str, str]:
    """Give what Ansible is run with, by itself."""
    return {**os.environ, "ANSIBLE_CONFIG": str(playbook_dir() / "ansible.cfg")}


def controller(table: Table, inventory: Inventory) -> None:
    """Take the processor time per host: with no host reached, and with the facts of this machine as each one's."""
    for name, work in (("no host reached", ask_needs), ("facts of this machine as each of them", collect)):
        costs = {count: cost(inventory, count, work) for count in (FEW, SOME, MANY)}
        for count, seconds in costs.items():
            against = [f"{costs[FEW]:.2f} s", f"{seconds / costs[FEW]:.2f}", "flat"] if count != FEW else ["", "", ""]
            table.add_row(f"processor time a host, of {count} hosts: {name}", f"{seconds:.2f} s", *against)


def collect(inventory: Inventory) -> Collection[object]:
    """Collect facts, and give those that came."""
    outcomes = run_playbook(inventory, FACTS, None, check=False, progress=lambda _: None)
    return [outcome.facts for outcome in outcomes if outcome.facts]


def cost(inventory: Inventory, count: int, work: Callable[[Inventory], Collection[object]]) -> float:
    """Give the seconds of processor time per host that some work takes over so many like the one of an inventory."""
    local = {"bench": {"ansible_connection": "local", "ansible_become": False}}
    (one,) = inventory.spec.hosts
    hosts = tuple(replace(one, name=f"host-{number}", settings=local) for number in range(count))
    before = processor_time()
    assert len(work(replace(inventory, spec=replace(inventory.spec, hosts=hosts)))) == count
    return (processor_time() - before) / count


def processor_time() -> float:
    """Give what this process and its children that ended have used, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
