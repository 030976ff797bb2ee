"""What a rendered object-store document says, which is also what the provider takes as a resource's inputs.

A document is `apiVersion: tenantry.dev/v1`, a `kind` below, `metadata` and the kind's `spec`. A Pulumi resource of type
`objectstore:index:<kind>` has four inputs made from it, and no others:

    site    the name of a site's connection; the endpoint and the keys are looked up there, never put into state
    tenant  `metadata.labels["tenantry.dev/tenant"]`; "" for what belongs to a whole site
    name    `metadata.name`: the bucket's, user's or role's name; of an AccessKey and an OidcProvider any unique name
    spec    the document's `spec`, unchanged

A key of a spec that is left out has the value in `DEFAULTS`; `null` means that the store's own setting is left alone.
Policies, trusts, lifecycle and CORS rules are S3's and IAM's own documents, in the casing of their JSON.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NotRequired, TypedDict

Json = Any
"""Any value of JSON."""

PolicyDocument = Mapping[str, Any]
"""An IAM policy document: `{"Version": "2012-10-17", "Statement": [...]}`."""

TENANT_LABEL: Final = "tenantry.dev/tenant"
"""The label of a document that names its tenant, and the tag by which a store's objects name theirs."""


class LockSpec(TypedDict):
    """Object lock's default retention: each new version can't be deleted for `days`.

    COMPLIANCE binds everyone; GOVERNANCE gives way to who may bypass it. Source: S3 ObjectLockConfiguration.
    """

    mode: Literal["COMPLIANCE", "GOVERNANCE"]
    days: int


class EncryptionSpec(TypedDict):
    """How the store encrypts new objects at rest. Source: S3 ServerSideEncryptionByDefault."""

    algorithm: Literal["AES256", "aws:kms"]
    keyId: NotRequired[str | None]


class LoggingSpec(TypedDict):
    """The bucket that gets the access log, and the prefix of its objects there. Source: S3 LoggingEnabled."""

    bucket: str
    prefix: str


class BucketSpec(TypedDict):
    """`kind: Bucket`. The store's tags are `tags` and the tenant's own, no others."""

    versions: NotRequired[bool]
    """Keep every version of an object. Once on, a store can only suspend it. A lock needs it."""
    lock: NotRequired[LockSpec | None]
    """Default object lock. Where the store lacks `bucket.objectLockLater`, adding one replaces the bucket."""
    lifecycle: NotRequired[list[Mapping[str, Any]]]
    """S3 LifecycleConfiguration rules: `ID`, `Status`, `Filter`, `Expiration`, ..."""
    policy: NotRequired[PolicyDocument | None]
    """The bucket's policy; null removes it."""
    tags: NotRequired[Mapping[str, str]]
    cors: NotRequired[list[Mapping[str, Any]]]
    """S3 CORSRules: `AllowedMethods`, `AllowedOrigins`, ..."""
    publicAccessBlock: NotRequired[bool]
    """Refuse policies that open the bucket to everyone, and ignore such ACLs. False: not managed.

    Of S3's four settings, BlockPublicAcls alone is left as the store has it.
    """
    ownership: NotRequired[Literal["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"] | None]
    encryption: NotRequired[EncryptionSpec | None]
    logging: NotRequired[LoggingSpec | None]
    quota: NotRequired[int | None]
    """The most that the bucket's objects may take together, in bytes; enforced where the store has `bucket.quota`."""
    retentionDays: NotRequired[int]
    """Days for which each object version must be kept: until then the bucket can't be deleted, even if asked for."""


class UserSpec(TypedDict):
    """`kind: User`: an IAM user with its inline policies by name, for stores that can't federate."""

    policies: NotRequired[Mapping[str, PolicyDocument]]
    tags: NotRequired[Mapping[str, str]]


class AccessKeySpec(TypedDict):
    """`kind: AccessKey`: one key of a user. A higher generation is a new key, made before the old one is deleted.

    Outputs: `accessKeyId`, and `secretAccessKey`, which is a secret.
    """

    user: str
    generation: NotRequired[int]


class RoleSpec(TypedDict):
    """`kind: Role`: an IAM role, who may take it (`trust`), and its inline policies by name."""

    trust: PolicyDocument
    policies: NotRequired[Mapping[str, PolicyDocument]]
    maxSessionSeconds: NotRequired[int]
    """How long its sessions may last, 3600 to 43200 seconds. A change replaces the role: few stores have UpdateRole."""


class OidcProviderSpec(TypedDict):
    """`kind: OidcProvider`: an issuer of tokens that the store trusts. A site has one an issuer, so tenant is ""."""

    url: str
    """The issuer, with `https://`."""
    clientIds: list[str]
    """The audiences that tokens may be for."""
    thumbprints: list[str]
    """SHA-1 in hexadecimal of the certificates that the store is to expect."""


DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Bucket": {
        "versions": False,
        "lock": None,
        "lifecycle": [],
        "policy": None,
        "tags": {},
        "cors": [],
        "publicAccessBlock": False,
        "ownership": None,
        "encryption": None,
        "logging": None,
        "quota": None,
        "retentionDays": 0,
    },
    "User": {"policies": {}, "tags": {}},
    "AccessKey": {"generation": 1},
    "Role": {"policies": {}, "maxSessionSeconds": 3600},
    "OidcProvider": {},
}

REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    "Bucket": frozenset(),
    "User": frozenset(),
    "AccessKey": frozenset({"user"}),
    "Role": frozenset({"trust"}),
    "OidcProvider": frozenset({"url", "clientIds", "thumbprints"}),
}

KINDS: Final = frozenset(DEFAULTS)

CAPABILITIES: Final[tuple[str, ...]] = (
    "bucket.versions",
    "bucket.objectLock",
    "bucket.objectLockLater",
    "bucket.lifecycle",
    "bucket.policy",
    "bucket.tags",
    "bucket.cors",
    "bucket.ownership",
    "bucket.publicAccessBlock",
    "bucket.encryption",
    "bucket.logging",
    "bucket.quota",
    "iam.users",
    "sts.webIdentity",
)
"""Everything that a store may or may not be able to do, in the words that a site's document uses too.

`bucket.objectLockLater`: a bucket that was made without a lock can be given one.
"""

_BUCKET_NEEDS: Final[Mapping[str, str]] = {
    "versions": "bucket.versions",
    "lock": "bucket.objectLock",
    "lifecycle": "bucket.lifecycle",
    "policy": "bucket.policy",
    "tags": "bucket.tags",
    "cors": "bucket.cors",
    "publicAccessBlock": "bucket.publicAccessBlock",
    "ownership": "bucket.ownership",
    "encryption": "bucket.encryption",
    "logging": "bucket.logging",
}
# A quota isn't among them: where a store has none, the figure is still the tenant's, for whoever measures its usage.


def complete(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what a spec leaves out."""
    return {**DEFAULTS[kind], **spec}


def needed_capabilities(kind: str, spec: Mapping[str, Any]) -> dict[str, str]:
    """Say what a store must be able to do for a spec: from each capability to the property that asks for it."""
    match kind:
        case "Bucket":
            return {need: f"spec.{key}" for key, need in _BUCKET_NEEDS.items() if spec.get(key)}
        case "User":
            return {"iam.users": "name"}
        case "AccessKey":
            return {"iam.users": "spec.user"}
        case "Role" | "OidcProvider":
            return {"sts.webIdentity": "name"}
    raise ValueError(kind)
