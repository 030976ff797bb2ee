"""Does what is due, every day: closes, changes keys, cordons, tells of leases, and retires what is out of its grace."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tenantry.fleet.applying.apply import apply_seen, say_ending, split_ending
from tenantry.fleet.applying.outcome import Action, Outcome, Report
from tenantry.fleet.judging.overdue import choose_overdue
from tenantry.fleet.leases.notices import tell_people
from tenantry.fleet.leases.stages import is_near, may_be_retired
from tenantry.fleet.selection import Planned, Selection
from tenantry.fleet.survey import Survey, survey
from tenantry.problems import Problem
from tenantry.toolchain import Progress

if TYPE_CHECKING:
    from tenantry.fleet.leases.ends import Weighed


def sync_tenants(
    selection: Selection,
    building: Progress,
    report: Report,
    *,
    jobs: int,
    policies: Path | None = None,
    new_keys: bool = False,
    certificates: Path | None = None,
) -> list[Outcome]:
    """Do what is due with tenants, `jobs` of them at a time; `report` hears of each as it ends.

    A tenant whose grace is over is retired, as far as its documents say what becomes of it, and its certificate written
    to a folder; without `certificates`, none is. Where nothing is due, each site is read once, and no more.
    Raises as `apply_tenants` does.
    """
    staying, ending = split_ending(selection)
    near = tuple(one for one in ending if is_near(one.tenant))
    found = survey(replace(selection, planned=(*staying.planned, *near)))
    weighed = _weigh(selection, found) if certificates is not None else None
    going = {one.tenant.id for one in weighed.endings} if weighed else set()
    leaving = {one.tenant.id for one in ending} | going
    # One that has to stay is synced as all others are, so that its keys don't grow old.
    left = [seen for seen in found.seen if seen.planned.tenant.id not in leaving]
    choose = partial(choose_overdue, new_keys=new_keys)
    outcomes = apply_seen(
        left, found.connections, selection, building, report, jobs=jobs, policies=policies, choose=choose
    )
    outcomes += _leave([one for one in ending if one.tenant.id not in going], found, report)
    others = weighed.others if weighed else {}
    outcomes = [
        _join(one, others[one.planned.tenant.id]) if one.planned.tenant.id in others else one for one in outcomes
    ]
    if weighed and weighed.endings and certificates is not None:
        # Imported here: where nobody ends, nobody waits for it.
        from tenantry.fleet.applying.retire import retire_endings

        outcomes += retire_endings(weighed.endings, selection, building, report, jobs=jobs, certificates=certificates)
    return _tell(found, outcomes, leaving - going)


def _weigh(selection: Selection, found: Survey) -> "Weighed | None":
    """Say who of those whose grace is over may be retired; nothing where it is nobody's."""
    over = [seen for seen in found.seen if may_be_retired(seen)]
    if not over:
        return None
    from tenantry.fleet.leases.ends import weigh

    return weigh(over, selection, found)


def _leave(ending: Sequence[Planned], found: Survey, report: Report) -> list[Outcome]:
    """Give the outcomes of those whose retirement was agreed, and which a person ends."""
    errors = {seen.planned.tenant.id: seen.error.problems for seen in found.seen if seen.error is not None}
    made = []
    for one in ending:
        failed = errors.get(one.tenant.id)
        action = Action.FAILED if failed else Action.UNCHANGED
        made.append(Outcome(one, action, 0.0, failed or (say_ending(one),)))
        report(made[-1])
    return made


def _join(outcome: Outcome, other: Outcome) -> Outcome:
    """Add why a tenant isn't retired to what else became of it."""
    action = Action.FAILED if Action.FAILED in (outcome.action, other.action) else other.action
    return replace(outcome, action=action, problems=(*outcome.problems, *other.problems))


def _tell(found: Survey, outcomes: Sequence[Outcome], ending: set[str]) -> list[Outcome]:
    """Tell people of their leases, as they stand now; one who couldn't be told makes a tenant's outcome a failure."""
    undone = {one.planned.tenant.id for one in outcomes if one.action in (Action.FAILED, Action.DENIED)}
    retired = {one.planned.tenant.id for one in outcomes if one.action is Action.RETIRED}
    failed: Mapping[str, tuple[Problem, ...]] = tell_people(found, uncordoned=undone | ending, gone=retired)
    return [
        replace(one, action=Action.FAILED, problems=(*one.problems, *failed[one.planned.tenant.id]))
        if one.planned.tenant.id in failed
        else one
        for one in outcomes
    ]
