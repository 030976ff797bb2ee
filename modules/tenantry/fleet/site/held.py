"""What protects the data of tenants of which no record says it: older versions of tenantry wrote none, others are lost.

It is found out from what lives; what can't be found out is taken to be as the strictest class has it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tenantry.contract.model import Classification, ClassificationControls, join_name
from tenantry.contract.protection import BucketProtection, Protection
from tenantry.fleet.selection import Planned
from tenantry.fleet.site.live import LiveTenant
from tenantry.render.naming import CLASSIFICATION_LABEL

if TYPE_CHECKING:
    from tenantry.objectstore.audit import KeptBucket


def find_held(site: str, members: Sequence[tuple[Planned, LiveTenant]]) -> dict[str, Protection]:
    """Find what protects the data of tenants at a site, by tenant id; a tenant of which nothing lives isn't there.

    Of a tenant that has no record, a bucket without objects is left out: an apply that was broken off leaves such ones,
    and the next one finishes them. Raises UnreachableError where the store fails.
    """
    if not members:
        return {}
    # Imported here: for tenants whose record says all, nobody waits for boto3.
    from tenantry.objectstore.audit import read_kept

    starts = {join_name(one.tenant.id, ""): one.tenant.id for one, _ in members}
    kept: dict[str, dict[str, KeptBucket]] = {tenant: {} for tenant in starts.values()}
    for bucket in read_kept(site, tuple(starts)):
        start = next(each for each in starts if bucket.name.startswith(each))
        kept[starts[start]][bucket.name.removeprefix(start)] = bucket
    found = {}
    for one, live in members:
        buckets = {
            name: bucket
            for name, bucket in kept[one.tenant.id].items()
            if live.record is not None or bucket.holds_objects
        }
        if live.objects or live.record is not None or buckets:
            found[one.tenant.id] = _protection(one, live, buckets)
    return found


def _protection(one: Planned, live: LiveTenant, buckets: Mapping[str, "KeptBucket"]) -> Protection:
    told = [found["metadata"].get("labels", {}).get(CLASSIFICATION_LABEL) for found in live.objects.values()]
    told += [bucket.tags.get(CLASSIFICATION_LABEL) for bucket in buckets.values()]
    order = list(Classification)
    held = max((Classification(each) for each in told if each in order), key=order.index, default=order[-1])
    controls = one.baseline.controls(held)
    retention = live.record.buckets if live.record is not None else {}
    return Protection(
        classification=held,
        region=one.site.spec.region,
        encryption=controls.encryption,
        approvals=controls.approvals,
        buckets={name: _bucket(bucket, retention.get(bucket.name), controls) for name, bucket in buckets.items()},
    )


def _bucket(bucket: "KeptBucket", recorded: object, controls: ClassificationControls) -> BucketProtection:
    """Say what protects a bucket; for how long its objects are kept, no store tells where it doesn't lock them."""
    known = recorded if isinstance(recorded, int) else controls.min_retention_days
    return BucketProtection(
        publish=bucket.published,
        retention_days=max(known, bucket.lock_days),
        versions=bucket.versions,
        lock=bucket.lock_days > 0,
    )
