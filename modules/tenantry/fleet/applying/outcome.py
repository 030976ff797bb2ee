"""What became of one tenant in a run over many."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tenantry.fleet.selection import Planned
from tenantry.problems import Problem


class Action(StrEnum):
    """What a run did with a tenant."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    RETIRED = "retired"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one tenant; `seconds` is the time that it alone took."""

    planned: Planned
    action: Action
    seconds: float
    problems: tuple[Problem, ...] = ()
    certificate: Path | None = None
    """Where the certificate of its retirement was written."""


Report = Callable[[Outcome], None]
