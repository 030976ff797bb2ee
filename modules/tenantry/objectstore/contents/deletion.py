"""Which buckets may be deleted although they hold objects: those that someone asked for by name, just now.

Neither state nor inputs can say it: what an engine sends at a deletion is what it stored long before. So whoever runs
the deletion tells the provider's process. The fleet, which hosts the provider, calls `allow_deletion`; for an engine
that starts the provider itself, TENANTRY_DELETE_BUCKETS lists `site/bucket`, separated by commas.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

VARIABLE: Final = "TENANTRY_DELETE_BUCKETS"

_lock = threading.Lock()
_allowed: dict[tuple[str, str], int] = {}
_kept: dict[tuple[str, str], int] = {}


@contextmanager
def allow_deletion(site: str, bucket: str) -> Iterator[None]:
    """Let this process delete a bucket with its objects, within the block; retention and locks hold all the same."""
    with _counted(_allowed, (site, bucket)):
        yield


@contextmanager
def keep_bucket(site: str, bucket: str) -> Iterator[None]:
    """Let a bucket stay at its store when its resource is deleted, within the block: it is held, and nobody's any more.

    The state forgets it.
    """
    with _counted(_kept, (site, bucket)):
        yield


def is_kept(site: str, bucket: str) -> bool:
    """Say whether a bucket is to stay, whatever becomes of its resource."""
    with _lock:
        return _kept.get((site, bucket), 0) > 0


@contextmanager
def _counted(among: dict[tuple[str, str], int], key: tuple[str, str]) -> Iterator[None]:
    with _lock:
        among[key] = among.get(key, 0) + 1
    try:
        yield
    finally:
        with _lock:
            among[key] -= 1


def is_asked_for(site: str, bucket: str) -> bool:
    """Say whether a bucket's deletion was asked for by its name."""
    named = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")}
    with _lock:
        return _allowed.get((site, bucket), 0) > 0 or f"{site}/{bucket}" in named
