"""The real components that tenantry runs: from the PATH where fit, else built from their pinned Go modules."""

from collections.abc import Iterable
from pathlib import Path

from tenantry.toolchain.build import Progress, Step, build
from tenantry.toolchain.found import Found, find, find_all, lookup
from tenantry.toolchain.table import BINARIES, LOCAL, component_of

__all__ = [
    "BINARIES",
    "LOCAL",
    "Found",
    "Progress",
    "Step",
    "binary",
    "component_of",
    "ensure",
    "find",
    "find_all",
    "lookup",
]


def _silent(_step: Step) -> None:
    """Tell nobody."""


def binary(name: str, progress: Progress = _silent) -> Path:
    """Return a binary's path, building its component first where it is missing. Raises UnreachableError (TEN-2xx)."""
    found = find(name)
    if found.source != "not built":
        return found.path
    return build(component_of(name), progress) / name


def ensure(names: Iterable[str], progress: Progress = _silent) -> dict[str, Path]:
    """Return the paths of several binaries, building what is missing, in the table's order."""
    wanted = set(names)
    for name in wanted:
        component_of(name)
    return {name: binary(name, progress) for name in BINARIES if name in wanted}
