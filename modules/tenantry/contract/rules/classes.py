"""Rules that hold a tenant, among the others, to what its class decides: where it may not reach, and how long it keeps.

What the class decides of a tenant alone is in `tenant`, where it may live in `tenantry.contract.placement`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from ipaddress import ip_network

from tenantry.contract.documents import Documents
from tenantry.contract.model import Baseline, ClassificationControls, Direction, Egress, Grant, Intent, Site
from tenantry.contract.rules.hosts import is_host_of
from tenantry.contract.rules.scope import Completed, Scope
from tenantry.problems import Problem


def judge_classes(scope: Scope, baselines: Mapping[str, Baseline]) -> Iterator[Problem]:
    """Hold each tenant to what its class decides, by the baseline that it pins (`baselines`, by version)."""
    for one in scope.completed:
        controls = baselines[one.tenant.spec.baseline].controls(one.tenant.spec.classification)
        if not controls.egress_other_sites:
            yield from _other_sites(one, scope)
        if controls.retention_adds_term:
            yield from _terms(one, controls, scope.documents.grants, scope.day)


def _other_sites(one: Completed, scope: Scope) -> Iterator[Problem]:
    """Find what reaches another site, by its addresses or by a host of a tenant there."""
    spec = one.tenant.spec
    here = scope.documents.sites.get(spec.placement.site or "")
    if here is None:
        return
    held = f"{spec.classification} data never goes to another site"
    named: tuple[tuple[str, Sequence[Egress | Intent]], ...] = (("intents", spec.intents), ("egress", spec.egress))
    for name, peers in named:
        for index, peer in enumerate(peers):
            if isinstance(peer, Intent) and peer.direction is Direction.FROM:
                continue
            if peer.cidr is not None and (found := _site_of(peer.cidr, here, scope.documents)) is not None:
                site, block = found
                what = f"{peer.cidr} reaches {block} of site {site}, and {held}"
                yield one.problem("TEN-168", what, "name the peer's addresses alone, or remove it", name, index, "cidr")
            there = _home_of(peer.host, scope.completed) if peer.host is not None else None
            if there not in (None, here.name):
                what = f"{peer.host} is a host of a tenant on site {there}, and {held}"
                yield one.problem("TEN-168", what, "place both on one site, or remove it", name, index, "host")


def _site_of(cidr: str, here: Site, documents: Documents) -> tuple[str, str] | None:
    """Give another site that a block reaches, with that block of it; what is this site's own too isn't another's."""
    asked, own = ip_network(cidr), _blocks(here)
    reached = (
        (name, block)
        for name, site in sorted(documents.sites.items())
        for block in _blocks(site)
        if name != here.name and block not in own and asked.overlaps(ip_network(block))
    )
    return next(reached, None)


def _blocks(site: Site) -> tuple[str, ...]:
    return (*site.spec.network.cluster_cidrs, *site.spec.network.object_store_cidrs)


def _home_of(host: str, completed: Sequence[Completed]) -> str | None:
    """Give the site of the tenant whose host it is, where that is known."""
    owners = (spec for spec in (one.tenant.spec for one in completed) if _owns(spec.ingress.hosts, host))
    return next((owner.placement.site for owner in owners), None)


def _owns(hosts: Sequence[str], host: str) -> bool:
    return any(is_host_of(own, host) for own in hosts)


def _terms(
    one: Completed, controls: ClassificationControls, grants: Mapping[str, Grant], day: date
) -> Iterator[Problem]:
    """Find buckets that keep less than the term of a grant to an outside party and the least retention after it."""
    for index, bucket in enumerate(one.tenant.spec.buckets):
        needed = [
            (_term(grant) + controls.min_retention_days, grant)
            for grant in grants.values()
            if _is_contract(grant, one.tenant.id, bucket.name)
            and day <= _last_day(grant) + timedelta(days=controls.min_retention_days)
        ]
        days, longest = max(needed, key=lambda each: (each[0], each[1].name), default=(0, None))
        if longest is not None and bucket.retention_days < days:
            held, least = one.tenant.spec.classification, controls.min_retention_days
            what = (
                f"bucket {bucket.name} keeps objects for {bucket.retention_days} days, and {longest.spec.consumer} has "
                f"it by grant {longest.name} for {_term(longest)} days, after which {held} data is kept for {least}"
            )
            yield one.problem("TEN-167", what, f"write {days} or more", "buckets", index, "retentionDays")


def _is_contract(grant: Grant, tenant: str, bucket: str) -> bool:
    spec = grant.spec
    opened = spec.dataset is not None and spec.provider == tenant and spec.dataset.bucket == bucket
    return opened and spec.consumer.party is not None


def _last_day(grant: Grant) -> date:
    return min(grant.spec.ends, grant.spec.withdrawn or grant.spec.ends)


def _term(grant: Grant) -> int:
    return max(0, (_last_day(grant) - grant.spec.starts).days)
