"""Specs that the tests ask for: all that a store can do, and a policy that every store takes."""

from typing import Any


def tls_only(bucket: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{bucket}"
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return {"Version": "2012-10-17", "Statement": [{**deny, "Condition": insecure}]}


def access(bucket: str, *actions: str) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Action": list(actions), "Resource": [f"arn:aws:s3:::{bucket}/*"]}
    return {"Version": "2012-10-17", "Statement": [allow]}


def full_bucket(kind: str, name: str) -> dict[str, Any]:
    """Ask for everything that the kind of store has, but for a lock, which would outlive the test."""
    spec: dict[str, Any] = {
        "versions": True,
        "policy": tls_only(name),
        "tags": {"cost-centre": "4711", "tenantry.dev/department": "health"},
        "cors": [{"AllowedMethods": ["GET", "HEAD"], "AllowedOrigins": ["https://a.example"], "MaxAgeSeconds": 60}],
        "quota": 10 * 2**30,
    }
    if kind == "versitygw":
        return spec | {"ownership": "BucketOwnerEnforced"}
    old = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}}
    rule = {**old, "NoncurrentVersionExpiration": {"NoncurrentDays": 90}}
    return spec | {"lifecycle": [rule], "publicAccessBlock": True}
