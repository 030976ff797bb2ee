"""One change of a site's hosts at a time, as far as this machine can see."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from tenantry.contract.model import Inventory
from tenantry.paths import site_dir
from tenantry.problems import InputError, problem


@contextmanager
def alone(inventory: Inventory) -> Iterator[None]:
    """Hold a site's hosts. Raises InputError (TEN-776) where another command of this machine changes them.

    Roles count on it: members of etcd and API servers change one after the other, and two runs would be two.
    """
    folder = site_dir(inventory.spec.site)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / "hosts.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        what = f"hosts of {inventory.spec.site} are being changed by another command on this machine"
        raise InputError(problem("TEN-776", what, "wait for it, or stop it; then run this again")) from None
    try:
        yield
    finally:
        lock.release()
