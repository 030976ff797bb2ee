"""A bucket of a site's own that everybody reads, and that the platform alone writes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tenantry.objectstore.capabilities import ensure_recorded
from tenantry.objectstore.kinds.base import Inputs
from tenantry.objectstore.kinds.bucket import Bucket
from tenantry.objectstore.spec import complete, needed_capabilities
from tenantry.objectstore.store import ABSENT, Store, error_code, open_store
from tenantry.problems import UnreachableError, problem

MARK: Final = "tenantry.dev/public"
"""The tag of such a bucket: one with objects that hasn't it is somebody else's, and isn't taken over."""


class Published(StrEnum):
    """What became of a file."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class PublicFile:
    """An object that everybody may read, with its media type."""

    key: str
    content: bytes
    media_type: str


def publish_files(
    site: str, bucket: str, policy: Mapping[str, Any], files: Iterable[PublicFile]
) -> Mapping[str, Published]:
    """Make or mend a site's public bucket, with its policy, and bring files in it to their content.

    Gives what became of each, in order. Others that lie there stay. What is as it should be is read and not written, so
    that a run that broke off is finished by another. Raises UnreachableError where the store can't or won't (TEN-401 to
    TEN-411), where the bucket is somebody else's (TEN-404), or where the store can't open one to everybody (TEN-538).
    """
    store = open_store(site)
    _ensure_bucket(store, bucket, policy)
    return {file.key: _put(store, bucket, file) for file in files}


def _ensure_bucket(store: Store, name: str, policy: Mapping[str, Any]) -> None:
    can = ensure_recorded(store)
    wanted = _spec(policy, can)
    if lacking := sorted(set(needed_capabilities("Bucket", wanted)) - can):
        what = f"site {store.site}: the store has no {', '.join(lacking)}, which a bucket for everybody needs"
        raise UnreachableError(problem("TEN-538", what, "publish at a site whose store has"))
    kind, inputs = Bucket(), Inputs(store.site, "", name, wanted)
    there = f"{store.site}/{name}"
    held = kind.read(store, there, inputs)
    if held is not None and MARK in held.spec["tags"] and not held.tenant:
        kind.update(store, there, inputs)
    else:
        kind.create(store, inputs)


def _spec(policy: Mapping[str, Any], can: frozenset[str]) -> dict[str, Any]:
    """Who is no administrator of the store gets no right but that of the policy."""
    owner = "BucketOwnerEnforced" if "bucket.ownership" in can else None
    return complete("Bucket", {"tags": {MARK: "true"}, "policy": policy, "ownership": owner})


def _put(store: Store, bucket: str, file: PublicFile) -> Published:
    held = _get(store, bucket, file.key)
    if held == (file.content, file.media_type):
        return Published.UNCHANGED
    with store.doing(f"write {file.key} in bucket {bucket}"):
        store.s3.put_object(
            Bucket=bucket, Key=file.key, Body=file.content, ContentType=file.media_type, CacheControl="no-cache"
        )
    return Published.CREATED if held is None else Published.CHANGED


def _get(store: Store, bucket: str, key: str) -> tuple[bytes, str] | None:
    from botocore.exceptions import ClientError

    with store.doing(f"read {key} in bucket {bucket}"):
        try:
            found = store.s3.get_object(Bucket=bucket, Key=key)
            return found["Body"].read(), found["ContentType"]
        except ClientError as error:
            if error_code(error) in ABSENT:
                return None
            raise
