"""Brings tenants to what their requests say, several at once; one that fails doesn't stop the others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tenantry.connection import Connection
from tenantry.fleet.applying.outcome import Action, Outcome, Report
from tenantry.fleet.judging.verdicts import split_denied
from tenantry.fleet.judging.weakening import list_changes
from tenantry.fleet.selection import Planned, Selection
from tenantry.fleet.site.compare import State
from tenantry.fleet.survey import Seen, survey
from tenantry.problems import DeniedError, Problem, problem
from tenantry.toolchain import Progress

Choice = Callable[[Seen], Seen | None]
"""Gives a tenant as it is to be applied, or None where nothing is to be done."""


def choose_changed(seen: Seen) -> Seen | None:
    """Choose a tenant that isn't as asked, or of whose data something is to be weakened that no object shows."""
    as_asked = seen.comparison is not None and seen.comparison.state is State.AS_ASKED
    return None if as_asked and not list_changes(seen) else seen


def say_ending(planned: Planned) -> Problem:
    """Say that a tenant is left alone, for its retirement was agreed (TEN-552)."""
    name = f"{planned.tenant.name} ({planned.tenant.id})"
    fix = f"run `tenantry retire {planned.tenant.id}`, then remove its request"
    return problem("TEN-552", f"{name} is being retired, and isn't applied any more", fix)


def split_ending(selection: Selection) -> tuple[Selection, list[Planned]]:
    """Give the tenants that stay, and those whose retirement was agreed."""
    ending = selection.documents.ending
    staying = tuple(one for one in selection.planned if one.tenant.id not in ending)
    return replace(selection, planned=staying), [one for one in selection.planned if one.tenant.id in ending]


def admit(selection: Selection) -> list[Planned]:
    """Give tenants as they are to be, for a program that Pulumi runs by itself: what an apply refuses is refused there.

    Raises DeniedError for what policies deny, for a weakening without its approvals, and for a tenant that is being
    retired; UnreachableError where a site can't be asked.
    """
    staying, ending = split_ending(selection)
    if ending:
        raise DeniedError(map(say_ending, ending))
    found = survey(staying).seen
    for seen in found:
        if seen.error is not None:
            raise seen.error
    _, denied = split_denied([seen for seen in found if choose_changed(seen) is not None], selection, None)
    if denied:
        raise DeniedError(problem for _, problems in denied for problem in problems)
    return [seen.planned for seen in found]


def apply_tenants(
    selection: Selection,
    building: Progress,
    report: Report,
    *,
    jobs: int,
    buckets: Sequence[str] = (),
    policies: Path | None = None,
    choose: Choice = choose_changed,
) -> list[Outcome]:
    """Apply tenants, `jobs` of them at a time; `report` hears of each as it ends.

    Pulumi is started only for those that `choose` gives, and not for a tenant that policies deny. A bucket that a
    request no longer asks for is deleted; one that holds objects only where `buckets` names it. `policies` is a folder
    of policies instead of the baseline's own.
    Raises InputError for policies that can't be used, UnreachableError only where no tenant could be tried; what
    happens to one tenant is in its outcome.
    """
    staying, ending = split_ending(selection)
    found = survey(staying)
    left = [Outcome(one, Action.UNCHANGED, 0.0, (say_ending(one),)) for one in ending]
    for outcome in left:
        report(outcome)
    return left + apply_seen(
        found.seen,
        found.connections,
        selection,
        building,
        report,
        jobs=jobs,
        buckets=buckets,
        policies=policies,
        choose=choose,
    )


def apply_seen(
    every: Iterable[Seen],
    connections: Mapping[str, Connection],
    selection: Selection,
    building: Progress,
    report: Report,
    *,
    jobs: int,
    buckets: Sequence[str] = (),
    policies: Path | None = None,
    choose: Choice = choose_changed,
) -> list[Outcome]:
    """Do as `apply_tenants` does, with tenants that were looked at."""
    outcomes: list[Outcome] = []
    waiting: list[Seen] = []
    for seen in every:
        if seen.error is not None:
            outcomes.append(Outcome(seen.planned, Action.FAILED, 0.0, seen.error.problems))
        elif (chosen := choose(seen)) is not None:
            waiting.append(chosen)
        else:
            outcomes.append(Outcome(seen.planned, Action.UNCHANGED, 0.0))
    waiting, denied = split_denied(waiting, selection, policies)
    outcomes += [Outcome(seen.planned, Action.DENIED, 0.0, problems) for seen, problems in denied]
    for outcome in outcomes:
        report(outcome)
    if waiting:
        # Imported here: where nothing is to be done, nobody waits for Pulumi's packages.
        from tenantry.fleet.applying.update import update_tenants

        outcomes += update_tenants(waiting, connections, building, report, jobs=jobs, buckets=buckets)
    return outcomes
