"""The end of a bucket: nothing is deleted before all of it may be."""

import datetime
from collections.abc import Iterator
from typing import Any

from tenantry.objectstore.contents.deletion import is_asked_for
from tenantry.objectstore.kinds.bucket_parts import NOT_SET, PARTS, observe
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import ABSENT, Store, error_code
from tenantry.problems import Problem, UnreachableError, problem

BATCH = 1000
"""The most that one DeleteObjects call takes."""
_NO_LOCK = ("NoSuchObjectLockConfiguration",)
"""How a store says that a version has no lock of its own."""


def list_versions(store: Store, name: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """List every version of every object, and every delete marker with True."""
    for page in store.s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for version in page.get("Versions", []):
            yield dict(version), False
        for marker in page.get("DeleteMarkers", []):
            yield dict(marker), True


def holds_objects(store: Store, name: str) -> bool:
    """Say whether a bucket holds any version of any object."""
    with store.doing(f"list bucket {name}"):
        return any(not marker for _, marker in list_versions(store, name))


def delete_bucket(store: Store, name: str, retention_days: int) -> None:
    """Delete a bucket, with its objects where they are old enough, held by no lock, and the bucket was asked for.

    Raises UnreachableError: TEN-405 not asked for, TEN-406 kept by the tenant's retention, TEN-407 held by a lock.
    """
    from botocore.exceptions import ClientError

    try:
        with store.doing(f"delete bucket {name}"):
            try:
                store.s3.head_bucket(Bucket=name)
            except ClientError as error:
                if error_code(error) in ABSENT:
                    return
                raise
            found = list(list_versions(store, name))
            versions = [version for version, marker in found if not marker]
            kept = _reason(store, name, retention_days, versions, asked_for=is_asked_for(store.site, name))
            if kept:
                raise UnreachableError(kept)
            _empty(store, name, [version for version, _ in found])
            store.s3.delete_bucket(Bucket=name)
    except UnreachableError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and error_code(cause) in ABSENT:
            return
        raise


def why_kept(store: Store, name: str, retention_days: int, *, asked_for: bool) -> Problem | None:
    """Say why a bucket can't be deleted now, if so: TEN-405, TEN-406 or TEN-407. Nothing is changed."""
    from botocore.exceptions import ClientError

    with store.doing(f"list bucket {name}"):
        try:
            versions = [version for version, marker in list_versions(store, name) if not marker]
            return _reason(store, name, retention_days, versions, asked_for=asked_for)
        except ClientError as error:
            if error_code(error) in ABSENT:
                return None
            raise


def _reason(
    store: Store, name: str, retention_days: int, versions: list[dict[str, Any]], *, asked_for: bool
) -> Problem | None:
    if not versions:
        return None
    what = f"site {store.site}: bucket {name} holds {len(versions)} object versions"
    until = max(version["LastModified"] for version in versions) + datetime.timedelta(days=retention_days)
    if until > _now():
        fix = f"retire it after {until:%Y-%m-%d %H:%M} UTC, or shorten the request's retention"
        return problem("TEN-406", f"{what}, which are to be kept for {retention_days} days", fix)
    held = held_until(store, name, versions)
    if held and held > _now():
        fix = f"it can be deleted after {held:%Y-%m-%d %H:%M} UTC, and by nobody before"
        return problem("TEN-407", f"{what}, which the store's object lock holds", fix)
    if not asked_for:
        fix = f"name it with --delete-bucket {name}, if that is what is meant"
        return problem("TEN-405", f"{what}, and its deletion wasn't asked for by name", fix)
    hold = _on_hold(store, name, versions)
    if hold:
        fix = f"have the legal hold of {hold} released, and look for others; then delete the bucket again"
        return problem("TEN-407", f"{what}, and a legal hold keeps {hold}", fix)
    return None


def held_until(store: Store, name: str, versions: list[dict[str, Any]]) -> datetime.datetime | None:
    """Say when the last lock ends. A store that marks no version holds all by the bucket's rule, from their writing."""
    if not is_lockable(store, name):
        return None
    rule = observe(store, name, next(part for part in PARTS if part.key == "lock"))
    ends = [end for version in versions if (end := _version_end(store, name, version, rule))]
    return max(ends, default=None)


def _on_hold(store: Store, name: str, versions: list[dict[str, Any]]) -> str | None:
    """Name the first object under a legal hold, which has no end of its own."""
    from botocore.exceptions import ClientError

    for version in versions if is_lockable(store, name) else ():
        where = {"Bucket": name, "Key": version["Key"], "VersionId": version["VersionId"]}
        try:
            if store.s3.get_object_legal_hold(**where)["LegalHold"]["Status"] == "ON":
                return str(version["Key"])
        except ClientError as error:
            if error_code(error) not in (*NOT_SET, *ABSENT, *_NO_LOCK):
                raise
    return None


def _version_end(store: Store, name: str, version: dict[str, Any], rule: Json) -> datetime.datetime | None:
    from botocore.exceptions import ClientError

    where = {"Bucket": name, "Key": version["Key"], "VersionId": version["VersionId"]}
    try:
        end: datetime.datetime = store.s3.get_object_retention(**where)["Retention"]["RetainUntilDate"]
        return end
    except ClientError as error:
        if error_code(error) not in (*NOT_SET, *ABSENT, *_NO_LOCK):
            raise
    modified: datetime.datetime = version["LastModified"]
    return modified + datetime.timedelta(days=rule["days"]) if rule else None


def is_lockable(store: Store, name: str) -> bool:
    """Say whether a bucket's objects can be locked and held."""
    from botocore.exceptions import ClientError

    try:
        store.s3.get_object_lock_configuration(Bucket=name)
    except ClientError as error:
        if error_code(error) in (*NOT_SET, "NotImplemented", "MethodNotAllowed"):
            return False
        raise
    return True


def _empty(store: Store, name: str, versions: list[dict[str, Any]]) -> None:
    for page in store.s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            store.s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    for start in range(0, len(versions), BATCH):
        batch = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions[start : start + BATCH]]
        answer = store.s3.delete_objects(Bucket=name, Delete={"Objects": batch, "Quiet": True})  # type: ignore[typeddict-item]
        if answer.get("Errors"):
            first = answer["Errors"][0]
            what = f"site {store.site}: {len(answer['Errors'])} objects of bucket {name} can't be deleted"
            cause = f"the first is {first.get('Key')}: {first.get('Code')} {first.get('Message', '')}".strip()
            fix = "release what holds them (a legal hold, a policy), then delete the bucket again"
            raise UnreachableError(problem("TEN-407", f"{what} ({cause})", fix))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
