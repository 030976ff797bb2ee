"""Ends tenants: everything that they are made of is deleted, and what must be kept is refused before anything is."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from tenantry.components.register import GONE_SECONDS
from tenantry.connection import Connection, read_connection
from tenantry.fleet.attempts import Attempts
from tenantry.fleet.buckets import deleting
from tenantry.fleet.engine.locks import with_stale_lock_cleared
from tenantry.fleet.engine.session import Session, open_session, tenant_lock
from tenantry.fleet.outcome import Action, Outcome, Report
from tenantry.fleet.selection import Planned
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import LiveTenant, is_ours, read_site
from tenantry.fleet.site.record import Keys, Record, record_manifest
from tenantry.problems import UnreachableError, problem
from tenantry.toolchain import Progress


def retire_tenants(
    planned: Sequence[Planned], building: Progress, report: Report, *, jobs: int, buckets: Sequence[str] = ()
) -> list[Outcome]:
    """Delete tenants with everything that they are made of, `jobs` of them at a time; `report` hears of each.

    `buckets` may be deleted although they hold objects. Nothing at all is deleted of a tenant with a bucket that holds
    objects and isn't named, or that retention keeps.
    Raises UnreachableError where no tenant could be tried; what happens to one is in its outcome.
    """
    connections = {one.site.name: read_connection(one.site.name) for one in planned}
    outcomes: list[Outcome] = []
    attempts = Attempts()
    with open_session(connections, building) as session, ThreadPoolExecutor(jobs) as workers:
        for future in as_completed([workers.submit(_retire, session, attempts, one, buckets) for one in planned]):
            outcomes.append(future.result())
            report(outcomes[-1])
    return outcomes


def _retire(session: Session, attempts: Attempts, one: Planned, buckets: Sequence[str]) -> Outcome:
    stack, site = one.tenant.id, one.site.name

    def work() -> Action:
        with tenant_lock(stack), deleting(site, one.rendered.retention, buckets):
            with_stale_lock_cleared(session.engine, stack, lambda: session.engine.destroy(stack, remove=True))
            _sweep(one, session.connections[site])
        return Action.RETIRED

    return attempts.attempt(one, work)


def _sweep(one: Planned, connection: Connection) -> None:
    """Delete what a killed apply left outside Pulumi's state, wait until all is gone, then remove the record."""
    client = KubeClient(connection)

    @retry(retry=retry_if_result(bool), stop=stop_after_delay(GONE_SECONDS), wait=wait_fixed(0.5))
    def left() -> list[str]:
        live: LiveTenant = read_site(client, [one.tenant.id]).tenant(one.tenant.id)
        for found in live.objects.values():
            if is_ours(found) and "deletionTimestamp" not in found["metadata"]:
                client.delete(found)
        return sorted(live.objects)

    try:
        left()
    except RetryError as error:
        names = ", ".join(error.last_attempt.result()[:5])
        what = f"site {one.site.name} still holds {names} after {GONE_SECONDS} s"
        raise UnreachableError(problem("TEN-507", what, "see what keeps it (finalizers), then run again")) from None
    client.delete(record_manifest(Record(one.tenant.id, "", "", "", {}, {}, {}, Keys(), cordoned=False)))
