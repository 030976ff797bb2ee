"""Buckets. The shape of each `spec` is in `tenantry.objectstore.spec`."""

from tenantry.contract.model import Baseline, BucketRequest, Encryption, Site, Tenant
from tenantry.render.manifest import Manifest
from tenantry.render.naming import ENCRYPTED_NOTE, LOGGED_NOTE, bucket_name, bucket_tags, store_document
from tenantry.render.store.statements import write_bucket_policy

NO_LOGS = "none"
"""What stands for the bucket of access logs at a site whose store can write them, and that has none."""
MULTIPART_DAYS = 7
"""How many days the parts of an upload that never ended are kept, where the store can remove them."""


def render_buckets(tenant: Tenant, site: Site, baseline: Baseline) -> list[Manifest]:
    """Make the buckets of a tenant."""
    return [_bucket(tenant, site, baseline, bucket) for bucket in tenant.spec.buckets]


def _bucket(tenant: Tenant, site: Site, baseline: Baseline, bucket: BucketRequest) -> Manifest:
    name = bucket_name(tenant.id, bucket.name)
    encryption = None
    if site.can("bucket.encryption") and baseline.controls(tenant.spec.classification).encryption in (
        Encryption.NEEDED,
        Encryption.OWN_KEY,
    ):
        encryption = {"algorithm": "AES256", "keyId": None}
    lifecycle = [
        {
            "ID": "abandoned-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": MULTIPART_DAYS},
        }
    ]
    # What the site vouches for: a bucket's own settings don't show what encrypts the disks below it.
    below = [each for each in ("store.diskEncryption", "store.ownKey") if site.can(each)]
    notes = {ENCRYPTED_NOTE: " ".join(below)} if below else {}
    logs = site.spec.access_log_bucket
    if site.can("bucket.logging"):
        notes[LOGGED_NOTE] = logs or NO_LOGS
    spec = {
        "versions": bucket.versions,
        "lock": {"mode": "COMPLIANCE", "days": bucket.retention_days} if bucket.lock else None,
        "lifecycle": lifecycle if site.can("bucket.lifecycle") else [],
        "policy": write_bucket_policy(name, publish=bucket.publish) if site.can("bucket.policy") else None,
        "tags": bucket_tags(tenant, notes),
        "cors": [],
        "publicAccessBlock": site.can("bucket.publicAccessBlock") and not bucket.publish,
        "ownership": "BucketOwnerEnforced" if site.can("bucket.ownership") else None,
        "encryption": encryption,
        "logging": {"bucket": logs, "prefix": f"{name}/"} if logs and site.can("bucket.logging") else None,
        "quota": bucket.quota,
        "retentionDays": bucket.retention_days,
    }
    return store_document(tenant, "Bucket", name, spec, notes)
