"""What came of asking both, one by one and counted."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


class Agreement(StrEnum):
    AGREED = "agreed"
    DISAGREED = "disagreed"
    UNDECIDABLE = "undecidable"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Outcome:
    """Whether both say the same of one example.

    `why` says in what they agree or disagree, or why that can't be told, and is the same for examples that are alike;
    `details` are what each of them said.
    """

    agreement: Agreement
    why: str = ""
    details: str = ""

    @property
    def agrees(self) -> bool:
        return self.agreement is Agreement.AGREED

    @property
    def disagrees(self) -> bool:
        return self.agreement is Agreement.DISAGREED


AGREED = Outcome(Agreement.AGREED, "both find nothing")
FOUND = Outcome(Agreement.AGREED, "both find the same")
REFUSED = Outcome(Agreement.AGREED, "both refuse it")


def disagree(why: str, theirs: object, ours: object) -> Outcome:
    return Outcome(Agreement.DISAGREED, why, f"the server: {theirs}\nwe:         {ours}")


def compare_safely(compare: Callable[[T], Outcome], example: T) -> Outcome:
    """What comes of one example; that it can't be compared without an error is a disagreement, too."""
    try:
        return compare(example)
    except Exception as error:  # any error of the engine is one that users would see
        text = traceback.format_exc()
        return Outcome(Agreement.DISAGREED, f"what can be judged: {type(error).__name__}", text[-3000:])


class Family(Protocol):
    """A family of examples; `strategy` is None where they are a fixed list."""

    @property
    def strategy(self) -> SearchStrategy[Any] | None: ...

    def list_examples(self, count: int, seed: int) -> list[Any]: ...

    def compare(self, examples: Sequence[Any]) -> Iterator[Outcome]:
        """One outcome for each example, in their order."""
        ...

    def show(self, example: Any) -> str: ...  # noqa: ANN401  (each family has its own)


@dataclass
class Tally:
    """The outcomes of a family."""

    name: str
    counts: Counter[Agreement] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    disagreements: dict[str, list[tuple[Any, Outcome]]] = field(default_factory=dict)
    seconds: float = 0.0
    known: set[str] = field(default_factory=set)
    """The examples, by their `repr`."""

    def add(self, example: object, outcome: Outcome) -> None:
        self.known.add(repr(example))
        self.counts[outcome.agreement] += 1
        if outcome.disagrees:
            self.disagreements.setdefault(outcome.why, []).append((example, outcome))
        elif outcome.why:
            self.reasons[outcome.why] += 1

    @property
    def compared(self) -> int:
        return self.counts.total() - self.counts[Agreement.NOT_COMPARABLE]
