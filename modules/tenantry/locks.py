"""A lock that another command of this machine may have: refused at once, not waited for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tenantry.problems import TenantryError


@contextmanager
def held(path: Path, refusal: TenantryError) -> Iterator[None]:
    """Hold a lock for this process. The lock is the kernel's: it ends with the process, however that ends.

    Raises `refusal` where another process has it. The folder is made where it isn't there, for this user alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise refusal from None
    try:
        yield
    finally:
        lock.release()
