"""Buckets and the identities that reach them. The shapes of each `spec` are in `tenantry.objectstore.spec`."""

from collections.abc import Sequence
from typing import Any

from tenantry.contract.model import (
    Baseline,
    BucketAccess,
    BucketRequest,
    Encryption,
    ServiceAccount,
    Site,
    Tenant,
)
from tenantry.render.access import account_secret_name
from tenantry.render.manifest import Manifest
from tenantry.render.naming import (
    ENCRYPTED_NOTE,
    FILLED_BY,
    LOGGED_NOTE,
    bucket_name,
    bucket_tags,
    document,
    identity_name,
    namespace_name,
    store_document,
)

POLICY_VERSION = "2012-10-17"
NO_LOGS = "none"
"""What stands for the bucket of access logs at a site whose store can write them, and that has none."""
MULTIPART_DAYS = 7
"""How many days the parts of an upload that never ended are kept, where the store can remove them."""

_READ = ["s3:GetObject", "s3:GetObjectVersion"]
_WRITE = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
OBJECT_ACTIONS = {
    BucketAccess.READ: _READ,
    BucketAccess.WRITE: _WRITE,
    BucketAccess.READ_WRITE: _READ + _WRITE,
}


def render_object_store(tenant: Tenant, site: Site, baseline: Baseline) -> list[Manifest]:
    """Make the buckets, then an identity for each service account that may use one."""
    made = [_bucket(tenant, site, baseline, bucket) for bucket in tenant.spec.buckets]
    for account in _accounts_with_buckets(tenant):
        if _federates(site):
            made.append(_role(tenant, site, account))
        else:
            made.extend(_user(tenant, account))
    return made


def render_secrets(tenant: Tenant, site: Site) -> list[Manifest]:
    """Make, where the store can't federate, the Secret of each service account; its data is filled in when applied."""
    if _federates(site):
        return []
    return [
        document(
            tenant,
            "v1",
            "Secret",
            account_secret_name(account),
            {"type": "Opaque"},
            namespace=namespace_name(tenant, account.namespace),
            notes={FILLED_BY: f"AccessKey/{identity_name(tenant, account)}"},
        )
        for account in _accounts_with_buckets(tenant)
    ]


def _federates(site: Site) -> bool:
    """Say whether workloads take roles with their own token: the store can trust an issuer, and the site has one."""
    return site.can("sts.webIdentity") and site.spec.issuer is not None


def _accounts_with_buckets(tenant: Tenant) -> list[ServiceAccount]:
    return [account for account in tenant.spec.service_accounts if account.buckets]


def _bucket(tenant: Tenant, site: Site, baseline: Baseline, bucket: BucketRequest) -> Manifest:
    name = bucket_name(tenant, bucket.name)
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
        "policy": _bucket_policy(name, bucket) if site.can("bucket.policy") else None,
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


def _bucket_policy(name: str, bucket: BucketRequest) -> dict[str, Any]:
    everything = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    statements: list[dict[str, Any]] = [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": {"AWS": ["*"]},
            "Action": ["s3:*"],
            "Resource": everything,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
    if bucket.publish:
        statements.append(
            {
                "Sid": "Published",
                "Effect": "Allow",
                "Principal": {"AWS": ["*"]},
                "Action": ["s3:GetObject"],
                "Resource": everything[1:],
            }
        )
    return {"Version": POLICY_VERSION, "Statement": statements}


def _role(tenant: Tenant, site: Site, account: ServiceAccount) -> Manifest:
    """Trust one service account of the site's cluster, by its token's issuer and subject, and no other."""
    issuer = (site.spec.issuer or "").removeprefix("https://").rstrip("/")
    subject = f"system:serviceaccount:{namespace_name(tenant, account.namespace)}:{account.name}"
    trust = {
        "Version": POLICY_VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": [f"arn:aws:iam:::oidc-provider/{issuer}"]},
                "Action": ["sts:AssumeRoleWithWebIdentity"],
                "Condition": {"StringEquals": {f"{issuer}:sub": subject}},
            }
        ],
    }
    spec = {"trust": trust, "policies": {"buckets": _account_policy(tenant, account)}, "maxSessionSeconds": 3600}
    return store_document(tenant, "Role", identity_name(tenant, account), spec)


def _user(tenant: Tenant, account: ServiceAccount) -> list[Manifest]:
    name = identity_name(tenant, account)
    policies = {"buckets": _account_policy(tenant, account)}
    return [
        store_document(tenant, "User", name, {"policies": policies, "tags": {}}),
        store_document(tenant, "AccessKey", name, {"user": name, "generation": 1}),
    ]


def _account_policy(tenant: Tenant, account: ServiceAccount) -> dict[str, Any]:
    """Give an account's rights, those that are alike in one statement: a store bounds a user's policy, to 2 KiB."""
    objects: dict[BucketAccess, list[str]] = {}
    listed: dict[str, list[str]] = {}
    for grant in account.buckets:
        bucket = f"arn:aws:s3:::{bucket_name(tenant, grant.bucket)}"
        objects.setdefault(grant.access, []).append(f"{bucket}/{grant.prefix}*")
        if grant.access is not BucketAccess.WRITE:
            listed.setdefault(grant.prefix, []).append(bucket)
    statements = [_allow(OBJECT_ACTIONS[access], resources) for access, resources in objects.items()]
    for prefix, buckets in listed.items():
        listing = _allow(["s3:ListBucket"], buckets)
        if prefix:
            listing["Condition"] = {"StringLike": {"s3:prefix": [f"{prefix}*"]}}
        statements.append(listing)
    return {"Version": POLICY_VERSION, "Statement": statements}


def _allow(actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}
