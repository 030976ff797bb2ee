"""`tenantry apply` and `tenantry sync`."""

from typing import Annotated, Any

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
    idle = "as asked; nothing was changed"
    _apply(tenants, context, jobs, form, idle=idle, buckets=delete_bucket or (), policies=policy)


@app.command(short_help="Close what has ended, and change keys that are due.")
def sync(
    tenants: OptionalTenants = ALL_AROUND,
    *,
    context: Context = None,
    jobs: Jobs = JOBS,
    new_keys: Annotated[
        bool, typer.Option("--new-keys", help="Change all keys now; twice, and what leaked is worth nothing.")
    ] = False,
    policy: Policies = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Do what is due: apply the tenants with a grant that is over and still open, or with keys that are to be changed.

    Made to run every day. A tenant of which nothing is due is left as it is, also where its request has changed. A key
    goes on to work until the next one after it is made. Exits as `apply` does.

    Example: tenantry sync stacks/example
    """
    from functools import partial

    from tenantry.fleet.overdue import choose_overdue

    choose = partial(choose_overdue, new_keys=new_keys)
    _apply(tenants, context, jobs, form, idle="looked at; nothing was due", policies=policy, choose=choose)


def _apply(
    tenants: list[str],
    context: Context,
    jobs: int,
    form: Format,
    *,
    idle: str,
    **how: Any,  # noqa: ANN401  (handed to `apply_tenants`)
) -> None:
    """Apply tenants, and tell what became of them; `idle` says that nothing was to be done."""
    from tenantry.cli.building import show_builds
    from tenantry.cli.outcomes import following, write_outcomes
    from tenantry.fleet.apply import apply_tenants
    from tenantry.fleet.outcome import Action
    from tenantry.fleet.selection import select

    selection = select(tenants, context)
    with show_builds() as building, following(len(selection.planned), "applying") as report:
        outcomes = apply_tenants(selection, building, report, jobs=jobs, **how)
    write_outcomes(outcomes, form, idle)
    if any(outcome.action is Action.FAILED for outcome in outcomes):
        raise typer.Exit(Exit.UNREACHABLE)
    if any(outcome.action is Action.DENIED for outcome in outcomes):
        raise typer.Exit(Exit.DENIED)
