"""What speaks against a site for one tenant: class, region, sector, capabilities, size; and in which order sites come.

Which one it gets, among the others, `tenantry.contract.placing` says.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from tenantry.contract.addresses import is_inside
from tenantry.contract.demand import AMOUNTS, find_demand
from tenantry.contract.model import (
    Baseline,
    ContinuousIntegration,
    Department,
    Egress,
    Encryption,
    Intent,
    Location,
    Pipelines,
    Site,
    Tenant,
)
from tenantry.contract.reading.document import Path


class Reason(NamedTuple):
    """Why a site can't hold a tenant: what follows the site's name in a sentence, and what of the request it is."""

    code: str
    why: str
    fix: str
    path: Path


def rank(tenant: Tenant, sites: Mapping[str, Site], department: Department | None) -> list[Site]:
    """Give all sites in the order in which a tenant is tried on them: of its region first, then its sector, by name.

    What the request doesn't name is its department's.
    """
    placement = tenant.spec.placement
    region = placement.region or (department.spec.region if department else None)
    sector = placement.sector or (department.spec.sector if department else None)
    return sorted(sites.values(), key=lambda site: (site.spec.region != region, site.spec.sector != sector, site.name))


def why_not(tenant: Tenant, site: Site, department: Department | None, baseline: Baseline) -> Iterator[Reason]:
    """Give every reason why a site can't hold a tenant. Without a department its region isn't looked at."""
    yield from _where(tenant, site, department, baseline)
    yield from _store(tenant, site, baseline)
    yield from _pipeline(tenant, site)
    yield from _network(tenant, site)
    yield from _room(tenant, site)


_PLACEMENT: Path = ("spec", "placement")
_OTHER_SITE = "name another site, or none and let one be chosen"


def _where(tenant: Tenant, site: Site, department: Department | None, baseline: Baseline) -> Iterator[Reason]:
    spec, offered = tenant.spec, site.spec
    controls = baseline.controls(spec.classification)
    for what, asked, has in (
        ("region", spec.placement.region, offered.region),
        ("sector", spec.placement.sector, offered.sector),
    ):
        if asked is not None and asked != has:
            yield Reason("TEN-144", f"is of {what} {has}, not {asked}", f"ask for a {what} that has a site", _PLACEMENT)
    if spec.classification not in offered.classifications:
        yield Reason("TEN-144", f"may not hold {spec.classification} data", _OTHER_SITE, _PLACEMENT)
    if controls.on_premises and offered.location is not Location.ON_PREMISES:
        why = f"isn't on premises, which {spec.classification} data needs"
        yield Reason("TEN-144", why, _OTHER_SITE, _PLACEMENT)
    if controls.in_region and department is not None and department.spec.region != offered.region:
        why = f"isn't in {department.spec.region}, the department's region, which {spec.classification} data needs"
        yield Reason("TEN-144", why, _OTHER_SITE, _PLACEMENT)
    if controls.own_node_pool and spec.classification not in offered.node_pools:
        why = f"has no node pool for {spec.classification} tenants"
        yield Reason("TEN-144", why, "name another site, or have a pool added to the site's nodePools", _PLACEMENT)


def _store(tenant: Tenant, site: Site, baseline: Baseline) -> Iterator[Reason]:
    spec = tenant.spec
    wanted = baseline.controls(spec.classification).encryption
    encrypted = site.can("bucket.encryption") or site.can("store.diskEncryption")
    own_key = site.can("bucket.encryption") or (site.can("store.diskEncryption") and site.can("store.ownKey"))
    if wanted is not Encryption.STORE_DEFAULT and not encrypted:
        yield _lacks("bucket.encryption or store.diskEncryption", f"{spec.classification} data", _PLACEMENT)
    elif wanted is Encryption.OWN_KEY and not own_key:
        yield _lacks("bucket.encryption or store.ownKey", f"{spec.classification} data", _PLACEMENT)
    for index, bucket in enumerate(spec.buckets):
        path: Path = ("spec", "buckets", index)
        needs = {"bucket.policy": True, "bucket.versions": bucket.versions, "bucket.objectLock": bucket.lock}
        for capability, needed in needs.items():
            if needed and not site.can(capability):
                yield _lacks(capability, f"bucket {bucket.name}", path)
    if not (site.can("iam.users") or site.federates):
        for index, account in enumerate(spec.service_accounts):
            if account.buckets:
                path = ("spec", "serviceAccounts", index)
                yield _lacks("iam.users, or sts.webIdentity and an issuer", f"service account {account.name}", path)


def _pipeline(tenant: Tenant, site: Site) -> Iterator[Reason]:
    known, ci = {one.issuer: one for one in site.spec.pipelines}, tenant.spec.ci
    if ci is None:
        return
    if ci.issuer not in known:
        fix = f"name one of {', '.join(known)}, or have it added to the site's pipelines" if known else "leave ci out"
        yield Reason("TEN-144", f"knows no pipelines of {ci.issuer}", fix, ("spec", "ci", "issuer"))
    elif ci.buckets:
        yield from _pipeline_data(ci, known[ci.issuer], site)


def _pipeline_data(ci: ContinuousIntegration, pipelines: Pipelines, site: Site) -> Iterator[Reason]:
    """A store knows a pipeline by its token's subject alone, and no key is stored for any."""
    path: Path = ("spec", "ci", "buckets")
    if not site.federates:
        why = "has a store that takes no tokens (sts.webIdentity and an issuer), which a pipeline's buckets need"
        yield Reason("TEN-180", why, "let a service account use them, and leave ci.buckets out", path)
        return
    bound = {"repository": ci.repository, "branch": ci.branch, "environment": ci.environment}
    untold = [name for name, value in bound.items() if value and f"{{{name}}}" not in pipelines.subject_form]
    if untold:
        why = f"isn't told the pipeline's {' and '.join(untold)} by the subject of its tokens, {pipelines.subject_form}"
        fix = "have the CI system write it, and the Site document say so in pipelines.subject; or leave ci.buckets out"
        yield Reason("TEN-181", why, fix, path)


def _lacks(capability: str, who: str, path: Path) -> Reason:
    return Reason("TEN-144", f"lacks {capability}, which {who} needs", _OTHER_SITE, path)


def _network(tenant: Tenant, site: Site) -> Iterator[Reason]:
    own = [ip_network(cidr) for cidr in site.spec.network.cluster_cidrs]
    named: tuple[tuple[str, Sequence[Egress | Intent]], ...] = (
        ("egress", tenant.spec.egress),
        ("intents", tenant.spec.intents),
    )
    for name, peers in named:
        for index, peer in enumerate(peers):
            if peer.host is not None and not _filters_names(site):
                why = f"can't filter egress by name (network.fqdn), which {name} to {peer.host} needs"
                yield Reason("TEN-146", why, "give its addresses as cidr", ("spec", name, index, "host"))
            block = next((one for one in own if peer.cidr and is_inside(ip_network(peer.cidr), one)), None)
            if block is not None:
                # Such addresses are pods', of any tenant, today of one and tomorrow of another.
                why = f"has {block} for its own nodes, pods and services, and {peer.cidr} lies in it"
                yield Reason("TEN-149", why, "name the peer's tenant", ("spec", name, index, "cidr"))


def _filters_names(site: Site) -> bool:
    """Say whether a site filters by name; Cilium's policies know the namespaces of its services by name alone."""
    network = site.spec.network
    return site.can("network.fqdn") and bool(network.dns.namespace and network.ingress.namespace)


def _room(tenant: Tenant, site: Site) -> Iterator[Reason]:
    demand = find_demand(tenant)
    for what in AMOUNTS:
        if getattr(demand, what) > getattr(site.spec.capacity, what):
            asks = f"quota.{what}" + (" and its buckets" if what == "storage" and tenant.spec.buckets else "")
            verb = "ask" if asks.endswith("buckets") else "asks"
            why = f"has less {what} in all than {asks} {verb} for"
            yield Reason("TEN-144", why, "lower the quota, or name a larger site", ("spec", "quota", what))
