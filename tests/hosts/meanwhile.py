"""Something that is done again and again while a test does something else."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def meanwhile(act: Callable[[], object], pause: float) -> Iterator[None]:
    """Call `act` at once, and again so many seconds after each call, in a thread that ends with the block."""
    ended = threading.Event()

    def repeat() -> None:
        act()
        while not ended.wait(pause):
            act()

    repeating = threading.Thread(target=repeat)
    repeating.start()
    try:
        yield
    finally:
        ended.set()
        repeating.join()
