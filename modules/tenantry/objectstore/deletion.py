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


@contextmanager
def allow_deletion(site: str, bucket: str) -> Iterator[None]:
    """Let this process delete a bucket with its objects, within the block; retention and locks hold all the same."""
    key = (site, bucket)
    with _lock:
        _allowed[key] = _allowed.get(key, 0) + 1
    try:
        yield
    finally:
        with _lock:
            _allowed[key] -= 1


def is_asked_for(site: str, bucket: str) -> bool:
    """Say whether a bucket's deletion was asked for by its name."""
    named = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")}
    with _lock:
        return _allowed.get((site, bucket), 0) > 0 or f"{site}/{bucket}" in named
