"""Waits until something is so, for a bounded time."""

from collections.abc import Callable
from contextlib import suppress

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

_POLL_SECONDS = 0.1


def comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until a condition holds, and say whether it did within so many seconds."""
    waiting = Retrying(
        stop=stop_after_delay(seconds), wait=wait_fixed(_POLL_SECONDS), retry=retry_if_result(lambda holds: not holds)
    )
    with suppress(RetryError):
        return bool(waiting(condition))
    return False
