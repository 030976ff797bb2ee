"""Which of the tenants whose grace is over may be retired with nobody there, and what is in the way of the others.

`tenantry retire` asks a person; here, documents have to say all that the person would: the request, when the tenant
ends; a Retirement, what becomes of its data. What neither says isn't touched (docs/adr/0032).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tenantry.contract.model import today
from tenantry.fleet.applying.outcome import Action, Outcome
from tenantry.fleet.leases.stages import called, find_last_day
from tenantry.fleet.retirement.data import check_buckets, find_retention
from tenantry.fleet.retirement.ending import Ending, find_waits, pair
from tenantry.fleet.selection import Selection
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import LiveTenant
from tenantry.fleet.survey import Seen, Survey
from tenantry.objectstore.store import open_store
from tenantry.problems import Problem, TenantryError, UnreachableError, problem


@dataclass(frozen=True, slots=True)
class Weighed:
    """Tenants that may end now; and what becomes of the others, by id: denied, with what is in the way, or failed."""

    endings: tuple[Ending, ...]
    others: Mapping[str, Outcome]


def weigh(over: Sequence[Seen], selection: Selection, found: Survey) -> Weighed:
    """Say which tenants whose grace is over may be retired by their documents, and by what lives. Changes nothing."""
    problems = find_dependants(over, selection)
    failed: set[str] = set()
    endings = {seen.planned.tenant.id: pair(seen.planned, selection) for seen in over}
    for site in sorted({seen.planned.site.name for seen in over}):
        here = [seen for seen in over if seen.planned.site.name == site]
        client = KubeClient(found.connections[site])
        try:
            day = client.read_day()
            waits = find_waits([endings[seen.planned.tenant.id] for seen in here], selection.documents, client)
        except UnreachableError as error:
            failed |= {seen.planned.tenant.id for seen in here}
            problems |= {seen.planned.tenant.id: error.problems for seen in here}
            continue
        for seen in here:
            tenant = seen.planned.tenant.id
            live = found.live[site].tenant(tenant)
            try:
                told = (*_tell_clock(seen, day), *waits[tenant], *_tell_data(endings[tenant], live, client))
            except UnreachableError as error:
                failed.add(tenant)
                told = error.problems
            problems[tenant] = (*problems.get(tenant, ()), *told)
    others = {
        seen.planned.tenant.id: _leave(seen, problems[seen.planned.tenant.id], failed)
        for seen in over
        if problems[seen.planned.tenant.id]
    }
    return Weighed(tuple(one for tenant, one in endings.items() if tenant not in others), others)


def find_dependants(over: Sequence[Seen], selection: Selection) -> dict[str, tuple[Problem, ...]]:
    """Name, for each tenant, what others have with it that stay, as `tenantry retire` would.

    What two that end have with each other ends with both; where one of them has to stay, so has the other.
    """
    ids = [seen.planned.tenant.id for seen in over]
    waiting: dict[str, tuple[Problem, ...]] = {}
    while True:
        leaving = {tenant for tenant in ids if tenant not in waiting}
        open_ones = set(selection.dependants(leaving | selection.documents.ending.keys()))
        found = {tenant: tuple(sorted(open_ones.intersection(selection.dependants({tenant})))) for tenant in leaving}
        if not any(found.values()):
            return waiting
        waiting |= {tenant: told for tenant, told in found.items() if told}


def _leave(seen: Seen, problems: tuple[Problem, ...], failed: set[str]) -> Outcome:
    tenant = seen.planned.tenant
    if tenant.id in failed:
        return Outcome(seen.planned, Action.FAILED, 0.0, problems)
    lease = tenant.spec.lease
    assert lease is not None
    what = f"the lease of {called(seen)} ended on {lease.ends}, its grace is over, and what follows keeps it"
    fix = "settle that, or renew the lease by a later lease.ends with its reason"
    return Outcome(seen.planned, Action.DENIED, 0.0, (problem("TEN-553", what, fix), *problems))


def _tell_clock(seen: Seen, day: date) -> Iterator[Problem]:
    """Tell of a site by whose clock it is too early (TEN-555): one of two clocks is wrong, and nobody knows which."""
    lease, record = seen.planned.tenant.spec.lease, seen.record
    assert lease is not None
    last = find_last_day(lease, record.told if record else None, today())
    if day <= last:
        what = f"it is {today()} here and {day} at site {seen.planned.site.name}, and data of {called(seen)} stays"
        yield problem("TEN-555", f"{what} until {last}", "set the clock that is wrong")


def _tell_data(ending: Ending, live: LiveTenant, client: KubeClient) -> Iterator[Problem]:
    """Tell of data of which nobody said what becomes of it: in buckets, and in volumes (TEN-554)."""
    if ending.retirement is None:
        claims = [
            f"{claim['metadata']['namespace']}/{claim['metadata']['name']}"
            for found in live.objects.values()
            if found["kind"] == "Namespace"
            for claim in client.list_in("v1", "PersistentVolumeClaim", found["metadata"]["name"])
        ]
        if claims:
            more = f" and {len(claims) - 3} more" if len(claims) > 3 else ""
            what = f"site {client.site}: the volumes of {', '.join(claims[:3])}{more} may hold data"
            fix = f"delete the claims, or write a Retirement of {ending.tenant.id}"
            yield problem("TEN-554", f"{what}, and no retirement lets them go", fix, file=ending.at, line=ending.line)
    try:
        check_buckets(ending, open_store(client.site), find_retention(ending, live.record))
    except UnreachableError:
        raise
    except TenantryError as error:
        yield from error.problems
