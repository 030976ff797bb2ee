"""Weakens each expression of the baseline in turn, and lists what no case noticed.

`tests/mutation/unnoticed.txt` has those that no case can tell from the policy as it is, each with the reason.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from mutation.measure import Measured, measure
from mutation.places import HELD
from policy.baseline import POLICIES

PROMISED = 95
LISTED = Path(__file__).with_name("unnoticed.txt")


def main() -> int:
    """Measure, and print a table and what wasn't noticed; 1 where that is more than was promised, or isn't listed."""
    chosen = _arguments()
    found = sorted(_measure(chosen), key=lambda one: (one.layer, one.policy))
    console = Console(width=200, highlight=False, soft_wrap=True)
    console.print(_table(found))
    unnoticed = [line for one in found for line in one.unnoticed]
    listed = read_listed([path.parent.name for path in chosen])
    told = {
        "not noticed, and not listed": [line for line in unnoticed if line not in listed],
        "not noticed, and listed with a reason": [line for line in unnoticed if line in listed],
        "listed, and not there any more": sorted(listed - set(unnoticed)),
    }
    for title, lines in told.items():
        if lines:
            console.print(f"\n{len(lines)} {title}:")
            console.print("\n".join(lines), markup=False)
    for place, reason in HELD.items():
        console.print(f"\nleft alone: {place}; {reason}")
    unexpected, _, stale = told.values()
    # The share is promised of the whole baseline; a single policy may have few mutants.
    short = len(chosen) == len(POLICIES) and _share(found) <= PROMISED
    return int(short or bool(unexpected or stale))


def _arguments() -> list[Path]:
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("policies", nargs="*", metavar="POLICY", help="names of policies; without one, all")
    names = set(parser.parse_args().policies)
    if unknown := names - {path.parent.name for path in POLICIES}:
        parser.error(f"no such policy: {', '.join(sorted(unknown))}")
    return [path for path in POLICIES if not names or path.parent.name in names]


def _measure(policies: Sequence[Path]) -> Iterator[Measured]:
    # Those with the longest expressions first, so that no core waits for the last one.
    ordered = sorted(policies, key=lambda path: -path.stat().st_size)
    with multiprocessing.Pool(os.cpu_count()) as pool:
        found = pool.imap_unordered(measure, ordered)
        yield from track(found, "policies", total=len(ordered), console=Console(stderr=True))


def _table(found: Sequence[Measured]) -> Table:
    table = Table("layer", "policies", "mutants", "noticed", "%", box=None)
    layers = sorted({one.layer for one in found})
    rows = {layer: [one for one in found if one.layer == layer] for layer in layers} | {"all": list(found)}
    for name, row in rows.items():
        total, missed = _count(row)
        table.add_row(name, str(len(row)), str(total), str(total - missed), f"{_share(row):.1f}")
    return table


def _count(found: Sequence[Measured]) -> tuple[int, int]:
    return sum(one.mutants for one in found), sum(len(one.unnoticed) for one in found)


def _share(found: Sequence[Measured]) -> float:
    total, missed = _count(found)
    return 100 * (total - missed) / total


def read_listed(policies: Sequence[str]) -> set[str]:
    """The listed lines of some policies; the reason stands above them."""
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#") and line.partition(" ")[0] in policies}


if __name__ == "__main__":
    sys.exit(main())
