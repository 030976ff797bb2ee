"""What a store can do, found out by doing it once on scratch objects, and kept beside the site's connection."""

import json
import secrets
import threading
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from tenantry.connection import Connection, ObjectStoreConnection
from tenantry.files import write_atomic
from tenantry.objectstore.kinds.bucket_parts import PARTS
from tenantry.objectstore.kinds.documents import compact
from tenantry.objectstore.kinds.identity import absent_as_none
from tenantry.objectstore.spec import CAPABILITIES, Json
from tenantry.objectstore.store import Store, error_code
from tenantry.paths import connections_dir
from tenantry.problems import UnreachableError, problem

SCRATCH: Final = "tenantry-probe-"
STAND_IN_ISSUER: Final = "https://127.0.0.1:1/tenantry-probe"
"""What web identity is tried with as long as nothing names an issuer: stores that want a public one refuse it."""
_UNREACHED: Final = "retrieve verification key"
"""What AWS and versitygw say of a token whose issuer they can't reach, or don't want to."""

_AUDIENCE: Final = "tenantry-probe"
_LOCK: Final = {"mode": "GOVERNANCE", "days": 1}
_TRIALS: Final[dict[str, Any]] = {
    "tags": {"tenantry.dev/probe": "a"},
    "versions": True,
    "lock": _LOCK,
    "ownership": "BucketOwnerEnforced",
    "publicAccessBlock": True,
    "encryption": {"algorithm": "AES256"},
    "lifecycle": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3650}}],
    "cors": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.org"]}],
    "quota": 2**30,
}
"""A value to try each part with; policy and logging name the bucket itself."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of tokens that a store is asked to trust, with https://, and its certificates' SHA-1 if known."""

    url: str
    thumbprints: tuple[str, ...] = ("0" * 40,)

    def __str__(self) -> str:
        """Give the word by which a record knows it; with other certificates it is worth another try."""
        return " ".join([self.url, *self.thumbprints])


@dataclass(frozen=True, slots=True)
class Record:
    """What was found, when, and of which server; `refused` are issuers that the store was tried with in vain."""

    site: str
    endpoint: str
    server: str
    probed_at: str
    capabilities: frozenset[str]
    refused: frozenset[str] = frozenset()

    def decides(self, issuer: Issuer | None) -> bool:
        """Say whether nothing more has to be tried: web identity is there, or was tried with this issuer."""
        return issuer is None or "sts.webIdentity" in self.capabilities or str(issuer) in self.refused


def probe(store: Store) -> frozenset[str]:
    """Find out what a store can do by doing it on scratch objects, which are removed again.

    Raises UnreachableError where the store can't be reached, or lets its administrator make no bucket (TEN-401,
    TEN-402).
    """
    found: set[str] = set()
    with _scratch_bucket(store, lock=False) as name:
        for part in PARTS:
            if part.key != "lock" and _works(partial(_try_part, store, name, part)):
                found.add(part.capability)
        lock = next(part for part in PARTS if part.key == "lock")
        if _works(lambda: lock.write(store, name, _LOCK)):
            found.add("bucket.objectLockLater")
    with store.doing("probe what else it can do"):
        if _works(lambda: _try_lock(store)):
            found.add("bucket.objectLock")
        if _works(lambda: _try_user(store)):
            found.add("iam.users")
        if _works(lambda: _try_web_identity(store, Issuer(f"{STAND_IN_ISSUER}-{secrets.token_hex(6)}"))):
            found.add("sts.webIdentity")
    return frozenset(found) & frozenset(CAPABILITIES)


def _works(trial: Callable[[], object]) -> bool:
    """Run a trial: an answer of the store's decides, but silence does not."""
    from botocore.exceptions import ClientError

    try:
        trial()
    except ClientError as error:
        if error_code(error) in ("InternalError", "ServiceUnavailable", "SlowDown", "503", "500"):
            raise
        return False
    return True


@contextmanager
def _scratch_bucket(store: Store, *, lock: bool) -> Iterator[str]:
    name = SCRATCH + secrets.token_hex(6)
    with store.doing(f"probe with bucket {name}"):
        wanted: Any = {"ObjectLockEnabledForBucket": True} if lock else {}
        store.s3.create_bucket(Bucket=name, **wanted)
        try:
            yield name
        finally:
            store.s3.delete_bucket(Bucket=name)


def _try_part(store: Store, name: str, part: Json) -> None:
    arn = f"arn:aws:s3:::{name}"
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"], "Condition": insecure}
    own = {
        "policy": {"Version": "2012-10-17", "Statement": [deny]},
        "logging": {"bucket": name, "prefix": "log/"},
    }
    part.write(store, name, own.get(part.key) or _TRIALS[part.key])
    if not part.read(store, name):
        raise UnreachableError(problem("TEN-411", f"the store forgets {part.key}", "report it to the store's maker"))


def _try_lock(store: Store) -> None:
    lock = next(part for part in PARTS if part.key == "lock")
    with _scratch_bucket(store, lock=True) as name:
        lock.write(store, name, _LOCK)
        lock.read(store, name)


def _try_user(store: Store) -> None:
    name = SCRATCH + secrets.token_hex(6)
    store.iam.create_user(UserName=name, Path="/tenantry/")
    with ExitStack() as undo:
        undo.callback(store.iam.delete_user, UserName=name)
        key = store.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        undo.callback(store.iam.delete_access_key, UserName=name, AccessKeyId=key)
        store.iam.tag_user(UserName=name, Tags=[{"Key": "tenantry.dev/probe", "Value": key}])


def _try_web_identity(store: Store, issuer: Issuer) -> None:
    """Have an issuer trusted, and a role that takes its tokens; then see whether the store finds the issuer's keys."""
    known = issuer.url.removeprefix("https://")
    with ExitStack() as undo:
        # RGW has no list, not even an empty one, before its first provider.
        listed = (absent_as_none(store.iam.list_open_id_connect_providers) or {}).get("OpenIDConnectProviderList", [])
        arn = next((p["Arn"] for p in listed if p["Arn"].partition("oidc-provider/")[2] == known), None)
        if arn is None:
            made = store.iam.create_open_id_connect_provider(
                Url=issuer.url, ClientIDList=[_AUDIENCE], ThumbprintList=list(issuer.thumbprints)
            )
            arn = made["OpenIDConnectProviderArn"]
            undo.callback(store.iam.delete_open_id_connect_provider, OpenIDConnectProviderArn=arn)
            audience = _AUDIENCE
        else:
            audience = store.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"][0]
        condition = {"StringEquals": {f"{known}:sub": "nobody"}}
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": [arn]},
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": condition,
        }
        name = SCRATCH + secrets.token_hex(6)
        document = compact({"Version": "2012-10-17", "Statement": [trust]})
        role = store.iam.create_role(RoleName=name, Path="/tenantry/", AssumeRolePolicyDocument=document)["Role"]
        undo.callback(store.iam.delete_role, RoleName=name)
        if not issuer.url.startswith(STAND_IN_ISSUER):
            _show_token(store, role["Arn"], _unsigned_token(issuer.url, audience))


def _show_token(store: Store, role: str, token: str) -> None:
    """Show a store a token that it can't but refuse; raise its answer where it didn't come as far as the signature."""
    from botocore.exceptions import ClientError

    try:
        store.anonymous_sts().assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="tenantry-probe", WebIdentityToken=token
        )
    except ClientError as error:
        if _UNREACHED in str(error):
            raise


def _unsigned_token(issuer: str, audience: str) -> str:
    """Make a token of an issuer's that nobody signed. Source: RFC 7519."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": issuer, "sub": "nobody", "aud": audience, "iat": now, "nbf": now, "exp": now + 60}
    parts = [{"alg": "RS256", "kid": "tenantry-probe", "typ": "JWT"}, claims]
    encoded = [urlsafe_b64encode(json.dumps(part).encode()) for part in parts] + [urlsafe_b64encode(b"unsigned")]
    return b".".join(part.rstrip(b"=") for part in encoded).decode()


def record_file(site: str) -> Path:
    """Say where a site's record is: beside its connection."""
    return connections_dir() / f"{site}.capabilities.json"


def read_record(site: str) -> Record | None:
    """Read what was found of a site's store, None where it hasn't been probed or the record can't be used."""
    try:
        raw = json.loads(record_file(site).read_text(encoding="utf-8"))
        capabilities = frozenset(str(name) for name in raw["capabilities"])
        refused = frozenset(str(issuer) for issuer in raw["refusedIssuers"])
        return Record(raw["site"], raw["endpoint"], raw["server"], raw["probedAt"], capabilities, refused)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def recorded(site: str) -> frozenset[str] | None:
    """Say what a site's store can do as recorded, None where it hasn't been probed."""
    record = read_record(site)
    return record.capabilities if record else None


_Key = tuple[str, ObjectStoreConnection]
_seen: dict[_Key, Record] = {}
_probing: defaultdict[_Key, threading.Lock] = defaultdict(threading.Lock)
"""One lock a store: a site that is slow to answer holds up no other."""


def ensure_recorded(site: Connection | Store, issuer: Issuer | None = None) -> frozenset[str]:
    """Say what a site's store can do; probe and record it where that was never done, or another server answers now.

    A store that trusts no issuer in general is tried once with each `issuer` that something is asked of. Once a process
    has asked, it isn't asked again for the same connection. Raises UnreachableError where a probe is needed and fails.
    """
    store = site if isinstance(site, Store) else Store(site.site, site.object_store)
    key = (store.site, store.settings)
    with _probing[key]:
        record = _seen.get(key) or _current(store)
        if issuer and not record.decides(issuer):
            record = _tried(store, record, issuer)
        _seen[key] = record
        return record.capabilities


def _current(store: Store) -> Record:
    record, server = read_record(store.site), _server(store)
    if record and record.server == server:
        return record
    return _write(Record(store.site, store.settings.endpoint, server, "", probe(store)))


def _tried(store: Store, record: Record, issuer: Issuer) -> Record:
    with store.doing(f"probe web identity with issuer {issuer.url}"):
        works = _works(lambda: _try_web_identity(store, issuer))
    if works:
        return _write(replace(record, capabilities=record.capabilities | {"sts.webIdentity"}))
    return _write(replace(record, refused=record.refused | {str(issuer)}))


def _write(record: Record) -> Record:
    written = replace(record, probed_at=datetime.now(UTC).isoformat(timespec="seconds"))
    raw = {
        "site": written.site,
        "endpoint": written.endpoint,
        "server": written.server,
        "probedAt": written.probed_at,
        "capabilities": sorted(written.capabilities),
        "refusedIssuers": sorted(written.refused),
    }
    write_atomic(record_file(written.site), json.dumps(raw, indent=2).encode() + b"\n")
    return written


def _server(store: Store) -> str:
    """Ask a store for the name by which it answers."""
    from botocore.exceptions import ClientError

    with store.doing("say which server it is"):
        try:
            answer: Any = store.s3.head_bucket(Bucket=f"{SCRATCH}none")
        except ClientError as error:
            answer = error.response
    return str(answer["ResponseMetadata"]["HTTPHeaders"].get("server", "unnamed"))
