"""The calls that are tried at the object stores."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import urllib3

from isolation.world import PRIVATE, PUBLISHED

Client = Any
_NEW = "x"
_BODY: dict[str, Any] = {"Body": b"x"}


class Call(NamedTuple):
    """One call: what it is called, the object that it is of (or empty), and what makes it."""

    action: str
    key: str
    make: Callable[[Client], object]


def list_object_calls(bucket: str, key: str, own: str) -> Iterator[Call]:
    """Give all that can be tried of one object; `own` is a bucket of who tries, to copy into."""
    at = {"Bucket": bucket, "Key": key}
    source = f"{bucket}/{key}"
    for action, method, more in (
        ("get", "get_object", {}),
        ("head", "head_object", {}),
        ("put", "put_object", _BODY),
        ("get tags", "get_object_tagging", {}),
        ("tag", "put_object_tagging", {"Tagging": {"TagSet": []}}),
        ("get a legal hold", "get_object_legal_hold", {}),
        ("hold", "put_object_legal_hold", {"LegalHold": {"Status": "OFF"}}),
        ("get retention", "get_object_retention", {}),
        ("start an upload", "create_multipart_upload", {}),
        ("upload a part", "upload_part", {"UploadId": _NEW, "PartNumber": 1, **_BODY}),
        ("list parts", "list_parts", {"UploadId": _NEW}),
        ("abort an upload", "abort_multipart_upload", {"UploadId": _NEW}),
        ("get an ACL", "get_object_acl", {}),
        ("delete", "delete_object", {}),
    ):
        yield Call(action, key, make_call(method, **at, **more))
    if own:
        yield Call("copy from", key, make_call("copy_object", Bucket=own, Key="copied", CopySource=source))
        yield Call("copy to", key, make_call("copy_object", Bucket=bucket, Key=key, CopySource=f"{own}/{PUBLISHED}"))
    below = key.partition("/")[0] + "/"
    yield Call("list below", key, make_call("list_objects_v2", Bucket=bucket, Prefix=below))
    yield Call("list versions below", key, make_call("list_object_versions", Bucket=bucket, Prefix=below))


def list_bucket_calls(bucket: str) -> Iterator[Call]:
    """Give all that can be tried of a bucket."""
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everyone]})
    at = {"Bucket": bucket}
    lock = {"ObjectLockEnabled": "Enabled"}
    owners = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    for action, method, more in (
        ("list all", "list_objects_v2", {}),
        ("list versions", "list_object_versions", {}),
        ("list uploads", "list_multipart_uploads", {}),
        ("head the bucket", "head_bucket", {}),
        ("get its policy", "get_bucket_policy", {}),
        ("change its policy", "put_bucket_policy", {"Policy": policy}),
        ("remove its policy", "delete_bucket_policy", {}),
        ("get versioning", "get_bucket_versioning", {}),
        ("suspend versions", "put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
        ("get the lock", "get_object_lock_configuration", {}),
        ("change the lock", "put_object_lock_configuration", {"ObjectLockConfiguration": lock}),
        ("get its ACL", "get_bucket_acl", {}),
        ("change its ACL", "put_bucket_acl", {"ACL": "public-read-write"}),
        ("get its tags", "get_bucket_tagging", {}),
        ("change its tags", "put_bucket_tagging", {"Tagging": {"TagSet": []}}),
        ("remove its tags", "delete_bucket_tagging", {}),
        ("change its owner's controls", "put_bucket_ownership_controls", {"OwnershipControls": owners}),
        ("change CORS", "put_bucket_cors", {"CORSConfiguration": cors}),
        ("put a new object", "put_object", {"Key": "new", **_BODY}),
        ("delete several", "delete_objects", {"Delete": {"Objects": [{"Key": PRIVATE}], "Quiet": False}}),
        ("make it anew", "create_bucket", {}),
        ("delete the bucket", "delete_bucket", {}),
    ):
        yield Call(action, "", make_call(method, **at, **more))


def list_identity_calls(user: str) -> Iterator[Call]:
    """Give all that can be tried of a workload's own identity, or of another's."""
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    everything = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    at = {"UserName": user}
    for action, method, more in (
        ("get the user", "get_user", {}),
        ("list its keys", "list_access_keys", {}),
        ("make it a key", "create_access_key", {}),
        ("list its policies", "list_user_policies", {}),
        ("get its policy", "get_user_policy", {"PolicyName": "buckets"}),
        ("change its policy", "put_user_policy", {"PolicyName": "buckets", "PolicyDocument": everything}),
        ("add a policy", "put_user_policy", {"PolicyName": "more", "PolicyDocument": everything}),
        ("delete its policy", "delete_user_policy", {"PolicyName": "buckets"}),
    ):
        yield Call(action, "", make_call(method, **at, **more))


def list_platform_calls() -> Iterator[Call]:
    """Give all that can be tried of the store's identities as a whole."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    for action, method, more in (
        ("list users", "list_users", {}),
        ("make a user", "create_user", {"UserName": "intruder"}),
        ("list roles", "list_roles", {}),
        ("make a role", "create_role", {"RoleName": "intruder", "AssumeRolePolicyDocument": trust}),
        ("list issuers", "list_open_id_connect_providers", {}),
    ):
        yield Call(action, "", make_call(method, **more))


def list_presigned(ca: str, bucket: str, key: str) -> Iterator[Call]:
    """Give what an address opens that was signed with a credential's keys."""

    def follow(client: Client, method: str, verb: str) -> int:
        url = client.generate_presigned_url(method, Params={"Bucket": bucket, "Key": key}, ExpiresIn=300)
        with urllib3.PoolManager(ca_certs=ca, retries=False, timeout=30) as pool:
            return int(pool.request(verb, url, body=b"x" if verb == "PUT" else None).status)

    yield Call("presigned get", key, lambda client: follow(client, "get_object", "GET"))
    yield Call("presigned put", key, lambda client: follow(client, "put_object", "PUT"))


def make_call(method: str, **arguments: object) -> Callable[[Client], object]:
    """Give what makes a call of a client's method."""
    return lambda client: getattr(client, method)(**arguments)
