"""What buckets hold: as the store tells it where it does, or counted by listing every version of every object.

Ceph RGW counts as it writes, and tells it with each `HEAD` of a bucket, in the headers `X-RGW-Bytes-Used` and
`X-RGW-Object-Count` (its source: `rgw_rest_s3.cc`, `dump_bucket_metadata`). versitygw and S3 itself tell nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tenantry.objectstore.kinds.bucket_deletion import list_versions
from tenantry.objectstore.store import Store, open_store

_READERS = 8
"""Buckets asked for at the same time; each waits for its answer most of the time."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a bucket holds, all versions of all objects: how many, and their bytes."""

    versions: int
    bytes: int


def read_held(site: str, buckets: Iterable[str], *, count: bool) -> Mapping[str, Held | None]:
    """Say what each bucket holds; None where nobody tells. One that isn't there is left out.

    With `count`, every object is listed where the store doesn't tell. Raises UnreachableError where the store fails.
    """
    store = open_store(site)
    with store.doing("list buckets"):
        there = {one["Name"] for one in store.s3.list_buckets()["Buckets"]}
    names = sorted(there.intersection(buckets))
    # A store tells it of all its buckets or of none: where it doesn't, it is asked once.
    tells = bool(names) and _ask(store, names[0]) is not None
    if not tells and not count:
        return dict.fromkeys(names)
    read: Callable[[Store, str], Held | None] = _ask if tells else _count
    with ThreadPoolExecutor(_READERS) as readers:
        return dict(zip(names, readers.map(lambda name: read(store, name), names), strict=True))


def _ask(store: Store, name: str) -> Held | None:
    with store.doing(f"read bucket {name}"):
        headers = store.s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]
    try:
        return Held(int(headers["x-rgw-object-count"]), int(headers["x-rgw-bytes-used"]))
    except (KeyError, ValueError):
        return None


def _count(store: Store, name: str) -> Held:
    with store.doing(f"list bucket {name}"):
        sizes = [version["Size"] for version, marker in list_versions(store, name) if not marker]
    return Held(len(sizes), sum(sizes))
