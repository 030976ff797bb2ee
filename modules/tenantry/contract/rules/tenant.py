"""Rules of one tenant."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_network

from tenantry.contract.addresses import is_inside
from tenantry.contract.model import (
    Baseline,
    BucketGrant,
    BucketRequest,
    ClassificationControls,
    Direction,
    Egress,
    Intent,
)
from tenantry.contract.protection import list_settings
from tenantry.contract.reading.document import Path
from tenantry.contract.rules.catalogue import judge_entry
from tenantry.contract.rules.scope import Completed
from tenantry.problems import Problem

_IPV4_AS_IPV6 = ip_network("::ffff:0:0/96")


def judge_tenant(completed: Completed, baseline: Baseline) -> Iterator[Problem]:
    """Hold one completed tenant to the rules that need no other document."""
    controls = baseline.controls(completed.tenant.spec.classification)
    yield from _names(completed)
    yield from _references(completed)
    yield from _lease(completed)
    yield from _outside(completed, controls)
    yield from _denied_addresses(completed, baseline)
    yield from _sources(completed)
    yield from _limits(completed)
    yield from _weakening(completed, controls)
    for index, bucket in enumerate(completed.tenant.spec.buckets):
        yield from _bucket(completed, index, bucket, controls)
        yield from judge_entry(completed, index, bucket)


def _names(completed: Completed) -> Iterator[Problem]:
    spec = completed.tenant.spec
    groups: tuple[tuple[str, Iterable[str]], ...] = (
        ("namespaces", (namespace.name for namespace in spec.namespaces)),
        ("buckets", (bucket.name for bucket in spec.buckets)),
        ("serviceAccounts", (f"{account.namespace}/{account.name}" for account in spec.service_accounts)),
    )
    for name, values in groups:
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value in seen:
                what = f"{value} is already one of the tenant's {name}"
                yield completed.problem("TEN-147", what, "give it another name, or remove one", name, index, "name")
            seen.add(value)


def _references(completed: Completed) -> Iterator[Problem]:
    spec = completed.tenant.spec
    namespaces = [namespace.name for namespace in spec.namespaces]
    for index, account in enumerate(spec.service_accounts):
        if account.namespace not in namespaces:
            what = (
                f"service account {account.name} is in {account.namespace}, which isn't one of the tenant's namespaces"
            )
            fix = f"choose one of {', '.join(namespaces)}"
            yield completed.problem("TEN-136", what, fix, "serviceAccounts", index, "namespace")
        path: Path = ("serviceAccounts", index, "buckets")
        yield from _uses(completed, f"service account {account.name}", account.buckets, path)
    if spec.ci is not None:
        yield from _uses(completed, "the pipeline", spec.ci.buckets, ("ci", "buckets"))


def _uses(completed: Completed, who: str, used: Sequence[BucketGrant], path: Path) -> Iterator[Problem]:
    buckets = [bucket.name for bucket in completed.tenant.spec.buckets]
    for at, grant in enumerate(used):
        if grant.bucket not in buckets:
            what = f"{who} may use {grant.bucket}, which isn't one of the tenant's buckets"
            fix = f"choose one of {', '.join(buckets)}" if buckets else "add the bucket to buckets"
            yield completed.problem("TEN-137", what, fix, *path, at, "bucket")


def _lease(completed: Completed) -> Iterator[Problem]:
    lease = completed.tenant.spec.lease
    if lease is not None and lease.ends <= lease.starts:
        what = f"the lease ends on {lease.ends}, not after it starts on {lease.starts}"
        yield completed.problem("TEN-138", what, "correct one of the two", "lease", "ends")


def _outside(completed: Completed, controls: ClassificationControls) -> Iterator[Problem]:
    spec = completed.tenant.spec
    if not controls.route_from_outside and spec.ingress.hosts:
        what = f"a {spec.classification} tenant has no route from outside, and ingress.hosts asks for one"
        yield completed.problem(
            "TEN-152", what, "remove ingress.hosts, or serve from a tenant of another class", "ingress", "hosts"
        )


def _denied_addresses(completed: Completed, baseline: Baseline) -> Iterator[Problem]:
    denied = [ip_network(cidr) for cidr in baseline.spec.denied_egress]
    spec = completed.tenant.spec
    named: tuple[tuple[str, Sequence[Egress | Intent]], ...] = (("intents", spec.intents), ("egress", spec.egress))
    for name, peers in named:
        for index, peer in enumerate(peers):
            if peer.cidr is None:
                continue
            asked = ip_network(peer.cidr)
            if is_inside(asked, _IPV4_AS_IPV6):
                what = f"{peer.cidr} is IPv4 addresses in the form of IPv6, which firewalls read differently"
                yield completed.problem("TEN-149", what, "write them as IPv4", name, index, "cidr")
                continue
            block = next((one for one in denied if is_inside(asked, one)), None)
            if block is not None:
                what = f"{peer.cidr} lies in {block}, which no tenant may reach"
                yield completed.problem("TEN-149", what, "remove it", name, index, "cidr")
            elif asked.prefixlen == 0 and isinstance(peer, Intent):
                what = f"{peer.cidr} is every address there is, and an intent names a peer"
                yield completed.problem("TEN-149", what, "give the peer's addresses", name, index, "cidr")


def _sources(completed: Completed) -> Iterator[Problem]:
    """Refuse a host as the side that opens a connection: behind the gateway, it can't be told from everybody else."""
    for index, intent in enumerate(completed.tenant.spec.intents):
        if intent.host is not None and intent.direction is Direction.FROM:
            what = f"an intent from {intent.host} names a host, which can't be known as a source"
            yield completed.problem(
                "TEN-155", what, "name the peer's tenant, or its addresses", "intents", index, "host"
            )


def _limits(completed: Completed) -> Iterator[Problem]:
    """Refuse a default request above the default limit, which Kubernetes doesn't take."""
    limits = completed.tenant.spec.limits
    for what, request, limit in (
        ("Cpu", limits.default_request_cpu, limits.default_cpu),
        ("Memory", limits.default_request_memory, limits.default_memory),
    ):
        if request > limit:
            said = f"limits.defaultRequest{what} is above limits.default{what}"
            yield completed.problem(
                "TEN-156", said, "lower the one, or raise the other", "limits", f"defaultRequest{what}"
            )


def _bucket(
    completed: Completed, index: int, bucket: BucketRequest, controls: ClassificationControls
) -> Iterator[Problem]:
    classification = completed.tenant.spec.classification
    at = ("buckets", index)
    if bucket.retention_days < controls.min_retention_days:
        least = controls.min_retention_days
        kept = f"bucket {bucket.name} keeps objects for {bucket.retention_days} days"
        what = f"{kept}, and {classification} data needs {least}"
        yield completed.problem("TEN-140", what, f"write {least} or more, or leave it out", *at, "retentionDays")
    elif bucket.lock and bucket.retention_days == 0:
        what = f"bucket {bucket.name} locks objects and has no retention to lock them for"
        yield completed.problem("TEN-140", what, "give retentionDays, or switch lock off", *at, "retentionDays")
    if controls.versions and not bucket.versions:
        what = f"bucket {bucket.name} keeps no versions, and {classification} data needs them"
        yield completed.problem("TEN-141", what, "remove versions: false", *at, "versions")
    elif bucket.lock and not bucket.versions:
        what = f"bucket {bucket.name} locks objects, which needs versions"
        yield completed.problem("TEN-141", what, "remove versions: false, or switch lock off", *at, "versions")
    if controls.lock and not bucket.lock:
        what = f"bucket {bucket.name} locks no objects, and {classification} data needs it"
        yield completed.problem("TEN-142", what, "remove lock: false", *at, "lock")
    if bucket.publish and not controls.publish:
        what = f"bucket {bucket.name} is to be published, and {classification} data may not be"
        yield completed.problem("TEN-143", what, "remove publish, or classify the tenant as open", *at, "publish")


def _weakening(completed: Completed, controls: ClassificationControls) -> Iterator[Problem]:
    """Refuse a weakening that says other than the request: what was agreed to isn't what would be done."""
    tenant = completed.tenant
    asked = list_settings(tenant, controls.encryption)
    for index, change in enumerate(tenant.spec.weakening.changes if tenant.spec.weakening else ()):
        name, _, value = change.partition("=")
        if name == "region" and name not in asked:
            continue
        if asked.get(name) != value:
            said = f"asks for {name}={asked[name]}" if name in asked else f"has no {name.rpartition('.')[0]}"
            what = f"the weakening is of {change}, and the request {said}"
            yield completed.problem(
                "TEN-169", what, "remove it, or correct the one or the other", "weakening", "changes", index
            )
