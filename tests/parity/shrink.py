"""Smaller examples of a disagreement, by hypothesis' own shrinking."""

import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

from generated import repeatable
from hypothesis import Phase, given, seed
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


class _Found(Exception):
    """An example that disagrees."""


def shrink(
    strategy: SearchStrategy[T],
    examples: int,
    chance: int,
    known: dict[str, bool],
    disagrees: Callable[[T], bool],
    seconds: float,
) -> list[T]:
    """The examples that disagree, in the order in which they were found: the last one is the smallest.

    The run that found the first is repeated: `known` says of its examples, by their `repr`, whether they disagree, so
    that no server is asked before the shrinking begins. After `seconds` nothing new is tried.
    """
    ends = time.monotonic() + seconds
    found: list[T] = []

    def decide(value: T) -> bool:
        key = repr(value)
        if key not in known:
            known[key] = time.monotonic() < ends and disagrees(value)
        return known[key]

    @seed(chance)
    @repeatable(examples, Phase.generate, Phase.shrink)
    @given(strategy)
    def look(value: T) -> None:
        if decide(value):
            found.append(value)
            raise _Found

    with contextlib.suppress(_Found):
        look()
    return found
