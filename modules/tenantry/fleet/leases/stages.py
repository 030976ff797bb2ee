"""How far a lease is, in words, and what of that should have been done: pure, by what a survey saw."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from enum import StrEnum

from tenantry.contract.model import Lease, Tenant, today
from tenantry.fleet.site.record import Told
from tenantry.fleet.survey import Seen
from tenantry.problems import Problem, problem

WARNED_DAYS = (14, 7, 1)
"""So many days before its end a lease is told of."""


class Stage(StrEnum):
    """How far a lease is: how near its end, over, or over with its grace."""

    TWO_WEEKS = "14"
    WEEK = "7"
    DAY = "1"
    ENDED = "ended"
    OUT_OF_GRACE = "out of grace"


def find_stage(lease: Lease, told: Told | None, day: date) -> Stage | None:
    """Say how far a lease is on a day; nothing where its end is more than two weeks away."""
    if lease.is_over(day):
        return Stage.OUT_OF_GRACE if find_last_day(lease, told, day) < day else Stage.ENDED
    near = [days for days in WARNED_DAYS if (lease.ends - day).days <= days]
    return Stage(str(min(near))) if near else None


def find_last_day(lease: Lease, told: Told | None, day: date) -> date:
    """Give the last day on which nobody but a person may retire the tenant.

    That is the last day of its grace, as the request says it, and never less than its grace after its people were told
    that the lease is over: whatever date somebody writes, and however long nothing was synced, nobody is surprised.
    """
    if not lease.is_over(day):
        return lease.stays
    since = told.over_since if told is not None and told.ends == lease.ends else None
    return max(lease.stays, (since or day) + timedelta(days=lease.grace_days - 1))


def may_be_retired(seen: Seen) -> bool:
    """Say whether a tenant's grace is over, and its people were told so by an earlier run."""
    lease, record = seen.planned.tenant.spec.lease, seen.record
    if lease is None or record is None or record.told is None or record.told.over_since is None:
        return False
    return record.told.ends == lease.ends and find_stage(lease, record.told, today()) is Stage.OUT_OF_GRACE


def is_near(tenant: Tenant) -> bool:
    """Say whether a tenant has a lease of which something is to be told, or that is over."""
    return tenant.spec.lease is not None and find_stage(tenant.spec.lease, None, today()) is not None


def say_end(lease: Lease, day: date) -> str:
    """Say when a lease that isn't over ends."""
    days = (lease.ends - day).days
    return "ends today" if days == 0 else "ends tomorrow" if days == 1 else f"ends in {days} days, on {lease.ends}"


def tell_over(seen: Seen) -> Iterator[Problem]:
    """Tell of a lease after whose end new pods start (TEN-677), or whose data is there after its grace (TEN-678)."""
    lease = seen.planned.tenant.spec.lease
    if lease is None or seen.record is None or not lease.is_over(today()):
        return
    tenant = seen.planned.tenant.id
    if lease.stays < today():
        what = f"the lease of {called(seen)} ended on {lease.ends}, and its data was to stay until {lease.stays}"
        last = find_last_day(lease, seen.record.told, today())
        fix = f"run `tenantry sync {tenant}`, which retires it, or says what is in the way"
        if last >= today():
            fix = f"renew its lease; or retire it, as `tenantry sync` does after {last}: `tenantry retire {tenant}`"
        yield problem("TEN-678", what, fix)
    elif not seen.record.cordoned:
        what = f"the lease of {called(seen)} ended on {lease.ends}, and new pods still start"
        yield problem("TEN-677", what, f"run `tenantry sync {tenant}`")


def tell_ending(every: Iterable[Seen]) -> list[Problem]:
    """Tell of the leases that end within two weeks, and of those that have ended and whose data stays (TEN-676)."""
    return [found for seen in every for found in _tell_ending(seen)]


def _tell_ending(seen: Seen) -> Iterator[Problem]:
    lease, day = seen.planned.tenant.spec.lease, today()
    if lease is None or seen.record is None or lease.stays < day or (lease.ends - day).days > max(WARNED_DAYS):
        return
    renew = "renew it by a later lease.ends with its reason"
    if lease.is_over(day):
        what = f"the lease of {called(seen)} ended on {lease.ends}; its data stays until {lease.stays}"
        yield problem("TEN-676", what, f"{renew}, or retire it")
    else:
        what = f"the lease of {called(seen)} {say_end(lease, day)}; nothing new starts after that"
        yield problem("TEN-676", what, renew)


def called(seen: Seen) -> str:
    """Name a tenant and its site."""
    return f"{seen.planned.tenant.name} ({seen.planned.tenant.id}) at site {seen.planned.site.name}"
