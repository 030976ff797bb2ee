"""Ending what we started when we are told to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def term_raises() -> Iterator[None]:
    """Let SIGTERM end a piece of work as Ctrl-C does, so that what it started goes too.

    Only the main thread may set this; elsewhere SIGTERM ends the process as it always does.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
