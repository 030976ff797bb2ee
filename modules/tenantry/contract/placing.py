"""Puts all tenants on sites together, so that none is over its capacity; says why there, and why not elsewhere.

The same requests and sites always give the same sites, in whatever order they are read. A tenant stays where it lives,
where that is known; next come those that name their site, then the others, each by id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tenantry.contract.demand import AMOUNTS, add_up, find_demand, write_amount
from tenantry.contract.documents import Documents
from tenantry.contract.model import Baseline, Department, Placement, Quota, Site, Tenant
from tenantry.contract.placement import Reason, rank, why_not
from tenantry.contract.rules.scope import Completed
from tenantry.problems import Problem


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a tenant was put, why there, and of each other site why not.

    `site` is None where none can hold it. `reasons` is what speaks against each site that was tried; `contested` says
    that one was refused for want of room alone, so that the others' places decide on this one's.
    """

    site: Site | None
    why: str
    others: Mapping[str, str]
    reasons: Mapping[str, tuple[Reason, ...]]
    named: bool
    contested: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A tenant to be placed, with its department and the baseline that it pins."""

    tenant: Tenant
    department: Department | None
    baseline: Baseline


def place_all(asked: Sequence[Asked], sites: Mapping[str, Site], lives: Mapping[str, str]) -> list[Placed]:
    """Place tenants, and give where each is, in their order; `lives` says at which site a tenant lives, by id."""
    taken: dict[str, Quota] = {name: add_up(()) for name in sites}
    placed: dict[int, Placed] = {}
    for number in sorted(range(len(asked)), key=lambda each: (*_turn(asked[each].tenant, sites, lives), each)):
        found = _place(asked[number], sites, lives, taken)
        placed[number] = found
        if found.site is not None:
            name = found.site.name
            taken[name] = add_up((taken[name], find_demand(asked[number].tenant)))
    return [_tell_others(one, sites, placed[number], taken) for number, one in enumerate(asked)]


def _turn(tenant: Tenant, sites: Mapping[str, Site], lives: Mapping[str, str]) -> tuple[int, str]:
    named = tenant.spec.placement.site
    home = lives.get(tenant.id)
    if home in sites and named in (None, home):
        return 0, tenant.id
    return (1 if named is not None else 2), tenant.id


def _place(asked: Asked, sites: Mapping[str, Site], lives: Mapping[str, str], taken: Mapping[str, Quota]) -> Placed:
    tenant = asked.tenant
    named, home = tenant.spec.placement.site, lives.get(tenant.id)
    tried, why = rank(tenant, sites, asked.department), ""
    if named is not None:
        tried, why = [sites[named]] if named in sites else [], "it names it"
    elif home is not None and home in sites:
        tried, why = [sites[home]], "it lives there"
    reasons: dict[str, tuple[Reason, ...]] = {}
    chosen = None
    for site in tried:
        against = (*why_not(tenant, site, asked.department, asked.baseline), *_no_room(tenant, site, taken[site.name]))
        if not against:
            chosen = site
            break
        reasons[site.name] = against
    fits = [not any(why_not(tenant, sites[name], asked.department, asked.baseline)) for name in reasons]
    return Placed(
        site=chosen,
        why=why or (_why(chosen, asked, len(reasons)) if chosen else ""),
        others={},
        reasons=reasons,
        named=named is not None,
        contested=named is None and any(fits),
    )


def _no_room(tenant: Tenant, site: Site, taken: Quota) -> list[Reason]:
    """Give what a site has too little left of; what it has too little of in all is `why_not`'s to say."""
    demand, capacity = find_demand(tenant), site.spec.capacity
    found = []
    for what in AMOUNTS:
        wanted, whole = getattr(demand, what), getattr(capacity, what)
        left = whole - getattr(taken, what)
        if left < wanted <= whole:
            amounts = [write_amount(what, amount) for amount in (max(0, left), whole, wanted)]
            why = "has {} {what} left of {}, and {} is asked for".format(*amounts, what=what)
            found.append(Reason("TEN-144", why, "lower the quota, or name another site", ("spec", "quota", what)))
    return found


def _why(site: Site, asked: Asked, refused: int) -> str:
    """Say why a site that nobody named was chosen."""
    placement, department = asked.tenant.spec.placement, asked.department
    region = placement.region or (department.spec.region if department else None)
    sector = placement.sector or (department.spec.sector if department else None)
    told: dict[str, list[str]] = {}
    for what, wanted, asks, has in (
        ("region", placement.region, region, site.spec.region),
        ("sector", placement.sector, sector, site.spec.sector),
    ):
        if asks == has:
            told.setdefault("the {} that it asks for" if wanted else "its department's {}", []).append(what)
    first = "the first that can hold it" if refused else "the first"
    return ", of ".join([first, *(whose.format(" and ".join(what)) for whose, what in told.items())])


def _tell_others(asked: Asked, sites: Mapping[str, Site], placed: Placed, taken: Mapping[str, Quota]) -> Placed:
    """Say of each site but the chosen one what spoke against it, or would, now that all are placed."""
    told = {}
    for site in rank(asked.tenant, sites, asked.department):
        if site is placed.site:
            continue
        against = placed.reasons.get(site.name) or (
            *why_not(asked.tenant, site, asked.department, asked.baseline),
            *_no_room(asked.tenant, site, taken[site.name]),
        )
        told[site.name] = ", ".join(reason.why for reason in against) or "could hold it, and comes after"
    return replace(placed, others=told)


def place_requests(
    completed: Sequence[Completed], documents: Documents, baselines: Mapping[str, Baseline], lives: Mapping[str, str]
) -> tuple[list[Completed], list[Problem], dict[str, Placed]]:
    """Put tenants on their sites: give them as they are placed, what stands against the others, and why, by id."""
    if not documents.sites:
        return list(completed), [], {}
    asked = [
        Asked(one.tenant, documents.departments.get(one.tenant.spec.department), baselines[one.tenant.spec.baseline])
        for one in completed
    ]
    placed = place_all(asked, documents.sites, lives)
    done, problems = [], []
    for one, found in zip(completed, placed, strict=True):
        if found.site is None:
            problems.extend(_refuse(one, found, documents, lives))
            done.append(one)
            continue
        spec = found.site.spec
        placement = Placement(site=found.site.name, region=spec.region, sector=spec.sector)
        tenant = replace(one.tenant, spec=replace(one.tenant.spec, placement=placement))
        done.append(replace(one, tenant=tenant))
    return done, problems, {one.tenant.id: found for one, found in zip(completed, placed, strict=True)}


def _refuse(one: Completed, found: Placed, documents: Documents, lives: Mapping[str, str]) -> list[Problem]:
    tenant = one.tenant
    if found.named:
        return [
            one.request.problem(reason.code, f"site {name} {reason.why}", reason.fix, reason.path)
            for name, against in found.reasons.items()
            for reason in against
        ]
    told = [f"{name} {', '.join(reason.why for reason in against)}" for name, against in found.reasons.items()]
    told += [
        f"the document of {name} has problems of its own, in {place}"
        for name, place in documents.broken_ones("Site").items()
    ]
    where = f"lives on {lives[tenant.id]}, which can't hold it any more" if tenant.id in lives else "fits no site"
    what = f"tenant {tenant.name} {where}: {'; '.join(told)}"
    fix = "change what stands in the way, or ask for a site that can"
    return [one.request.problem("TEN-145", what, fix, ("spec", "placement"))]
