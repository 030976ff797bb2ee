"""The parts of a bucket that S3 sets one by one: how each is read, written, and taken away."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenantry.objectstore.kinds.bucket_quota import QuotaAdministration, whole_kib
from tenantry.objectstore.kinds.documents import compact, meaning, parsed, rules_meaning
from tenantry.objectstore.spec import DEFAULTS, TENANT_LABEL, Json
from tenantry.objectstore.store import Store, error_code

Read = Callable[[Any, str], Any]
Write = Callable[[Any, str, Any], object]

NOT_SET: Final = frozenset(
    {
        "NoSuchTagSet",
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "NoSuchCORSConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "OwnershipControlsNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
"""How S3 says that a part has never been set."""

BLOCKS: Final = ("IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
"""S3's settings against the public. The fourth, BlockPublicAcls, stays as the store has it: where public lists are
ignored it adds nothing, and RGW 16 refuses every upload under it."""


def _s3(store: Store) -> Json:
    return store.s3


@dataclass(frozen=True, slots=True)
class Part:
    """One key of a bucket's spec: what the store must be able to do for it, and the calls."""

    key: str
    capability: str
    _read: Read
    _write: Write
    _client: Callable[[Store], Any] = _s3

    def read(self, store: Store, name: str) -> Json:
        """Read the part of a bucket."""
        return self._read(self._client(store), name)

    def write(self, store: Store, name: str, value: Json) -> None:
        """Bring the part of a bucket to a value."""
        self._write(self._client(store), name, value)


def tag_map(tags: list[Mapping[str, str]]) -> dict[str, str]:
    """Read S3's and IAM's list of tags."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write S3's and IAM's list of tags."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _read_tags(s3: Json, name: str) -> dict[str, str]:
    return tag_map(s3.get_bucket_tagging(Bucket=name)["TagSet"])


def _write_tags(s3: Json, name: str, tags: Mapping[str, str]) -> None:
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})


def _read_versions(s3: Json, name: str) -> bool:
    return bool(s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled")


def _write_versions(s3: Json, name: str, on: bool) -> None:
    status = {"Status": "Enabled" if on else "Suspended"}
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=status)


def _read_lock(s3: Json, name: str) -> dict[str, Any] | None:
    found = s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    rule = found.get("Rule", {}).get("DefaultRetention")
    if not rule:
        return None
    return {"mode": rule["Mode"], "days": rule["Days"] if "Days" in rule else rule["Years"] * 365}


def _write_lock(s3: Json, name: str, lock: Mapping[str, Any] | None) -> None:
    wanted: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if lock:
        wanted["Rule"] = {"DefaultRetention": {"Mode": lock["mode"], "Days": lock["days"]}}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=wanted)


def _read_lifecycle(s3: Json, name: str) -> list[Any]:
    return list(s3.get_bucket_lifecycle_configuration(Bucket=name).get("Rules", []))


def _write_lifecycle(s3: Json, name: str, rules: list[Any]) -> None:
    if rules:
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    else:
        s3.delete_bucket_lifecycle(Bucket=name)


def _read_policy(s3: Json, name: str) -> Json:
    return parsed(s3.get_bucket_policy(Bucket=name)["Policy"])


def _write_policy(s3: Json, name: str, policy: Mapping[str, Any] | None) -> None:
    if policy is None:
        s3.delete_bucket_policy(Bucket=name)
    else:
        s3.put_bucket_policy(Bucket=name, Policy=compact(policy))


def _read_cors(s3: Json, name: str) -> list[Any]:
    return list(s3.get_bucket_cors(Bucket=name).get("CORSRules", []))


def _write_cors(s3: Json, name: str, rules: list[Any]) -> None:
    if rules:
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    else:
        s3.delete_bucket_cors(Bucket=name)


def _read_block(s3: Json, name: str) -> bool:
    found = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    return all(found.get(setting) for setting in BLOCKS)


def _write_block(s3: Json, name: str, on: bool) -> None:
    from botocore.exceptions import ClientError

    if not on:
        s3.delete_public_access_block(Bucket=name)
        return
    try:
        held = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error_code(error) not in NOT_SET:
            raise
        held = {}
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=held | dict.fromkeys(BLOCKS, True))


def _read_ownership(s3: Json, name: str) -> str | None:
    rules = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"].get("Rules", [])
    return rules[0]["ObjectOwnership"] if rules else None


def _write_ownership(s3: Json, name: str, ownership: str | None) -> None:
    if ownership:
        rules = {"Rules": [{"ObjectOwnership": ownership}]}
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=rules)


def _read_encryption(s3: Json, name: str) -> dict[str, Any] | None:
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"].get("Rules", [])
    if not rules:
        return None
    found = rules[0]["ApplyServerSideEncryptionByDefault"]
    key = found.get("KMSMasterKeyID")
    return {"algorithm": found["SSEAlgorithm"], **({"keyId": key} if key else {})}


def _write_encryption(s3: Json, name: str, encryption: Mapping[str, Any] | None) -> None:
    if not encryption:
        return
    rule = {"SSEAlgorithm": encryption["algorithm"]}
    if encryption.get("keyId"):
        rule["KMSMasterKeyID"] = encryption["keyId"]
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=rules)


def _read_logging(s3: Json, name: str) -> dict[str, str] | None:
    found = s3.get_bucket_logging(Bucket=name).get("LoggingEnabled")
    return {"bucket": found["TargetBucket"], "prefix": found["TargetPrefix"]} if found else None


def _write_logging(s3: Json, name: str, logging: Mapping[str, str] | None) -> None:
    status: dict[str, Any] = {}
    if logging:
        status["LoggingEnabled"] = {"TargetBucket": logging["bucket"], "TargetPrefix": logging["prefix"]}
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus=status)


PARTS: Final[tuple[Part, ...]] = (
    Part("tags", "bucket.tags", _read_tags, _write_tags),
    Part("versions", "bucket.versions", _read_versions, _write_versions),
    Part("lock", "bucket.objectLock", _read_lock, _write_lock),
    Part("ownership", "bucket.ownership", _read_ownership, _write_ownership),
    Part("publicAccessBlock", "bucket.publicAccessBlock", _read_block, _write_block),
    Part("encryption", "bucket.encryption", _read_encryption, _write_encryption),
    Part("lifecycle", "bucket.lifecycle", _read_lifecycle, _write_lifecycle),
    Part("cors", "bucket.cors", _read_cors, _write_cors),
    Part("policy", "bucket.policy", _read_policy, _write_policy),
    Part("logging", "bucket.logging", _read_logging, _write_logging),
    Part("quota", "bucket.quota", QuotaAdministration.read, QuotaAdministration.write, QuotaAdministration),
)
"""In the order of writing: the owner's mark first, so that what is half done can be told; access last."""

UNMANAGED: Final = frozenset({"ownership", "encryption", "publicAccessBlock"})
"""Parts whose empty value leaves the store's own setting alone."""


def same(key: str, one: Json, other: Json) -> bool:
    """Say whether a bucket's part that is as `one` needs no call to be as `other`."""
    if key in UNMANAGED and not other:
        return True
    match key:
        case "policy":
            return meaning(one) == meaning(other)
        case "cors" | "lifecycle":
            return rules_meaning(one or []) == rules_meaning(other or [])
        case "encryption" if one and other:
            return (one["algorithm"], one.get("keyId")) == (other["algorithm"], other.get("keyId"))
        case "tags":
            one, other = _own(one), _own(other)
        case "quota" if one and other:
            one, other = whole_kib(one), whole_kib(other)
    return bool(one == other)


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key != TENANT_LABEL}


def observe(store: Store, name: str, part: Part) -> Json:
    """Read one part, its default where it was never set. Raises UnreachableError."""
    from botocore.exceptions import ClientError

    with store.doing(f"read {part.key} of bucket {name}"):
        try:
            return part.read(store, name)
        except ClientError as error:
            if error_code(error) in NOT_SET:
                return DEFAULTS["Bucket"][part.key]
            raise


def read_owner(store: Store, name: str) -> str:
    """Give the tenant that a bucket is marked as being of; empty where there is no mark. Raises UnreachableError."""
    return str(observe(store, name, PARTS[0]).get(TENANT_LABEL, ""))
