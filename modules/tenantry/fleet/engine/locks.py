"""Clears the locks that killed updates left in Pulumi's state, where it is certain that they are dead."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import orjson
import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tenantry.fleet.engine import END_SECONDS, PROJECT, Engine, StackLocked
from tenantry.fleet.engine.session import state_backend
from tenantry.problems import UnreachableError, problem

T = TypeVar("T")

WAIT_SECONDS = END_SECONDS + 5
"""How long a lock is waited for: the engine of a tenantry that was killed needs a while to write its state and end."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that a lock names, and when it took the lock, in seconds since 1970."""

    host: str
    pid: int
    since: float

    def may_be_alive(self) -> bool:
        """Say whether the process may still be there; a younger one with its pid is another one."""
        if self.host != socket.gethostname():
            return True
        try:
            return self.pid > 0 and psutil.Process(self.pid).create_time() <= self.since
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


def with_stale_lock_cleared(engine: Engine, stack: str, operation: Callable[[], T]) -> T:
    """Run an operation on a stack; a dead process' lock in its way is removed, a live one's is waited for.

    The caller holds the tenant's own lock. Raises UnreachableError (TEN-506) where the lock stays.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(StackLocked),
        stop=stop_after_delay(WAIT_SECONDS),
        wait=wait_fixed(0.5),
        before_sleep=lambda _attempt: _clear_dead(engine, stack),
        reraise=True,
    )
    try:
        return attempts(operation)
    except StackLocked as error:
        what = f"the state of tenant {stack} is locked: {error.problems[0].message}"
        fix = f"wait for that update; where it is dead for certain, run `tenantry unlock {stack}`"
        raise UnreachableError(problem("TEN-506", what, fix)) from error


def _clear_dead(engine: Engine, stack: str) -> None:
    holders = _holders(stack)
    if holders and not any(holder.may_be_alive() for holder in holders):
        engine.cancel(stack)


def _holders(stack: str) -> list[Holder]:
    """Read who holds a stack; nobody where state isn't kept in files of this machine."""
    folder = state_backend().folder
    files = (folder / "locks" / "organization" / PROJECT / stack).glob("*.json") if folder else ()
    return [_holder(file) for file in files]


def _holder(file: Path) -> Holder:
    try:
        lock = orjson.loads(file.read_bytes())
        since = datetime.fromisoformat(str(lock["timestamp"]))
        # A clock that went back a little mustn't make a live process a dead one.
        return Holder(str(lock["hostname"]), int(lock["pid"]), since.astimezone(UTC).timestamp() + 60)
    except (OSError, ValueError, KeyError, TypeError):
        # A lock that was never written whole belongs to a process that died at it.
        return Holder(socket.gethostname(), 0, 0)
