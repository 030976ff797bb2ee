"""Provisions eight tenants, tries everything with the credentials of each, and writes the matrix.

`python -m isolation --help` says what can be chosen. Exits 1 where anything went against expectation, or where a rule
that was planted went unnoticed.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from isolation.cluster import try_cluster
from isolation.identities import Identity, list_identities
from isolation.matrix import Attempt, Surface, Told, find_against
from isolation.network import try_network
from isolation.page import write_report
from isolation.plants import PLANTS
from isolation.store import try_stores
from isolation.world import World, build_world
from issuers import issuer
from sites import Sandbox
from tenantry import sandbox as embedded
from tenantry.paths import cache_dir

_SETTLES_SECONDS = 5
"""Until then a store and an API server have taken up what was planted."""


def main() -> None:
    """Run the matrix, and with `--plants` each planted rule."""
    arguments = _arguments()
    console = Console(width=140, highlight=False)
    with tempfile.TemporaryDirectory(prefix="tenantry-isolation-") as name:
        folder = Path(name)
        os.environ["TENANTRY_STATE"] = str(folder / "state")
        os.environ.pop("TENANTRY_CONNECTIONS", None)
        try:
            embedded.up(say=console.print)
            with issuer(folder / "pipelines") as pipelines:
                sandbox = Sandbox(folder / "state", embedded.SITES)
                begun = time.monotonic()
                world = build_world(sandbox, pipelines, folder)
                console.print(f"{len(world.requests)} tenants applied in {time.monotonic() - begun:.0f} s")
                red = _run(world, folder / "identities", arguments.output, console, begun)
                if arguments.plants:
                    red = _plant(world, folder, console) or red
        finally:
            embedded.down(delete=True)
    raise SystemExit(1 if red else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m isolation", description=__doc__)
    parser.add_argument("--output", type=Path, default=cache_dir() / "isolation", help="where page and JSON go")
    parser.add_argument("--plants", action="store_true", help="afterwards plant each of ten wrong rules, and try again")
    arguments: argparse.Namespace = parser.parse_args()
    return arguments


def _run(world: World, folder: Path, output: Path, console: Console, begun: float) -> bool:
    attempts = _try(world, list_identities(world, folder), tuple(Surface))
    seconds = time.monotonic() - begun
    against = find_against(attempts)
    counts = ", ".join(f"{sum(one.surface is surface for one in attempts):,} {surface}" for surface in Surface)
    known = sum(one.answer.startswith("403") and "Invalid" not in one.answer for one in attempts)
    where = f"{len(world.requests)} tenants on {len(world.sandbox.sites)} sites"
    facts = f"{where}; {counts}; {known:,} were refused to somebody whom the server knew; {seconds:.0f} s."
    page, data = write_report(attempts, output, facts)
    for one in against[:20]:
        console.print(f"against: {one.surface}, {one.who} at {one.target}: {one.action}: {one.answer}")
    console.print(f"{len(attempts):,} attempts ({counts}), {len(against):,} against expectation, {seconds:.0f} s")
    console.print(f"{page}\n{data}", soft_wrap=True)
    return bool(against)


_TRIES: Mapping[Surface, Callable[[World, list[Identity], Told], list[Attempt]]] = {
    Surface.KUBERNETES: try_cluster,
    Surface.STORE: try_stores,
    Surface.NETWORK: lambda world, _, told: try_network(world, told),
}


def _try(world: World, identities: list[Identity], surfaces: tuple[Surface, ...]) -> list[Attempt]:
    made: list[Attempt] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for surface in surfaces:
            task = progress.add_task(f"trying {surface}", total=None)
            made += _TRIES[surface](world, identities, lambda count, task=task: progress.advance(task, count))
    return made


def _plant(world: World, folder: Path, console: Console) -> bool:
    """Say whether a planted rule went unnoticed, or something is wrong when all are taken away again."""
    unnoticed = False
    for number, plant in enumerate(PLANTS, 1):
        with plant.planted(world):
            time.sleep(_SETTLES_SECONDS)
            identities = list_identities(world, folder / f"identities-{number}")
            against = find_against(_try(world, identities, (plant.surface,)))
        unnoticed = unnoticed or not against
        first = f"such as {against[0].who} at {against[0].target}: {against[0].action}" if against else ""
        console.print(f"plant {number}, {plant.name}: {len(against)} against expectation {first}", soft_wrap=True)
    time.sleep(_SETTLES_SECONDS)
    left = find_against(_try(world, list_identities(world, folder / "identities-after"), tuple(Surface)))
    console.print(f"all taken away again: {len(left)} against expectation")
    return unnoticed or bool(left)


if __name__ == "__main__":
    main()
