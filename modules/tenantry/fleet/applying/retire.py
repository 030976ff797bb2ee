"""Ends tenants, several at once: what stands in the way is told before anything is changed."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from tenantry.connection import read_connection
from tenantry.fleet.applying.attempts import Attempts
from tenantry.fleet.applying.outcome import Action, Outcome, Report
from tenantry.fleet.engine.session import Session, open_session, tenant_lock
from tenantry.fleet.retirement.certificate import write_certificate
from tenantry.fleet.retirement.ending import Ending, find_waits, make_endings
from tenantry.fleet.retirement.steps import Steps
from tenantry.fleet.selection import Selection
from tenantry.fleet.site.kube import KubeClient
from tenantry.problems import Problem, TenantryError
from tenantry.toolchain import Progress


def retire_tenants(
    selection: Selection, building: Progress, report: Report, *, jobs: int, certificates: Path
) -> list[Outcome]:
    """End tenants, `jobs` of them at a time; `report` hears of each. Each one's certificate goes to a folder.

    Nothing at all is deleted of a tenant that others depend on, or with a bucket whose data has nowhere to go or is
    kept by retention or a lock. Raises InputError with all that depends on tenants by their documents, UnreachableError
    where no tenant could be tried; what happens to one is in its outcome.
    """
    return retire_endings(make_endings(selection), selection, building, report, jobs=jobs, certificates=certificates)


def retire_endings(
    endings: Sequence[Ending],
    selection: Selection,
    building: Progress,
    report: Report,
    *,
    jobs: int,
    certificates: Path,
) -> list[Outcome]:
    """Do as `retire_tenants` does, with tenants on whom no document depends."""
    connections = {one.planned.site.name: read_connection(one.planned.site.name) for one in endings}
    waits = {site: _find_waits(endings, selection, site) for site in connections}
    outcomes: list[Outcome] = []
    attempts = Attempts()
    with open_session(connections, building) as session, ThreadPoolExecutor(jobs) as workers:

        def retire(one: Ending) -> Outcome:
            return _retire(session, attempts, one, waits[one.planned.site.name], certificates)

        try:
            for future in as_completed([workers.submit(retire, one) for one in endings]):
                outcomes.append(future.result())
                report(outcomes[-1])
        except KeyboardInterrupt:
            # Those under way end as they are; the others aren't begun.
            workers.shutdown(wait=False, cancel_futures=True)
            raise
    return outcomes


def _find_waits(endings: Sequence[Ending], selection: Selection, site: str) -> Mapping[str, tuple[Problem, ...]]:
    """Find what others have open with the tenants of a site, by tenant; a site that can't be asked fails them all."""
    here = [one for one in endings if one.planned.site.name == site]
    try:
        return find_waits(here, selection.documents, KubeClient(read_connection(site)))
    except TenantryError as error:
        return {one.tenant.id: error.problems for one in here}


def _retire(
    session: Session,
    attempts: Attempts,
    one: Ending,
    waits: Mapping[str, tuple[Problem, ...]],
    certificates: Path,
) -> Outcome:
    written: list[Path] = []

    def work() -> Action:
        if waits[one.tenant.id]:
            raise TenantryError(waits[one.tenant.id])
        with tenant_lock(one.tenant.id):
            written.append(write_certificate(Steps(one, session).run(), certificates))
        return Action.RETIRED

    outcome = attempts.attempt(one.planned, work)
    return replace(outcome, certificate=written[0]) if written else outcome
