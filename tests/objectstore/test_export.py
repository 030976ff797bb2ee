"""An export that is taken up again, after some of what it exported was deleted, still lists and proves all of it."""

import pytest

from tenantry.objectstore.contents.exporting import MANIFEST, Place, export_bucket, read_manifest
from tenantry.objectstore.store import Store
from tenantry.problems import UnreachableError

LONG = "/".join(["k" * 202] * 5)
"""A key that, below a prefix, is longer than S3 takes."""


def make(client: Store, name: str) -> tuple[Place, Place]:
    """Make a bucket with three objects, and one to export it to."""
    for bucket in (name, f"{name}-kept"):
        client.s3.create_bucket(Bucket=bucket)
    for key in ("a", "b/c", LONG):
        client.s3.put_object(Bucket=name, Key=key, Body=key.encode(), Metadata={"origin": "here"})
    return Place(client, name), Place(client, f"{name}-kept", "retired/")


def test_what_was_deleted_after_its_export_stays_listed(client: Store) -> None:
    source, target = make(client, "halfway")
    whole = export_bucket(source, target)
    assert export_bucket(source, target) == whole
    client.s3.delete_object(Bucket=source.bucket, Key="a")
    assert export_bucket(source, target) == whole
    manifest = read_manifest(target)
    assert manifest is not None
    assert [one["key"] for one in manifest["objects"]] == ["a", "b/c", LONG]
    assert [one["at"][:13] for one in manifest["objects"]] == ["retired/curre", "retired/curre", "retired/long/"]
    assert client.s3.head_object(Bucket=target.bucket, Key="retired/current/b/c")["Metadata"] == {"origin": "here"}


def test_a_copy_that_was_changed_is_told_before_anything_is_destroyed(client: Store) -> None:
    source, target = make(client, "changed")
    export_bucket(source, target)
    client.s3.delete_object(Bucket=source.bucket, Key="a")
    client.s3.put_object(Bucket=target.bucket, Key="retired/current/a", Body=b"b")
    before = client.s3.get_object(Bucket=target.bucket, Key=f"retired/{MANIFEST}")["Body"].read()
    with pytest.raises(UnreachableError, match="TEN-551"):
        export_bucket(source, target)
    assert client.s3.get_object(Bucket=target.bucket, Key=f"retired/{MANIFEST}")["Body"].read() == before
