"""Guards buckets that a change would delete: refused before anything is changed, where they hold what must be kept."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from tenantry.objectstore.contents.deletion import allow_deletion
from tenantry.objectstore.kinds.bucket_deletion import why_kept
from tenantry.objectstore.store import open_store
from tenantry.problems import TenantryError


@contextmanager
def deleting(site: str, retention: Mapping[str, int], named: Sequence[str]) -> Iterator[None]:
    """Let the buckets of `retention` (days by bucket) be deleted within the block.

    Those that hold objects must be `named`, by the name that the store knows them by, and none of their objects may be
    kept by retention or by a lock. Raises TenantryError with every bucket that can't go.
    """
    if retention:
        store = open_store(site)
        found = [why_kept(store, name, days, asked_for=name in named) for name, days in sorted(retention.items())]
        kept = [problem for problem in found if problem is not None]
        if kept:
            raise TenantryError(kept)
    with ExitStack() as allowed:
        for name in retention:
            if name in named:
                allowed.enter_context(allow_deletion(site, name))
        yield
