"""Asks the offline engine and a real API server the same, and prints where they agree."""

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from apiserver import ApiServer, keep_params
from hypothesis.errors import HypothesisWarning
from place import CLASSES, tenant_namespace, warning_baseline
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from parity.audit import AuditLog
from parity.cases import Baseline, Cases
from parity.expressions import Expressions
from parity.objects import Objects, Updates, hold_live, open_place
from parity.outcome import Agreement, Family, Outcome, Tally
from parity.shrink import shrink
from parity.trials import Policies, open_pool
from tenantry import sandbox as embedded
from tenantry.connection import read_connection
from tenantry.sandbox.layout import Layout

SITE = "onprem"
# How many sorts of disagreement of a family are made small, and how long that may take for each.
SHRUNK, SHRINK_SECONDS = 6, 40
STEP = 200


@contextmanager
def _open_cases(server: ApiServer, log: Path) -> Iterator[Family]:
    yield Cases(server)


@contextmanager
def _open_baseline(server: ApiServer, log: Path) -> Iterator[Family]:
    baseline = warning_baseline()
    with server.hold(*CLASSES, *baseline), tenant_namespace(server, baseline) as place:
        yield Baseline(place, baseline)


@contextmanager
def _open_expressions(server: ApiServer, log: Path) -> Iterator[Family]:
    yield Expressions(server)


@contextmanager
def _open_policies(server: ApiServer, log: Path) -> Iterator[Family]:
    with open_pool(server) as pool:
        yield Policies(pool, AuditLog(log))


@contextmanager
def _open_objects(server: ApiServer, log: Path) -> Iterator[Family]:
    with open_place(server) as place:
        yield Objects(place)


@contextmanager
def _open_updates(server: ApiServer, log: Path) -> Iterator[Family]:
    with open_place(server) as place, hold_live(server, place) as live:
        yield Updates(place, live)


Opener = Callable[[ApiServer, Path], AbstractContextManager[Family]]
FAMILIES: dict[str, tuple[Opener, int]] = {
    "cases": (_open_cases, 0),
    "baseline": (_open_baseline, 0),
    "expressions": (_open_expressions, 1500),
    "policies": (_open_policies, 1500),
    "objects": (_open_objects, 6000),
    "updates": (_open_updates, 1200),
}
"""Each family with how many examples are generated."""


def main() -> None:
    """Compare, print a table, and then what disagrees."""
    arguments = _arguments()
    warnings.simplefilter("ignore", HypothesisWarning)
    console = Console(width=140, highlight=False)
    tallies = []
    with _open_server() as (server, log):
        for name in arguments.families:
            opener, usual = FAMILIES[name]
            with opener(server, log) as family:
                tally = _run(name, family, arguments.examples or usual, arguments.seed)
                tallies.append(tally)
                console.print(_tabulate([tally]))
                _explain(console, family, tally, arguments)
    console.print(_tabulate(tallies))
    for tally in tallies:
        for reason, count in tally.reasons.most_common():
            console.print(f"{tally.name}: {count} {reason}", markup=False)
    console.print(f"seed {arguments.seed}")
    sys.exit(any(tally.disagreements for tally in tallies))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m parity", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="another seed gives other examples")
    parser.add_argument("--examples", type=int, help="how many each family generates; without it, as many as is usual")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}; without one, all")
    arguments = parser.parse_args()
    if unknown := set(arguments.families) - set(FAMILIES):
        parser.error(f"no such family: {', '.join(sorted(unknown))}")
    arguments.families = arguments.families or list(FAMILIES)
    return arguments


@contextmanager
def _open_server() -> Iterator[tuple[ApiServer, Path]]:
    """Start a sandbox that goes afterwards, or use the one in TENANTRY_TEST_STATE, which then stays up.

    Gives the API server and its audit log.
    """
    kept = os.environ.get("TENANTRY_TEST_STATE")
    with tempfile.TemporaryDirectory(prefix="tenantry-parity-") as folder:
        state = Path(kept or folder)
        os.environ["TENANTRY_STATE"] = str(state)
        os.environ.pop("TENANTRY_CONNECTIONS", None)
        try:
            embedded.up()
            server = ApiServer(read_connection(SITE))
            keep_params(server)
            (site,) = (one for one in Layout(state).choose() if one.site == SITE)
            yield server, site.log("audit")
        finally:
            if not kept:
                embedded.down(delete=True)


def _run(name: str, family: Family, count: int, seed: int) -> Tally:
    """Compare all examples of a family, so many at a time."""
    tally, started = Tally(name), time.monotonic()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{name}: generating", total=None)
        examples = family.list_examples(count, seed)
        progress.update(task, description=name, total=len(examples))
        for start in range(0, len(examples), STEP):
            chunk = examples[start : start + STEP]
            for example, outcome in zip(chunk, family.compare(chunk), strict=True):
                tally.add(example, outcome)
                progress.advance(task)
    tally.seconds = time.monotonic() - started
    return tally


def _tabulate(tallies: list[Tally]) -> Table:
    table = Table("family", "generated", "not comparable", "compared", box=None)
    for heading in ("agreed", "disagreed", "undecidable", "", "seconds"):
        table.add_column(heading, justify="right")
    for tally in tallies:
        counts = tally.counts
        undecidable = counts[Agreement.UNDECIDABLE]
        table.add_row(
            tally.name,
            str(counts.total()),
            str(counts[Agreement.NOT_COMPARABLE]),
            str(tally.compared),
            *(str(counts[one]) for one in (Agreement.AGREED, Agreement.DISAGREED, Agreement.UNDECIDABLE)),
            f"{undecidable / max(1, tally.compared):.1%}",
            f"{tally.seconds:.0f}",
        )
    return table


def _explain(console: Console, family: Family, tally: Tally, arguments: argparse.Namespace) -> None:
    """Print each sort of disagreement with its smallest example."""
    for number, (why, found) in enumerate(sorted(tally.disagreements.items())):
        example, outcome = min(found, key=lambda one: len(repr(one[0])))
        if family.strategy is not None and number < SHRUNK:
            example, outcome = _shrink(family, tally, why, arguments) or (example, outcome)
        console.print(f"\n{tally.name}: {len(found)} disagree on {why}", markup=False)
        console.print(outcome.details, markup=False)
        console.print(family.show(example), markup=False)


def _shrink(family: Family, tally: Tally, why: str, arguments: argparse.Namespace) -> tuple[Any, Outcome] | None:
    """The smallest example that disagrees in the same way, with what comes of it."""
    assert family.strategy is not None
    outcomes = {repr(example): outcome for example, outcome in tally.disagreements[why]}

    def disagrees(example: object) -> bool:
        (outcome,) = family.compare([example])
        outcomes[repr(example)] = outcome
        return outcome.disagrees and outcome.why == why

    count = arguments.examples or FAMILIES[tally.name][1]
    known = {**dict.fromkeys(tally.known, False), **dict.fromkeys(outcomes, True)}
    found = shrink(family.strategy, count, arguments.seed, known, disagrees, SHRINK_SECONDS)
    return (found[-1], outcomes[repr(found[-1])]) if found else None


if __name__ == "__main__":
    main()
