"""Shares work out among processes that begin as copies of this one, so that nothing has to be sent to them."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

_Task = TypeVar("_Task")
_Done = TypeVar("_Done")


class WorkerError(RuntimeError):
    """A process ended before its work was done."""


def share(work: Callable[[_Task], _Done], tasks: Sequence[_Task], processes: int) -> Iterator[tuple[int, _Done]]:
    """Give what each task came to, with its place among them, as they are done.

    Args:
        work: Does one task, and gives what can be pickled.
        tasks: What is to be done; each process takes every so-manieth of them.
        processes: How many processes do it.

    Raises:
        WorkerError: One of them ended early; what went wrong shows when the work is done here.
    """
    context = multiprocessing.get_context("fork")
    workers: dict[Connection, BaseProcess] = {}
    try:
        for first in range(processes):
            receiver, sender = context.Pipe(duplex=False)
            own = range(first, len(tasks), processes)
            workers[receiver] = context.Process(target=_do, args=(work, tasks, own, sender), daemon=True)
            workers[receiver].start()
            # Else those that are started next would hold it open, and nobody would see that this one has ended.
            sender.close()
        yield from _collect(workers, len(tasks))
    finally:
        for receiver, worker in workers.items():
            receiver.close()
            if worker.pid is not None:
                worker.terminate()
                worker.join()


def _do(work: Callable[[Any], object], tasks: Sequence[object], own: Sequence[int], sender: Connection) -> None:
    # Who interrupts the command interrupts the process that reads from this one, which then ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Whatever goes wrong shows where the work is done again. A broken pipe says that the command has ended.
    with suppress(Exception), sender:
        for place in own:
            sender.send((place, work(tasks[place])))


def _collect(workers: dict[Connection, BaseProcess], count: int) -> Iterator[tuple[int, Any]]:
    open_ = set(workers)
    done = 0
    while open_:
        for receiver in wait(list(open_)):
            assert isinstance(receiver, Connection)
            try:
                yield receiver.recv()
                done += 1
            except EOFError:
                open_.discard(receiver)
    if done < count:
        raise WorkerError(f"{count - done} of {count} tasks weren't done")
