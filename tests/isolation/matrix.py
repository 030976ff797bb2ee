"""What was tried, what was expected, and what was seen."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

Told = Callable[[int], None]
"""Is told of so many attempts more."""
PLATFORM = "platform"
"""The target of what is no tenant's."""


class Surface(StrEnum):
    """Where something is tried."""

    KUBERNETES = "kubernetes"
    STORE = "store"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that was tried.

    Args:
        surface: Where.
        who: Whose credential, as `tenant.role`; of the network, whose pods.
        target: Whose it is: a tenant's name, or `platform`.
        action: What was done.
        allowed_by: What lets it be, such as a grant's name; empty where it has to be refused.
        opened: Whether it was let in.
        answer: What was answered, such as a status.
    """

    surface: Surface
    who: str
    target: str
    action: str
    allowed_by: str
    opened: bool
    answer: str

    @property
    def is_expected(self) -> bool:
        """Say whether it went as it has to."""
        return self.opened == bool(self.allowed_by)


@dataclass
class Cell:
    """All that one credential tried of one target on one surface."""

    attempts: int = 0
    refused: int = 0
    allowed: dict[str, list[str]] = field(default_factory=dict)
    against: list[Attempt] = field(default_factory=list)

    def add(self, attempt: Attempt) -> None:
        """Count an attempt; what is allowed is kept by what allows it."""
        self.attempts += 1
        if not attempt.is_expected:
            self.against.append(attempt)
        elif attempt.opened:
            self.allowed.setdefault(attempt.allowed_by, []).append(attempt.action)
        else:
            self.refused += 1


Place = tuple[Surface, str, str]
"""A surface, who, and a target."""


def gather(attempts: Iterable[Attempt]) -> dict[Place, Cell]:
    """Give the cells of a matrix."""
    cells: dict[Place, Cell] = {}
    for one in attempts:
        cells.setdefault((one.surface, one.who, one.target), Cell()).add(one)
    return cells


def find_against(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Give the attempts that went otherwise than expected."""
    return [one for one in attempts if not one.is_expected]
