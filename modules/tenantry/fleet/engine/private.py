"""A folder for one process's files that hold keys: gone with the process, or at the next one's start where it died."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_PREFIX: Final = "run-"


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """Give a new folder in `parent` that only this user may enter, and remove it at the end.

    A process that is killed can't remove its own. The kernel ends its lock, and by that the next call here knows.
    """
    with FileLock(parent / "runs.lock"):
        for left in parent.glob(f"{_PREFIX}*"):
            _remove_unused(left)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=_PREFIX))
        held = FileLock(folder / "lock")
        held.acquire()
    try:
        yield folder
    finally:
        held.release()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_unused(folder: Path) -> None:
    try:
        with FileLock(folder / "lock", timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except (Timeout, FileNotFoundError):
        return
