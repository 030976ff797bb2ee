"""Policies in the language of IAM. Source: AWS IAM JSON policy reference, version 2012-10-17."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tenantry.contract.model import BucketAccess

_READ = ["s3:GetObject", "s3:GetObjectVersion"]
_WRITE = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
_OBJECT_ACTIONS = {
    BucketAccess.READ: _READ,
    BucketAccess.WRITE: _WRITE,
    BucketAccess.READ_WRITE: [*_READ, *_WRITE, "s3:DeleteObject"],
}


class Data(NamedTuple):
    """Objects of a bucket, by its name in the store, below a prefix, and what may be done with them."""

    bucket: str
    prefix: str
    access: BucketAccess


def write_policy(statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Make a policy of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def write_trust(issuer: str, subject: str, audience: str) -> dict[str, Any]:
    """Make a role's trust: it is taken with a token of this issuer, subject and audience, and with nothing else."""
    known = issuer.removeprefix("https://").rstrip("/")
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": [f"arn:aws:iam:::oidc-provider/{known}"]},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {"StringEquals": {f"{known}:sub": subject, f"{known}:aud": audience}},
    }
    return write_policy([statement])


def write_bucket_policy(bucket: str, *, publish: bool) -> dict[str, Any]:
    """Make a bucket's own policy: nothing without TLS, and with `publish` everybody reads single objects."""
    everything, everybody = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], {"AWS": ["*"]}
    tls = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": everybody,
        "Action": ["s3:*"],
        "Resource": everything,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    published = {
        "Sid": "Published",
        "Effect": "Allow",
        "Principal": everybody,
        "Action": ["s3:GetObject"],
        "Resource": everything[1:],
    }
    return write_policy([tls, published] if publish else [tls])


def write_data_policy(every: Iterable[Data]) -> dict[str, Any]:
    """Allow what may be done with data, what is alike in one statement: a store bounds a user's policy, to 2 KiB."""
    objects: dict[BucketAccess, list[str]] = {}
    listed: dict[str, list[str]] = {}
    for data in every:
        bucket = f"arn:aws:s3:::{data.bucket}"
        objects.setdefault(data.access, []).append(f"{bucket}/{data.prefix}*")
        if data.access is not BucketAccess.WRITE:
            listed.setdefault(data.prefix, []).append(bucket)
    statements = [_allow(_OBJECT_ACTIONS[access], resources) for access, resources in objects.items()]
    for prefix, buckets in listed.items():
        listing = _allow(["s3:ListBucket"], buckets)
        if prefix:
            listing["Condition"] = {"StringLike": {"s3:prefix": [f"{prefix}*"]}}
        statements.append(listing)
    return write_policy(statements)


def _allow(actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
