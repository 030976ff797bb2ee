"""Copies all that a bucket holds to another, at any site, and proves it by reading it back.

Every version goes along: the current ones below `current/` by their keys, earlier ones below `versions/<version>/`. The
manifest beside them, `manifest.json`, lists each with its SHA-256; it is written after all were read back and compared.
"""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tenantry.objectstore.kinds.bucket_deletion import list_versions
from tenantry.objectstore.store import ABSENT, Store, error_code
from tenantry.problems import UnreachableError, problem

MANIFEST: Final = "manifest.json"
WORKERS: Final = 4
CHUNK: Final = 1 << 20
LONGEST_KEY: Final = 1024
"""The longest key of S3, in bytes of UTF-8; one that would be longer is told by its digest, and in the manifest."""
_CARRIED: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
)


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket of a store, and what the keys in it begin with."""

    store: Store
    bucket: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported, all of it together, and the SHA-256 of the manifest."""

    versions: int
    bytes: int
    manifest_sha256: str


class _Hashed:
    """A stream that digests what is read from it."""

    def __init__(self, body: Any) -> None:  # noqa: ANN401  (botocore's StreamingBody)
        self._body = body
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._body.read(size if size >= 0 else None)
        self.sha256.update(data)
        return data


def probe_target(target: Place) -> None:
    """See that a bucket is there and takes objects, and leave nothing. Raises UnreachableError where it doesn't."""
    key = f"{target.prefix}{MANIFEST}"
    with target.store.doing(f"write to bucket {target.bucket}"):
        begun = target.store.s3.create_multipart_upload(Bucket=target.bucket, Key=key)
        target.store.s3.abort_multipart_upload(Bucket=target.bucket, Key=key, UploadId=begun["UploadId"])


def export_bucket(source: Place, target: Place) -> Exported:
    """Copy every version, read each back, then write the manifest; done again, only what isn't there yet is copied.

    What an earlier run exported and deleted since stays in the manifest, and is read back, too.
    Raises UnreachableError: a store's own, or TEN-551 where what was read back isn't what was copied.
    """
    with source.store.doing(f"list bucket {source.bucket}"):
        found = list(list_versions(source.store, source.bucket))
    versions = [version for version, marker in found if not marker]
    before = read_manifest(target) or {"objects": [], "deleteMarkers": []}
    here = {(one["Key"], one["VersionId"]) for one in versions}
    earlier = [one for one in before["objects"] if (one["key"], one["version"]) not in here]
    with ThreadPoolExecutor(WORKERS) as workers:
        carried = list(workers.map(lambda version: _carry(source, target, version), versions))
        list(workers.map(lambda one: _compare(target, one["at"], one["sha256"]), earlier))
    objects = sorted([*earlier, *carried], key=lambda one: (one["key"], one["version"]))
    markers = {(one["key"], one["version"]): one for one in before["deleteMarkers"]}
    for marker in (version for version, is_marker in found if is_marker):
        row = {"key": marker["Key"], "version": marker["VersionId"], "modified": marker["LastModified"].isoformat()}
        markers[marker["Key"], marker["VersionId"]] = row
    manifest = {
        "apiVersion": "tenantry.dev/v1",
        "kind": "ExportManifest",
        "source": {"site": source.store.site, "bucket": source.bucket},
        "objects": objects,
        "deleteMarkers": [markers[each] for each in sorted(markers)],
    }
    text = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    key = f"{target.prefix}{MANIFEST}"
    with target.store.doing(f"write {key} to bucket {target.bucket}"):
        if manifest != before:
            target.store.s3.put_object(Bucket=target.bucket, Key=key, Body=text, ContentType="application/json")
    digest = hashlib.sha256(text).hexdigest()
    if manifest_digest(target) != digest:
        raise _differs(target, key)
    return Exported(len(objects), sum(one["size"] for one in objects), digest)


def read_manifest(target: Place) -> dict[str, Any] | None:
    """Read an export's manifest; nothing where there is none."""
    text = _manifest(target)
    return None if text is None else dict(orjson.loads(text))


def manifest_digest(target: Place) -> str | None:
    """Give the SHA-256 of an export's manifest as the store holds it; nothing where there is none."""
    text = _manifest(target)
    return None if text is None else hashlib.sha256(text).hexdigest()


def _manifest(target: Place) -> bytes | None:
    from botocore.exceptions import ClientError

    key = f"{target.prefix}{MANIFEST}"
    with target.store.doing(f"read {key} of bucket {target.bucket}"):
        try:
            return target.store.s3.get_object(Bucket=target.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) in ABSENT - {"NoSuchBucket"}:
                return None
            raise


def _place_of(version: Mapping[str, Any], prefix: str) -> str:
    below = "current" if version["IsLatest"] else f"versions/{version['VersionId']}"
    key = f"{prefix}{below}/{version['Key']}"
    if len(key.encode()) <= LONGEST_KEY:
        return key
    return f"{prefix}long/{hashlib.sha256(key.encode()).hexdigest()}"


def _carry(source: Place, target: Place, version: Mapping[str, Any]) -> dict[str, Any]:
    """Copy one version, unless it is there; give its row of the manifest, once it was read back and compared."""
    at, size = _place_of(version, target.prefix), version["Size"]
    digest = _digest(source, version) if _size(target, at) == size else None
    if digest is None or _read_back(target, at) != digest:
        digest = _copy(source, target, version, at)
        _compare(target, at, digest)
    row = {"key": version["Key"], "version": version["VersionId"], "modified": version["LastModified"].isoformat()}
    return row | {"size": size, "sha256": digest, "at": at}


def _get(source: Place, version: Mapping[str, Any]) -> dict[str, Any]:
    where = {"Bucket": source.bucket, "Key": version["Key"]}
    if version["VersionId"] != "null":
        where["VersionId"] = version["VersionId"]
    answer: dict[str, Any] = source.store.s3.get_object(**where)  # type: ignore[assignment]
    return answer


def _copy(source: Place, target: Place, version: Mapping[str, Any], at: str) -> str:
    from boto3.s3.transfer import TransferConfig

    with source.store.doing(f"read {version['Key']} of bucket {source.bucket}"):
        got = _get(source, version)
    hashed = _Hashed(got["Body"])
    body: Any = hashed
    more = {name: got[name] for name in _CARRIED if got.get(name)}
    with target.store.doing(f"write {at} to bucket {target.bucket}"):
        target.store.s3.upload_fileobj(
            body, target.bucket, at, ExtraArgs=more, Config=TransferConfig(use_threads=False)
        )
    return hashed.sha256.hexdigest()


def _drain(body: Any) -> str:  # noqa: ANN401  (botocore's StreamingBody)
    hashed = _Hashed(body)
    while hashed.read(CHUNK):
        pass
    return hashed.sha256.hexdigest()


def _digest(source: Place, version: Mapping[str, Any]) -> str:
    with source.store.doing(f"read {version['Key']} of bucket {source.bucket}"):
        return _drain(_get(source, version)["Body"])


def _read_back(target: Place, at: str) -> str:
    with target.store.doing(f"read {at} of bucket {target.bucket}"):
        return _drain(target.store.s3.get_object(Bucket=target.bucket, Key=at)["Body"])


def _size(target: Place, at: str) -> int | None:
    from botocore.exceptions import ClientError

    with target.store.doing(f"look for {at} in bucket {target.bucket}"):
        try:
            return int(target.store.s3.head_object(Bucket=target.bucket, Key=at)["ContentLength"])
        except ClientError as error:
            if error_code(error) in ABSENT - {"NoSuchBucket"}:
                return None
            raise


def _compare(target: Place, at: str, sha256: str) -> None:
    if _read_back(target, at) != sha256:
        raise _differs(target, at)


def _differs(target: Place, at: str) -> UnreachableError:
    what = f"site {target.store.site}: {at} of bucket {target.bucket}, read back, isn't what was exported"
    return UnreachableError(problem("TEN-551", what, "see who else writes there, then run again"))
