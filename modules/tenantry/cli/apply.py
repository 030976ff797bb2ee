"""`tenantry apply` and `tenantry sync`."""

from typing import Any

import typer

from tenantry.cli import app
from tenantry.cli.options import (
    ALL_AROUND,
    JOBS,
    Context,
    DeleteBucket,
    Format,
    Jobs,
    OptionalTenants,
    OutputFormat,
    Policies,
    Tenants,
)
from tenantry.problems import Exit


@app.command(short_help="Bring tenants to what their requests say.")
def apply(
    tenants: Tenants,
    *,
    context: Context = None,
    jobs: Jobs = JOBS,
    delete_bucket: DeleteBucket = None,
    policy: Policies = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Bring tenants to what their requests say. Running it again finishes what was half done, and changes nothing else.

    A tenant of which policies deny an object isn't touched; the others are. Exits 1 then, 2 when a request is wrong
    (and changes nothing), 3 when a tenant couldn't be applied.

    Example: tenantry apply stacks/example/tenants/laa-portal.yaml
    """
    _apply(tenants, context, jobs, form, buckets=delete_bucket or (), policies=policy)


@app.command(short_help="Close what has ended.")
def sync(
    tenants: OptionalTenants = ALL_AROUND,
    *,
    context: Context = None,
    jobs: Jobs = JOBS,
    policy: Policies = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Close what has ended: apply the tenants on whose side a grant is still open that is over, or was withdrawn.

    Made to run every day. The others are left as they are, also where their requests have changed. Exits as `apply`
    does.

    Example: tenantry sync stacks/example
    """
    from tenantry.fleet.grants import find_held

    _apply(tenants, context, jobs, form, policies=policy, needed=find_held)


def _apply(tenants: list[str], context: Context, jobs: int, form: Format, **how: Any) -> None:  # noqa: ANN401
    """Apply tenants; `how` is handed to `apply_tenants`."""
    from tenantry.cli.building import show_builds
    from tenantry.cli.outcomes import following, write_outcomes
    from tenantry.fleet.apply import apply_tenants
    from tenantry.fleet.outcome import Action
    from tenantry.fleet.selection import select

    selection = select(tenants, context)
    with show_builds() as building, following(len(selection.planned), "applying") as report:
        outcomes = apply_tenants(selection, building, report, jobs=jobs, **how)
    write_outcomes(outcomes, form)
    if any(outcome.action is Action.FAILED for outcome in outcomes):
        raise typer.Exit(Exit.UNREACHABLE)
    if any(outcome.action is Action.DENIED for outcome in outcomes):
        raise typer.Exit(Exit.DENIED)
