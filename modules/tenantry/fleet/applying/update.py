"""Updates tenants by Pulumi's engine, several at once, and records each. Importing it imports Pulumi."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace

from tenantry.connection import Connection
from tenantry.fleet.applying.attempts import Attempts
from tenantry.fleet.applying.buckets import deleting
from tenantry.fleet.applying.outcome import Action, Outcome, Report
from tenantry.fleet.engine.locks import with_stale_lock_cleared
from tenantry.fleet.engine.program import tenant_program
from tenantry.fleet.engine.session import Session, open_session, tenant_lock
from tenantry.fleet.judging.verdicts import say_retired
from tenantry.fleet.retirement.memory import read_retired
from tenantry.fleet.site.compare import State
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.recorder import Recorder
from tenantry.fleet.survey import Seen
from tenantry.problems import UnreachableError, problem
from tenantry.toolchain import Progress

_UNTOUCHED = (State.CHANGED, State.AS_ASKED)


def update_tenants(
    waiting: Sequence[Seen],
    connections: Mapping[str, Connection],
    building: Progress,
    report: Report,
    *,
    jobs: int,
    buckets: Sequence[str],
) -> list[Outcome]:
    """Update tenants that aren't as asked, `jobs` of them at a time; `report` hears of each as it ends.

    Raises UnreachableError where the engine can't be run; what happens to one tenant is in its outcome.
    """
    with open_session(connections, building) as session, ThreadPoolExecutor(jobs) as workers:
        attempts = Attempts()
        futures = [workers.submit(_apply, session, attempts, seen, buckets) for seen in waiting]
        return _finish(futures, Recorder(connections), report)


def _finish(futures: Sequence[Future[Outcome]], recorder: Recorder, report: Report) -> list[Outcome]:
    """Record each tenant that was applied; one that can't be recorded isn't done, and the next run takes it up."""
    outcomes: dict[str, Outcome] = {}
    for future in as_completed(futures):
        outcome = future.result()
        outcomes[outcome.planned.tenant.id] = outcome
        report(outcome)
        if outcome.action is not Action.FAILED:
            recorder.add(outcome.planned)
    for tenant, problems in recorder.close().items():
        outcomes[tenant] = replace(outcomes[tenant], action=Action.FAILED, problems=problems)
    return list(outcomes.values())


def _apply(session: Session, attempts: Attempts, seen: Seen, buckets: Sequence[str]) -> Outcome:
    planned, comparison = seen.planned, seen.comparison
    state = comparison.state if comparison else State.UNFINISHED
    stack = planned.tenant.id

    def work() -> Action:
        refuse_unknown(session, seen)
        refresh = needs_refresh(session, seen)
        program = tenant_program(planned.rendered, planned.site.name, planned.keys.generation)
        with tenant_lock(stack), deleting(planned.site.name, _dropped(seen), buckets):
            _refuse_retired(session, seen)
            with_stale_lock_cleared(session.engine, stack, lambda: session.engine.up(stack, program, refresh=refresh))
        return Action.CREATED if state is State.ABSENT else Action.CHANGED

    return attempts.attempt(planned, work)


def refuse_unknown(session: Session, seen: Seen) -> None:
    """Refuse a tenant that has state, isn't at its site, and may live at one that can't be asked (TEN-566).

    Raises UnreachableError. Made anew, it would be there twice.
    """
    tenant = seen.planned.tenant
    if seen.unasked and session.engine.holds_resources(tenant.id):
        sites = " or ".join(seen.unasked)
        what = f"tenant {tenant.name} ({tenant.id}) was made before, isn't on site {seen.planned.site.name}"
        fix = "wait until that site answers, then run again"
        raise UnreachableError(problem("TEN-566", f"{what}, and may live on {sites}, which can't be asked", fix))


def _refuse_retired(session: Session, seen: Seen) -> None:
    """Refuse a tenant that somebody has retired since it was looked at (TEN-556). The caller holds its lock.

    Raises UnreachableError. Made after its end, it would live beside the certificate that says that it's gone.
    """
    client = KubeClient(session.connections[seen.planned.site.name])
    if (retired := read_retired(client, seen.planned.tenant.id)) is not None:
        raise UnreachableError(say_retired(replace(seen, retired=retired)))


def needs_refresh(session: Session, seen: Seen) -> bool:
    """Say whether Pulumi must read the live objects first.

    It compares with its own state, which is right only where nobody else changed anything since. A tenant that has
    state and isn't there was deleted behind its back, or its site was.
    """
    comparison = seen.comparison
    known = comparison is not None and comparison.state in _UNTOUCHED and not comparison.differences
    return not known and session.engine.exists(seen.planned.tenant.id)


def _dropped(seen: Seen) -> dict[str, int]:
    """Give the buckets, with their retention, that the tenant has and its request no longer asks for."""
    record = seen.record
    asked = seen.planned.rendered.retention
    return {name: days for name, days in (record.buckets if record else {}).items() if name not in asked}
