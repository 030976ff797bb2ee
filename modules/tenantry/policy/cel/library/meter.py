"""A bound on what functions in Python produce in one evaluation, as the API server bounds what an expression costs.

The engine bounds its own loops. A function that makes lists within a loop would multiply beyond that.
"""

from __future__ import annotations

from tenantry.policy.cel.library.marks import UNDECIDABLE

LIMIT = 1_000_000


class _Meter:
    spent = 0


def reset_meter() -> None:
    """Begin an evaluation."""
    _Meter.spent = 0


def spend(amount: int) -> None:
    """Count what is produced.

    Raises:
        ValueError: It is more than any expression may cost; whether the API server would stop it, only that one knows.
    """
    _Meter.spent += amount
    if _Meter.spent > LIMIT:
        raise ValueError(f"{UNDECIDABLE} an API server, for it makes more than {LIMIT:,} values")
