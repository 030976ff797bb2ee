"""What is tried at the object stores: every call on others' buckets and objects, and on identities."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from isolation.identities import ACCOUNT, PARTY, WORKLOAD, Identity, open_store
from isolation.matrix import PLATFORM, Attempt, Surface, Told
from isolation.store_calls import (
    Call,
    Client,
    list_bucket_calls,
    list_identity_calls,
    list_object_calls,
    list_platform_calls,
    list_presigned,
    make_call,
)
from isolation.world import GRANTED, LICENSED, PRIVATE, PROVIDER, PUBLISHED, World
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.site.servers import ISSUER_BUCKET

_WORKERS = 4
_REFUSALS = {403, 401}
_READS = ("get", "head", "presigned get", "copy from")
"""What whoever may read an object may do with it."""
_Aimed = tuple[str, Call]
"""A target, and a call."""


def try_stores(world: World, identities: list[Identity], told: Told) -> list[Attempt]:
    """Try everything at both sites' stores, with the keys of each workload and of an outside party, and with none.

    People and pipelines have no keys of a store's.
    """
    pairs = [(one, site) for one in identities if one.keys or not one.tenant for site in world.sandbox.sites]
    made: list[Attempt] = []
    with ThreadPoolExecutor(_WORKERS) as workers:
        for found in workers.map(lambda pair: list(_try_one(world, *pair)), pairs):
            made += found
            told(len(found))
    return made


def _try_one(world: World, identity: Identity, site: str) -> Iterator[Attempt]:
    for service, aimed in (("s3", _aim_at_buckets), ("iam", _aim_at_identities)):
        if service == "iam" and not identity.keys:
            continue
        client = open_store(world, identity, site, service)
        for target, call in aimed(world, identity, site):
            opened, answer = _ask(call, client)
            action = f"{call.action} {call.key}".strip()
            why = _find_why(world, identity, site, target, call)
            yield Attempt(Surface.STORE, identity.name, target, f"{action} at {site}", why, opened, answer)


def _is_here(world: World, identity: Identity, site: str) -> bool:
    """Say whether a credential's keys are of this site's store."""
    home = PROVIDER if identity.role == PARTY else identity.tenant
    return bool(home) and world.site_of(home) == site


def _aim_at_buckets(world: World, identity: Identity, site: str) -> Iterator[_Aimed]:
    own = world.bucket_of(identity.tenant) if identity.tenant and _is_here(world, identity, site) else ""
    if own:
        yield identity.tenant, Call("get", PRIVATE, make_call("get_object", Bucket=own, Key=PRIVATE))
    for name in world.requests:
        if world.site_of(name) != site or name == identity.tenant:
            continue
        bucket = world.bucket_of(name)
        for key in (PUBLISHED, PRIVATE):
            calls = [*list_object_calls(bucket, key, own)]
            if identity.keys:
                calls += list_presigned(str(Layout(world.sandbox.state).ca), bucket, key)
            yield from ((name, call) for call in calls)
        yield from ((name, call) for call in list_bucket_calls(bucket))
    yield from ((PLATFORM, call) for call in list_bucket_calls(ISSUER_BUCKET))


def _aim_at_identities(world: World, _: Identity, site: str) -> Iterator[_Aimed]:
    for name in world.requests:
        if world.site_of(name) == site:
            yield from ((name, call) for call in list_identity_calls(f"{world.id_of(name)}.main.{ACCOUNT}"))
    yield from ((PLATFORM, call) for call in list_platform_calls())


def _find_why(world: World, identity: Identity, site: str, target: str, call: Call) -> str:
    """Say what lets a call be; empty where nothing does. A key of another store's opens less than none."""
    if not call.key or (identity.keys and not _is_here(world, identity, site)):
        return ""
    if target == identity.tenant:
        return f"the request's {WORKLOAD}"
    if call.action in _READS and world.is_published(target):
        return "published: anyone may read"
    grant = {
        ("portal", "register", PUBLISHED): GRANTED,
        (PARTY, PROVIDER, PUBLISHED): LICENSED,
    }.get((identity.tenant or identity.role, target, call.key))
    return f"grant {grant}" if grant and call.action in (*_READS, "list below") else ""


def _ask(call: Call, client: Client) -> tuple[bool, str]:
    """Make a call, and say whether it was let in: any answer but a refusal means so."""
    try:
        said = call.make(client)
    except ClientError as error:
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return status not in _REFUSALS, f"{status} {error.response['Error']['Code']}"
    if isinstance(said, int):
        return said not in _REFUSALS, str(said)
    if isinstance(said, dict) and said.get("Errors"):
        return False, str(said["Errors"][0]["Code"])
    return True, "200"
