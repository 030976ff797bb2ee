"""Clears the locks that killed updates left in Pulumi's state, where it is certain that they are dead."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import orjson
import psutil

from tenantry.fleet.engine import PROJECT, Engine, StackLocked
from tenantry.fleet.session import backend_url
from tenantry.problems import UnreachableError, problem

T = TypeVar("T")


def with_stale_lock_cleared(engine: Engine, stack: str, operation: Callable[[], T]) -> T:
    """Run an operation on a stack; where only a dead process' lock is in its way, remove that and run it once more.

    The caller holds the tenant's own lock. Raises UnreachableError (TEN-506) where the lock's holder may be alive.
    """
    try:
        return operation()
    except StackLocked as error:
        holders = _holders(stack)
        if holders and not any(_alive(*holder) for holder in holders):
            engine.cancel(stack)
            return operation()
        what = f"the state of tenant {stack} is locked: {error.problems[0].message}"
        fix = f"wait for that update; where it is dead for certain, run `tenantry unlock {stack}`"
        raise UnreachableError(problem("TEN-506", what, fix)) from error


def _holders(stack: str) -> list[tuple[str, int]]:
    """Read host and process of each lock of a stack; none where state isn't kept in files of this machine."""
    url = backend_url()
    if not url.startswith("file://"):
        return []
    folder = Path(url.removeprefix("file://")) / ".pulumi" / "locks" / "organization" / PROJECT / stack
    found = []
    for file in folder.glob("*.json"):
        try:
            lock = orjson.loads(file.read_bytes())
            found.append((str(lock.get("hostname", "")), int(lock.get("pid", 0))))
        except (OSError, ValueError):
            # A lock that was never written whole belongs to a process that died at it.
            found.append((socket.gethostname(), 0))
    return found


def _alive(host: str, pid: int) -> bool:
    return host != socket.gethostname() or (pid > 0 and psutil.pid_exists(pid))
