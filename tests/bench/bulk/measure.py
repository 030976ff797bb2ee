"""Measures a check of many objects: beside gator and conftest, by the whole baseline, and how it grows."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
from rich.table import Table

from bench.bulk.objects import write_objects
from bench.bulk.tools import build_tool, write_policies, write_rego, write_templates
from bench.estate import TENANTRY
from bench.timing import Timed, median, run

COUNT = 10_000
_DENIED = {0, 1}
"""A tool that finds something exits with 1."""
# What lies in a namespace that nobody describes gets the limits of a tenant's, of which the other tools know nothing.
_CASEWORK = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: casework}\n"


def measure_bulk(table: Table, rounds: int) -> None:
    """Ten rules on 10,000 objects, beside the tools that judge by the same rules."""
    with _folder() as folder:
        objects = _write(folder, COUNT, _CASEWORK)
        for name, write in (("policies", write_policies), ("templates", write_templates), ("rego", write_rego)):
            write(folder / name)
        commands = {
            "tenantry": _check(objects, folder / "policies"),
            "gator": [build_tool("gator"), "test", "-f", str(objects), "-f", str(folder / "templates")],
            "conftest": [build_tool("conftest"), "test", "-p", str(folder / "rego"), str(objects)],
        }
        _hold_equal({name: _count_violations([*command, *_AS_JSON[name]]) for name, command in commands.items()})
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                taken[name].append(_run(command).seconds)
        mine = taken.pop("tenantry")
        for name, theirs in taken.items():
            ratio = median([other / one for one, other in zip(mine, theirs, strict=True)])
            cells = [_rate(COUNT, mine), _rate(COUNT, theirs), f"{ratio:.1f} times as fast"]
            table.add_row(f"ten policies, {COUNT:,} objects, and {name}", *cells, "5,000/s; 4 times as fast")
        memory = _run(commands["tenantry"], memory=0.05).mebibytes
        table.add_row("memory of that, all processes", f"{memory:.0f} MiB", "", "", "under 300 MiB")


def measure_baseline(table: Table, rounds: int) -> None:
    """The whole baseline: on 10,000 objects, and on one."""
    with _folder() as folder:
        many, one = _write(folder, COUNT), _write(folder, 1)
        taken = [_run(_check(many)).seconds for _ in range(rounds)]
        table.add_row(f"whole baseline, {COUNT:,} objects", _rate(COUNT, taken), "", "", "2,000/s")
        memory = _run(_check(many), memory=0.05).mebibytes
        table.add_row("memory of that, all processes", f"{memory:.0f} MiB", "", "", "")
        taken = [_run(_check(one)).seconds for _ in range(max(9, rounds))]
        table.add_row("whole baseline, one object", f"{median(taken):.2f} s", "", "", "under 0.4 s")


def measure_growth(table: Table, rounds: int) -> None:
    """How the time grows with the objects, and with the policies; the start is taken off."""
    with _folder() as folder:
        write_policies(folder / "policies")
        start = median([_run(_check(_write(folder, 1), folder / "policies")).seconds for _ in range(rounds)])
        base = 0.0
        for count in (1_000, 10_000, 100_000):
            files = _check(_write(folder, count), folder / "policies")
            each = (median([_run(files).seconds for _ in range(rounds)]) - start) / count
            base = base or each
            table.add_row(
                f"ten policies, {count:,} objects", f"{each * 1e6:.0f} µs each", "", f"{each / base:.2f}", "linear"
            )
        objects = _write(folder, COUNT)
        for rules in (10, 30, 100):
            write_policies(folder / f"policies{rules}", rules)
            taken = median([_run(_check(objects, folder / f"policies{rules}")).seconds for _ in range(rounds)])
            table.add_row(
                f"{rules} policies, {COUNT:,} objects",
                f"{taken:.2f} s",
                "",
                f"{taken / rules * 1000:.0f} ms each",
                "linear",
            )


# gator and conftest report as text unless they're told.
_AS_JSON = {"tenantry": (), "gator": ("--output", "json"), "conftest": ("--output", "json")}


def _count_violations(command: Sequence[str]) -> int:
    """How many violations a tool finds; conftest lists them by file."""
    said = orjson.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    if isinstance(said, dict):
        return len(said["results"])
    return sum(len(one["failures"]) if "failures" in one else 1 for one in said)


def _hold_equal(counts: Mapping[str, int]) -> None:
    if len(set(counts.values())) != 1 or not all(counts.values()):
        raise SystemExit(f"the tools disagree on how often the rules are broken: {counts}")


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tenantry-bench-") as folder:
        yield Path(folder)


def _write(folder: Path, count: int, *before: str) -> Path:
    file = folder / f"objects-{count}.yaml"
    if not file.exists():
        with file.open("w", encoding="utf-8") as written:
            written.writelines([*before, *write_objects(count)])
    return file


def _check(objects: Path, policies: Path | None = None) -> list[str]:
    chosen = ["--policy", str(policies)] if policies else []
    return [TENANTRY, "check", str(objects), *chosen, "--format", "json"]


def _run(command: Sequence[str], *, memory: float = 0) -> Timed:
    return run(command, os.environ, memory=memory, codes=_DENIED)


def _rate(count: int, taken: Sequence[float]) -> str:
    return f"{count / median(taken):,.0f}/s"
