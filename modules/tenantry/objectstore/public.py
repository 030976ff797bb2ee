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


def publish_files(site: str, bucket: str, files: Iterable[PublicFile]) -> Mapping[str, Published]:
    """Make or mend a site's public bucket, and bring files in it to their content; give what became of each, in order.

    Others that lie there stay. What is as it should be is read and not written, so that a run that broke off is
    finished by another. Raises UnreachableError where the store can't or won't (TEN-401 to TEN-411), where the bucket
    is somebody else's (TEN-404), or where the store can't open a bucket to everybody (TEN-538).
    """
    store = open_store(site)
    _ensure_bucket(store, bucket)
    return {file.key: _put(store, bucket, file) for file in files}


def _ensure_bucket(store: Store, name: str) -> None:
    can = ensure_recorded(store)
    wanted = _spec(name, can)
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


def _spec(name: str, can: frozenset[str]) -> dict[str, Any]:
    """Let everybody read single objects, over TLS; who is no administrator of the store gets no other right."""
    objects = f"arn:aws:s3:::{name}/*"
    everybody = {"AWS": ["*"]}
    tls = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": everybody,
        "Action": ["s3:*"],
        "Resource": [f"arn:aws:s3:::{name}", objects],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    read = {
        "Sid": "Published",
        "Effect": "Allow",
        "Principal": everybody,
        "Action": ["s3:GetObject"],
        "Resource": [objects],
    }
    spec = {
        "tags": {MARK: "true"},
        "policy": {"Version": "2012-10-17", "Statement": [tls, read]},
        "ownership": "BucketOwnerEnforced" if "bucket.ownership" in can else None,
    }
    return complete("Bucket", spec)


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
