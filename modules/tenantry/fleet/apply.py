"""Brings tenants to what their requests say, several at once; one that fails doesn't stop the others."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tenantry.fleet.outcome import Action, Outcome, Report
from tenantry.fleet.selection import Selection
from tenantry.fleet.site.compare import State
from tenantry.fleet.survey import Seen, survey
from tenantry.fleet.verdicts import split_denied
from tenantry.toolchain import Progress


def apply_tenants(
    selection: Selection,
    building: Progress,
    report: Report,
    *,
    jobs: int,
    buckets: Sequence[str] = (),
    policies: Path | None = None,
    needed: Callable[[Seen], object] = lambda _: True,
) -> list[Outcome]:
    """Apply tenants, `jobs` of them at a time; `report` hears of each as it ends.

    Those for which nothing is `needed`, by what was seen of them, are left as they are.

    Pulumi is started only where something differs, and not for a tenant that policies deny. A bucket that a request no
    longer asks for is deleted; one that holds objects only where `buckets` names it. `policies` is a folder of policies
    instead of the baseline's own.
    Raises InputError for policies that can't be used, UnreachableError only where no tenant could be tried; what
    happens to one tenant is in its outcome.
    """
    found = survey(selection.planned, selection.documents.sites)
    outcomes: list[Outcome] = []
    waiting: list[Seen] = []
    for seen in found.seen:
        if seen.error is not None:
            outcomes.append(Outcome(seen.planned, Action.FAILED, 0.0, seen.error.problems))
        elif not needed(seen) or (seen.comparison is not None and seen.comparison.state is State.AS_ASKED):
            outcomes.append(Outcome(seen.planned, Action.UNCHANGED, 0.0))
        else:
            waiting.append(seen)
    waiting, denied = split_denied(waiting, selection, policies)
    outcomes += [Outcome(seen.planned, Action.DENIED, 0.0, problems) for seen, problems in denied]
    for outcome in outcomes:
        report(outcome)
    if waiting:
        # Imported here: where nothing is to be done, nobody waits for Pulumi's packages.
        from tenantry.fleet.update import update_tenants

        outcomes += update_tenants(waiting, found.connections, building, report, jobs=jobs, buckets=buckets)
    return outcomes
