"""Runs the bench and prints each figure beside what was promised. `python -m bench --help` says what can be set."""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.bulk.measure import measure_baseline, measure_bulk, measure_growth
from bench.estate import TENANTRY, Bench, open_bench
from bench.timing import Timed, median, run
from tenantry.data import example_dir

MANY, ALL = 100, 720


def main() -> None:
    """Measure, and print one table."""
    arguments = _arguments()
    table = Table("figure", "tenantry", "yardstick", "ratio", "promised", box=None)
    # Before there is a sandbox, whose control planes take a part of the machine also when they're idle.
    for part, measure_alone in ALONE.items():
        if part in arguments.parts:
            measure_alone(table, arguments.rounds)
    chosen = [measure for part, measure in PARTS.items() if part in arguments.parts]
    if chosen:
        with tempfile.TemporaryDirectory(prefix="tenantry-bench-") as folder, open_bench(Path(folder)) as bench:
            for measure in chosen:
                measure(bench, table, arguments.rounds)
    console = Console(width=140)
    console.print(table)
    load = f"load at the end {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
    console.print(f"{arguments.rounds} rounds, medians; {load}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each figure is taken")
    parts = [*ALONE, *PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; without one, all")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    arguments.parts = arguments.parts or parts
    return arguments


def _tenants(count: int, create: str, again: str) -> Callable[[Bench, Table, int], None]:
    """Measure an apply of so many tenants, from nothing and again, against kubectl over the same objects."""

    def measure(bench: Bench, table: Table, rounds: int) -> None:
        pairs: dict[str, list[tuple[float, float]]] = {"nothing there": [], "nothing to do": []}
        for number in range(rounds):
            ours = bench.government(count, f"ours{number}")
            file = bench.manifests(bench.government(count, f"theirs{number}"))
            for figure, taken in pairs.items():
                mine = run(bench.tenantry("apply", str(ours)), bench.environment)
                theirs = run(bench.kubectl(file), bench.environment)
                taken.append((mine.seconds, theirs.seconds))
                _say(f"{count} tenants, {figure}: {mine.seconds:.2f} s, kubectl {theirs.seconds:.2f} s")
        for (figure, taken), promised in zip(pairs.items(), (create, again), strict=True):
            name = f"{count} tenant{'s' if count > 1 else ''}, {figure}"
            _row(table, name, [one for one, _ in taken], [other for _, other in taken], promised)

    return measure


def _scale(bench: Bench, table: Table, _rounds: int) -> None:
    """Compare the time per tenant at 720 tenants with that at 100, and take the memory at 720. One long round.

    100 others come before and 100 after, so that a machine that gets slower or quicker meanwhile doesn't decide.
    """
    taken: list[Timed] = []
    governments = [bench.government(count, f"scale{number}") for number, count in enumerate((MANY, ALL, MANY))]
    for government, count in zip(governments, (MANY, ALL, MANY), strict=True):
        taken.append(run(bench.tenantry("apply", str(government)), bench.environment, memory=1))
        _say(f"{count} tenants: {taken[-1].seconds:.1f} s, {taken[-1].mebibytes:.0f} MiB")
    few = (taken[0].seconds + taken[2].seconds) / 2 / MANY
    _row(table, f"seconds a tenant at {ALL}, against {MANY}", [taken[1].seconds / ALL], [few], "at most 1.15")
    table.add_row(f"memory at {ALL} tenants", f"{taken[1].mebibytes:.0f} MiB", "", "", "under 2048 MiB")
    again = run(bench.tenantry("apply", str(governments[1])), bench.environment)
    table.add_row(f"{ALL} tenants, nothing to do", f"{again.seconds:.2f} s", "", "", "")


def _start(table: Table, rounds: int) -> None:
    """Time the commands that people wait for, each from a cold start of Python."""
    request = str(min((example_dir() / "tenants").glob("*.yaml")))
    context = str(example_dir())
    commands = {
        "tenantry check of one request": (["check", request, "--context", context], "under 0.5 s"),
        "tenantry render of one request": (["render", request], "under 0.5 s"),
        "tenantry --help": (["--help"], "under 0.2 s"),
    }
    for name, (words, promised) in commands.items():
        taken = [run([TENANTRY, *words], os.environ).seconds for _ in range(max(5, rounds))]
        table.add_row(name, f"{median(taken):.2f} s", "", "", promised)


def _row(table: Table, name: str, mine: list[float], theirs: list[float], promised: str) -> None:
    ratio = median([one / other for one, other in zip(mine, theirs, strict=True)])
    table.add_row(name, f"{median(mine):.2f} s", f"{median(theirs):.2f} s", f"{ratio:.2f}", promised)


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False)


ALONE: dict[str, Callable[[Table, int], None]] = {
    "start": _start,
    "bulk": measure_bulk,
    "baseline": measure_baseline,
    "growth": measure_growth,
}
PARTS: dict[str, Callable[[Bench, Table, int], None]] = {
    "one": _tenants(1, "within 6", "within 3"),
    "many": _tenants(MANY, "within 8", "within 1.5"),
    "scale": _scale,
}

if __name__ == "__main__":
    main()
