"""Says what an apply would do, by asking the engine, and does nothing."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tenantry.fleet.applying.apply import choose_changed, say_ending, split_ending
from tenantry.fleet.applying.update import needs_refresh, refuse_unknown
from tenantry.fleet.engine.locks import with_stale_lock_cleared
from tenantry.fleet.engine.program import tenant_program
from tenantry.fleet.engine.session import Session, open_session, tenant_lock
from tenantry.fleet.judging.verdicts import split_denied
from tenantry.fleet.selection import Planned, Selection
from tenantry.fleet.site.compare import Comparison
from tenantry.fleet.survey import Seen, survey
from tenantry.problems import Problem, TenantryError
from tenantry.toolchain import Progress


@dataclass(frozen=True, slots=True)
class Step:
    """One resource that an apply would touch: Pulumi's name of the step, and the resource."""

    step: str
    resource: str
    properties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an apply would do with one tenant: nothing where it is `denied` by policies, or being retired (`ending`)."""

    planned: Planned
    comparison: Comparison | None
    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = field(default=())
    denied: bool = False
    ending: bool = False

    @property
    def failed(self) -> bool:
        """Whether it couldn't be planned."""
        return bool(self.problems) and not (self.denied or self.ending)

    @property
    def state(self) -> str:
        """How the tenant stands, in a word or two."""
        if self.comparison is not None:
            return self.comparison.state.value
        return "denied" if self.denied else "being retired" if self.ending else "not planned"


def plan_tenants(selection: Selection, building: Progress, *, jobs: int, policies: Path | None = None) -> list[Plan]:
    """Plan tenants, in parallel. A tenant that is as asked has no steps, and starts no engine, nor does a denied one.

    `policies` is a folder of policies instead of the baseline's own.
    """
    staying, ending = split_ending(selection)
    found = survey(staying)
    plans = {one.tenant.id: Plan(one, None, problems=(say_ending(one),), ending=True) for one in ending}
    waiting = []
    for seen in found.seen:
        tenant = seen.planned.tenant.id
        if seen.error is not None:
            plans[tenant] = Plan(seen.planned, None, problems=seen.error.problems)
        elif choose_changed(seen) is not None:
            waiting.append(seen)
        else:
            plans[tenant] = Plan(seen.planned, seen.comparison)
    waiting, denied = split_denied(waiting, selection, policies)
    for seen, problems in denied:
        plans[seen.planned.tenant.id] = Plan(seen.planned, None, problems=problems, denied=True)
    if waiting:
        with open_session(found.connections, building) as session, ThreadPoolExecutor(jobs) as workers:
            for one in workers.map(lambda seen: _plan(session, seen), waiting):
                plans[one.planned.tenant.id] = one
    return [plans[one.tenant.id] for one in selection.planned]


def _plan(session: Session, seen: Seen) -> Plan:
    planned, comparison = seen.planned, seen.comparison
    stack, site = planned.tenant.id, planned.site.name
    program = tenant_program(planned.rendered, site, planned.keys.generation)
    steps: list[Step] = []

    def listen(event: object) -> None:
        metadata = getattr(getattr(event, "resource_pre_event", None), "metadata", None)
        if metadata is None or str(getattr(metadata.op, "value", metadata.op)) in ("same", "read", "refresh"):
            return
        if metadata.type.startswith(("kubernetes:", "objectstore:")):
            changed = tuple(sorted(_names(metadata.detailed_diff)))
            step = str(getattr(metadata.op, "value", metadata.op))
            steps.append(Step(step, metadata.urn.rpartition("::")[2], changed))

    try:
        refuse_unknown(session, seen)
        refresh = needs_refresh(session, seen)
        with tenant_lock(stack):
            with_stale_lock_cleared(
                session.engine,
                stack,
                lambda: session.engine.preview(stack, program, refresh=refresh, on_event=listen),
            )
    except TenantryError as error:
        return Plan(planned, comparison, problems=error.problems)
    return Plan(planned, comparison, tuple(steps))


def _names(detailed: Mapping[str, object] | None) -> list[str]:
    return list(detailed or {})
