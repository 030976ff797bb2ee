"""What a bucket holds, in few words that can be proven later: how much, and a digest of the list of it."""

import hashlib
from dataclasses import dataclass

import orjson

from tenantry.objectstore.kinds.bucket_deletion import list_versions
from tenantry.objectstore.store import Store


@dataclass(frozen=True, slots=True)
class Inventory:
    """How many versions and delete markers a bucket holds, their bytes, and the SHA-256 of the list.

    The list is a line of JSON for each, by key and version: key, version, size, ETag; a marker has no size.
    """

    versions: int
    markers: int
    bytes: int
    sha256: str


def take_inventory(store: Store, name: str) -> Inventory:
    """Count and digest what a bucket holds. Raises UnreachableError where the store fails."""
    with store.doing(f"list bucket {name}"):
        found = list(list_versions(store, name))
    rows = [
        [version["Key"], version.get("VersionId", ""), None if marker else version["Size"], version.get("ETag", "")]
        for version, marker in found
    ]
    digest = hashlib.sha256()
    for row in sorted(rows, key=lambda row: (row[0], row[1])):
        digest.update(orjson.dumps(row) + b"\n")
    sizes = [version["Size"] for version, marker in found if not marker]
    return Inventory(len(sizes), len(found) - len(sizes), sum(sizes), digest.hexdigest())
