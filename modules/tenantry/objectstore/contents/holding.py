"""Holds a bucket that outlives its tenant: closed to all but the platform, each version under a legal hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tenantry.objectstore.kinds.bucket_deletion import held_until, is_lockable, list_versions
from tenantry.objectstore.kinds.documents import compact
from tenantry.objectstore.store import Store


@dataclass(frozen=True, slots=True)
class Held:
    """How many versions are held, by a legal hold of each or by the bucket alone, and when the last lock ends."""

    versions: int
    legal_hold: bool
    locked_until: datetime | None


def hold_bucket(store: Store, name: str, policy: Mapping[str, Any] | None) -> Held:
    """Close a bucket and put each version under a legal hold, where the store has such; doing it again adds nothing.

    Of its `policy` only what denies stays, so that nothing is published any more. Raises UnreachableError.
    """
    with store.doing(f"hold bucket {name}"):
        if policy is not None:
            denials = [each for each in policy["Statement"] if each["Effect"] == "Deny"]
            store.s3.put_bucket_policy(Bucket=name, Policy=compact({**policy, "Statement": denials}))
        versions = [version for version, marker in list_versions(store, name) if not marker]
        lockable = is_lockable(store, name)
        for version in versions if lockable else ():
            where = {"Bucket": name, "Key": version["Key"], "VersionId": version["VersionId"]}
            store.s3.put_object_legal_hold(**where, LegalHold={"Status": "ON"})
        return Held(len(versions), lockable, held_until(store, name, versions))
