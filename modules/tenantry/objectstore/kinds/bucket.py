"""Buckets: made, finished, compared and brought to what they are to be."""

from collections.abc import Mapping
from typing import Any, Final

from tenantry.objectstore.capabilities import ensure_recorded
from tenantry.objectstore.contents.deletion import is_kept
from tenantry.objectstore.kinds import bucket_parts
from tenantry.objectstore.kinds.base import Found, IncompleteError, Inputs, Made, Spec, foreign
from tenantry.objectstore.kinds.bucket_deletion import delete_bucket, holds_objects
from tenantry.objectstore.kinds.bucket_parts import PARTS, UNMANAGED, observe, read_owner
from tenantry.objectstore.spec import DEFAULTS, TENANT_LABEL, Json
from tenantry.objectstore.store import ABSENT, Store, error_code
from tenantry.problems import UnreachableError, problem

KEPT: Final = ("quota", "retentionDays")
"""Keys that a store may know nothing of: they are kept in state, where deletion and metering look for them."""


def desired(inputs: Inputs) -> dict[str, Any]:
    """Say what each part of a bucket is to be, the tenant's mark among its tags."""
    spec = inputs.spec
    mark = {TENANT_LABEL: inputs.tenant} if inputs.tenant else {}
    return {part.key: spec[part.key] for part in PARTS} | {"tags": {**spec["tags"], **mark}}


def differing(wanted: Spec, held: Spec) -> list[str]:
    """Name the parts that have to be written, in the order of writing."""
    return [
        part.key
        for part in PARTS
        if (
            wanted["tags"] != held["tags"]
            if part.key == "tags"
            else not bucket_parts.same(part.key, held[part.key], wanted[part.key])
        )
    ]


class Bucket:
    """S3 buckets; ids are `site/name`."""

    def same(self, key: str, one: Json, other: Json) -> bool:
        """Compare by meaning."""
        return bucket_parts.same(key, one, other)

    def faults(self, inputs: Inputs) -> list[tuple[str, str]]:
        """List contradictions that no store would take."""
        spec, found = inputs.spec, list[tuple[str, str]]()
        lock, encryption = spec.get("lock"), spec.get("encryption")
        if lock and not spec.get("versions"):
            found.append(("spec.lock", "a lock holds versions, and versions is false"))
        if lock and lock.get("mode") not in ("COMPLIANCE", "GOVERNANCE"):
            found.append(("spec.lock.mode", "it is neither COMPLIANCE nor GOVERNANCE"))
        if lock and not (isinstance(lock.get("days"), int) and lock["days"] >= 1):
            found.append(("spec.lock.days", "it isn't a whole number of days from 1"))
        if encryption and encryption.get("algorithm") not in ("AES256", "aws:kms"):
            found.append(("spec.encryption.algorithm", "it is neither AES256 nor aws:kms"))
        return found

    def replaces(self, old: Inputs, new: Inputs, can: frozenset[str]) -> set[str]:
        """A name, a site and a tenant are for ever; so is being without a lock, in most stores.

        One that was imported without a tenant's mark is given it.
        """
        fixed = {key for key in ("site", "tenant", "name") if getattr(old, key) != getattr(new, key)}
        if not old.tenant:
            fixed -= {"tenant"}
        late = new.spec.get("lock") and not old.spec.get("lock") and "bucket.objectLockLater" not in can
        return fixed | ({"spec.lock"} if late else set())

    def create(self, store: Store, inputs: Inputs) -> Made:
        """Make a bucket and set its parts; one that an interrupted run of the same tenant made is finished."""
        from botocore.exceptions import ClientError

        made = Made(f"{inputs.site}/{inputs.name}", {"arn": f"arn:aws:s3:::{inputs.name}"})
        name = inputs.name
        with store.doing(f"make bucket {name}"):
            try:
                store.s3.head_bucket(Bucket=name)
                exists = True
            except ClientError as error:
                if error_code(error) == "403":
                    raise foreign(store, f"bucket {name}", "of another account") from None
                if error_code(error) not in ABSENT:
                    raise
                exists = False
            if not exists:
                store.s3.create_bucket(**_creation(store, inputs))
        if exists:
            self._owned(store, inputs)
        try:
            self._converge(store, inputs, fresh=not exists)
        except UnreachableError as error:
            raise IncompleteError(made, error) from error
        return made

    def _owned(self, store: Store, inputs: Inputs) -> None:
        """Refuse a bucket that isn't the tenant's. One without any mark and any object is what a crash leaves."""
        owner = read_owner(store, inputs.name)
        if owner == inputs.tenant and owner:
            return
        if owner or holds_objects(store, inputs.name):
            raise foreign(store, f"bucket {inputs.name}", owner)

    def _converge(self, store: Store, inputs: Inputs, *, fresh: bool) -> None:
        wanted = desired(inputs)
        if fresh:
            held = {part.key: DEFAULTS["Bucket"][part.key] for part in PARTS}
            held["versions"] = bool(wanted["lock"])
        else:
            held = self._held(store, inputs)
            _refuse_weaker_lock(store, inputs.name, held["lock"], wanted["lock"])
        # A quota that the store can't keep stays in state alone, for metering.
        todo = set(differing(wanted, held)) - (set() if "bucket.quota" in ensure_recorded(store) else {"quota"})
        for part in PARTS:
            if part.key in todo:
                with store.doing(f"set {part.key} of bucket {inputs.name}"):
                    part.write(store, inputs.name, wanted[part.key])

    def _held(self, store: Store, inputs: Inputs | None, name: str = "") -> dict[str, Any]:
        """Read the parts that this store has; of the unmanaged ones only those that the inputs manage."""
        can = ensure_recorded(store)
        held: dict[str, Any] = {}
        for part in PARTS:
            idle = inputs is not None and part.key in UNMANAGED and not inputs.spec.get(part.key)
            skip = idle or part.capability not in can
            held[part.key] = DEFAULTS["Bucket"][part.key] if skip else observe(store, name or inputs.name, part)  # type: ignore[union-attr]
        return held

    def read(self, store: Store, object_id: str, known: Inputs | None) -> Found | None:
        """Read a bucket; what no call tells, its retention and in most stores its quota, is as known."""
        from botocore.exceptions import ClientError

        name = object_id.partition("/")[2]
        with store.doing(f"read bucket {name}"):
            try:
                store.s3.head_bucket(Bucket=name)
            except ClientError as error:
                if error_code(error) in ABSENT:
                    return None
                raise
        held = self._held(store, known, name)
        tags = dict(held["tags"])
        tenant = tags.pop(TENANT_LABEL, "")
        kept: Mapping[str, Any] = known.spec if known else DEFAULTS["Bucket"]
        unknown = [key for key in KEPT if f"bucket.{key}" not in ensure_recorded(store)]
        spec = {**held, "tags": tags} | {key: kept[key] for key in unknown}
        return Found(tenant, name, spec, {"arn": f"arn:aws:s3:::{name}"})

    def update(self, store: Store, object_id: str, new: Inputs) -> Made:
        """Write the parts that differ from what the store holds now, whoever changed them."""
        self._converge(store, new, fresh=False)
        return Made(object_id, {"arn": f"arn:aws:s3:::{new.name}"})

    def delete(self, store: Store, object_id: str, old: Inputs) -> None:
        """Delete a bucket; see `bucket_deletion` for what is refused."""
        name = object_id.partition("/")[2]
        if not is_kept(store.site, name):
            delete_bucket(store, name, int(old.spec.get("retentionDays") or 0))


def _creation(store: Store, inputs: Inputs) -> dict[str, Any]:
    wanted: dict[str, Any] = {"Bucket": inputs.name}
    if inputs.spec["lock"]:
        wanted["ObjectLockEnabledForBucket"] = True
    if ".amazonaws.com" in store.settings.endpoint and store.settings.region != "us-east-1":
        # AWS wants the region said twice; other stores have their own words for it and refuse AWS's.
        wanted["CreateBucketConfiguration"] = {"LocationConstraint": store.settings.region}
    return wanted


def _refuse_weaker_lock(store: Store, name: str, held: Spec | None, wanted: Spec | None) -> None:
    """A compliance lock only grows while there are objects: some stores hold them by the bucket's rule alone.

    versitygw 1.8 does so: with the rule gone, versions that it held can be deleted.
    """
    if not held or held["mode"] != "COMPLIANCE":
        return
    if wanted and wanted["mode"] == "COMPLIANCE" and wanted["days"] >= held["days"]:
        return
    if holds_objects(store, name):
        what = f"site {store.site}: bucket {name} holds objects under a compliance lock of {held['days']} days"
        fix = "keep the lock's mode, and its days or more"
        raise UnreachableError(problem("TEN-409", f"{what}, which can't be weakened", fix))
