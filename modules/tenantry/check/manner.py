"""How a check judges."""

import os
from collections.abc import Callable
from dataclasses import dataclass


def _tell_nobody(_: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Manner:
    """How manifests are judged, and whom to tell of it.

    With `explain`, a finding has the part of the expression that failed, which takes longer than to find it. With
    `traced`, each object is told with the policies that were evaluated for it, which takes up to a tenth longer. Many
    manifests are shared among `processes`; `progress` is told how many were judged, each time some were.
    """

    explain: bool = False
    traced: bool = False
    processes: int = 1
    progress: Callable[[int], None] = _tell_nobody


QUIET = Manner()
"""Finds out what is wrong, and no more."""
THOROUGH = Manner(explain=True, traced=True)
"""Finds out all there is to tell."""


def count_processes() -> int:
    """How many processes may judge: one for each core that this one may use, where processes begin as copies."""
    # Linux alone tells the cores; elsewhere a copy of a process isn't safe, or there are none.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
