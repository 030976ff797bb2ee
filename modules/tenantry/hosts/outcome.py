"""What came of a run over hosts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tenantry.problems import Problem


class Action(StrEnum):
    """What became of a host, from best to worst."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    STOPPED = "stopped"
    REFUSED = "refused"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened on a host: a role began to work there, or a task of it ended."""

    host: str
    role: str
    changes: int


@dataclass
class HostOutcome:
    """What happened on a host: by role, what was changed (or would be), what waits for somebody, and what is wrong.

    `bmc` is what its management controller says of it, `seen` what an upgrade is decided by, and `waiting` the packages
    that a bundle has newer. A host is `stopped` where another one was refused before anything was changed anywhere.
    """

    host: str
    action: Action = Action.UNCHANGED
    changes: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    facts: Mapping[str, object] | None = None
    needs: Mapping[str, Any] | None = None
    bmc: Mapping[str, Any] | None = None
    seen: Mapping[str, Any] | None = None
    waiting: list[str] = field(default_factory=list)

    def add(self, other: "HostOutcome") -> None:
        """Take what a later run over the same host brought."""
        self.action = max(self.action, other.action, key=list(Action).index)
        for role, changes in other.changes.items():
            self.changes.setdefault(role, []).extend(changes)
        self.notes += other.notes
        self.problems += other.problems

    def count(self) -> int:
        """Give the number of changes."""
        return sum(map(len, self.changes.values()))
