"""What tenants use of their quotas, by what their sites count, and their departments of their ceilings.

Of storage, what volumes claim is used, and what buckets may hold is given away; what they hold is told apart, where it
is known.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tenantry.contract.demand import AMOUNTS, add_up, find_demand, write_amount
from tenantry.contract.model import BucketRequest, Bytes, Department, Millicores, Quota, Tenant
from tenantry.contract.quantity import parse_bytes, parse_cpu, round_bytes
from tenantry.fleet.selection import Selection
from tenantry.fleet.site.live import LiveTenant, Object
from tenantry.fleet.survey import Survey
from tenantry.problems import Problem, UnreachableError, problem
from tenantry.render.namespaces import TENANT_QUOTA
from tenantry.render.naming import bucket_name

WARNED_PERCENT = 90
"""From more than so much of a quota on, it is told of."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a tenant uses of its quota, as its site counts it; the quota is the one that is in force there."""

    tenant: str
    name: str
    department: str
    used: Quota
    quota: Quota


@dataclass(frozen=True, slots=True)
class DepartmentUse:
    """What the tenants of a department use together, what was given to them, and the department's ceiling.

    `given` are the quotas of its requests; of storage, with those of their buckets.
    """

    department: str
    used: Quota
    given: Quota
    ceiling: Quota


@dataclass(frozen=True, slots=True)
class BucketUse:
    """What a bucket of a tenant holds, in bytes and in versions of objects; None where its store doesn't tell."""

    tenant: str
    name: str
    site: str
    bucket: str
    bytes: int | None
    versions: int | None
    quota: int

    @property
    def nearly_full(self) -> bool:
        """Whether it is known to hold more than 90 % of what it may."""
        return self.bytes is not None and self.bytes * 100 > self.quota * WARNED_PERCENT


def find_bucket_uses(found: Survey, *, count: bool) -> tuple[list[BucketUse], list[Problem]]:
    """Give what each applied bucket holds, and the problems of the stores that fail; see `read_held` for `count`."""
    from tenantry.objectstore.contents.usage import read_held

    by_site: dict[str, list[tuple[Tenant, BucketRequest]]] = defaultdict(list)
    for seen in found.seen:
        if seen.record is not None:
            tenant = seen.planned.tenant
            by_site[seen.planned.site.name] += [(tenant, bucket) for bucket in tenant.spec.buckets]
    uses: list[BucketUse] = []
    problems: list[Problem] = []
    for site, asked in by_site.items():
        try:
            held = read_held(site, [bucket_name(tenant.id, bucket.name) for tenant, bucket in asked], count=count)
        except UnreachableError as error:
            problems += error.problems
            continue
        for tenant, bucket in asked:
            name = bucket_name(tenant.id, bucket.name)
            if name in held:
                one = held[name]
                size, versions = (one.bytes, one.versions) if one is not None else (None, None)
                uses.append(BucketUse(tenant.id, tenant.name, site, name, size, versions, bucket.quota))
    return uses, problems


def tell_nearly_full_buckets(uses: Iterable[BucketUse]) -> list[Problem]:
    """Tell of each bucket that holds more than 90 % of what it may (TEN-568): soon it takes nothing more."""
    told = []
    for use in uses:
        if use.bytes is not None and use.nearly_full:
            amounts = f"{round_bytes(use.bytes)} of {round_bytes(use.quota)}"
            what = f"bucket {use.bucket} of {use.name} ({use.tenant}) holds {amounts}"
            told.append(problem("TEN-568", what, "raise its quota in the request, or remove what isn't needed"))
    return told


def find_uses(found: Survey) -> list[Use]:
    """Give what each tenant uses, from what was read of its site anyway; a tenant that isn't there uses nothing."""
    uses = []
    for seen in found.seen:
        tenant = seen.planned.tenant
        site = found.live.get(seen.planned.site.name)
        counted = list(_counted(site.tenant(tenant.id))) if site is not None and seen.error is None else []
        if counted:
            used, hard = (add_up(each) for each in zip(*counted, strict=True))
            uses.append(Use(tenant.id, tenant.name, tenant.spec.department, used, hard))
    return uses


def add_departments(uses: Sequence[Use], selection: Selection) -> list[DepartmentUse]:
    """Add up what departments' tenants use and were given, of the tenants that were selected."""
    used: dict[str, list[Quota]] = defaultdict(list)
    given: dict[str, list[Quota]] = defaultdict(list)
    for use in uses:
        used[use.department].append(use.used)
    for one in selection.planned:
        given[one.tenant.spec.department].append(find_demand(one.tenant))
    departments: Mapping[str, Department] = selection.documents.departments
    return [
        DepartmentUse(name, add_up(used[name]), add_up(given[name]), departments[name].spec.ceiling)
        for name in sorted(given)
        if name in departments
    ]


def tell_nearly_full(uses: Iterable[Use]) -> list[Problem]:
    """Tell of each quota of which more than 90 % is used (TEN-567): soon nothing new starts there."""
    told = []
    for use in uses:
        amounts = [
            f"{write_amount(what, getattr(use.used, what))} of {write_amount(what, getattr(use.quota, what))} {what}"
            for what in AMOUNTS
            if is_nearly_full(use.used, use.quota, what)
        ]
        if amounts:
            what = f"{use.name} ({use.tenant}) uses {', '.join(amounts)}"
            told.append(problem("TEN-567", what, "raise its quota in the request, or use less"))
    return told


def is_nearly_full(used: Quota, quota: Quota, what: str) -> bool:
    """Say whether more than 90 % of an amount is used; of nothing, nothing is."""
    return bool(getattr(used, what) * 100 > getattr(quota, what) * WARNED_PERCENT and getattr(quota, what) > 0)


def _counted(live: LiveTenant) -> Iterator[tuple[Quota, Quota]]:
    """Give what is used and what may be, of each namespace whose quota was counted."""
    for found in live.objects.values():
        if found["kind"] == "ResourceQuota" and found["metadata"]["name"] == TENANT_QUOTA:
            status = found.get("status") or {}
            if "used" in status and "hard" in status:
                yield _quota(status["used"]), _quota(status["hard"])


def _quota(amounts: Object) -> Quota:
    return Quota(
        cpu=Millicores(parse_cpu(amounts.get("requests.cpu", "0"))),
        memory=Bytes(parse_bytes(amounts.get("requests.memory", "0"))),
        storage=Bytes(parse_bytes(amounts.get("requests.storage", "0"))),
        pods=parse_bytes(amounts.get("pods", "0")),
    )
