"""Ends a run over hosts: heeds who wants it to stop, and leaves no process of it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SECONDS = 5


@contextmanager
def heeded() -> Iterator[Callable[[], bool]]:
    """Give what says whether Ctrl-C or SIGTERM came; what they did before, they do again afterwards.

    ansible-runner takes both for itself where it is told of nothing, and keeps them. Only the main thread hears them,
    and a background job of a shell, which ignores Ctrl-C, goes on ignoring it.
    """
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    if threading.current_thread() is not threading.main_thread():
        yield stopped.is_set
        return
    ours = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in ours}
    try:
        yield stopped.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_processes(folder: Path) -> None:
    """Kill what still runs with a run's folder on its command line.

    Ansible's workers have sessions of their own, which outlive it when it is killed, and SSH keeps each connection for
    half a minute, for a next task that doesn't come.
    """
    named = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
    ]
    for process in named:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(named, timeout=_SECONDS)
