"""Counts requests and bytes by grant and day, and says what became of every other line."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from types import TracebackType
from typing import Self

from tenantry.metering.calls import Call
from tenantry.metering.meters import Meter, Meters

Known = Callable[[str], str | None]
"""Gives the user of an access key; None where nobody knows it any more."""


class Fate(StrEnum):
    """What became of a line."""

    COUNTED = "counted"
    OTHERS = "others"
    REFUSED = "refused"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"
    REPEATED = "repeated"
    UNREADABLE = "unreadable"


@dataclass(slots=True)
class Amounts:
    """Requests; the bytes that were sent and received; and the requests of which the log doesn't tell the bytes."""

    requests: int = 0
    sent: int = 0
    received: int = 0
    unsized: int = 0

    def add(self, call: Call) -> None:
        """Count a request."""
        self.requests += 1
        self.sent += call.sent
        self.received += call.received
        self.unsized += not call.sized


@dataclass(slots=True)
class Tally:
    """What was counted: by grant and day, and of all lines by what became of them."""

    meters: Meters
    known: Known
    days: dict[tuple[str, date], Amounts] = field(default_factory=dict)
    fates: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))

    def count(self, call: Call | None, seen: "Seen") -> Fate:
        """Count a line that was read as a request, or couldn't be read, and say what became of it."""
        fate = self._judge(call, seen)
        self.fates[fate] += 1
        return fate

    def _judge(self, call: Call | None, seen: "Seen") -> Fate:
        if call is None:
            return Fate.UNREADABLE
        if not seen.is_new(call):
            return Fate.REPEATED
        below = self.meters.below(call)
        return self._attribute(call, below) if below else Fate.OTHERS

    def _attribute(self, call: Call, below: list[Meter]) -> Fate:
        who = self.known(call.requester) if call.by_key and call.requester != "-" else call.requester
        if who is None:
            return Fate.UNKNOWN
        own = [one for one in below if one.is_of(who)]
        if not own:
            return Fate.OTHERS
        if call.refused:
            return Fate.REFUSED
        for one in sorted(own, key=lambda one: one.misfit(call, who)):
            if one.is_open(call.day):
                self.days.setdefault((one.grant.name, call.day), Amounts()).add(call)
                return Fate.COUNTED
        return Fate.OUTSIDE


class Seen:
    """Remembers requests, so that each counts once, however often its line is given: on disk, in 16 MiB of memory.

    A request is known by its id, operation and object, for one that deletes or copies several has a line for each.
    """

    def __init__(self) -> None:
        # A database without a name is a file of its own that goes when it is closed.
        self._store = sqlite3.connect("", isolation_level=None)
        self._store.execute("PRAGMA cache_size = -16384")
        self._store.execute("PRAGMA journal_mode = OFF")
        self._store.execute("PRAGMA synchronous = OFF")
        self._store.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY)")
        self._store.execute("BEGIN")

    def __enter__(self) -> Self:
        """Open it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget all."""
        self._store.close()

    def is_new(self, call: Call) -> bool:
        """Say whether a request comes for the first time, and remember it."""
        text = "\0".join((call.id, call.operation, call.bucket, call.key))
        mark = int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8).digest(), signed=True)
        return self._store.execute("INSERT OR IGNORE INTO seen VALUES (?)", (mark,)).rowcount == 1
