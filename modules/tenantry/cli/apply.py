"""`tenantry apply`."""

import typer

from tenantry.cli import app
from tenantry.cli.options import JOBS, Context, DeleteBucket, Format, Jobs, OutputFormat, Policies, Tenants
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
    from tenantry.cli.building import show_builds
    from tenantry.cli.outcomes import following, write_outcomes
    from tenantry.fleet.apply import apply_tenants
    from tenantry.fleet.outcome import Action
    from tenantry.fleet.selection import select

    selection = select(tenants, context)
    with show_builds() as building, following(len(selection.planned), "applying") as report:
        outcomes = apply_tenants(selection, building, report, jobs=jobs, buckets=delete_bucket or (), policies=policy)
    write_outcomes(outcomes, form)
    if any(outcome.action is Action.FAILED for outcome in outcomes):
        raise typer.Exit(Exit.UNREACHABLE)
    if any(outcome.action is Action.DENIED for outcome in outcomes):
        raise typer.Exit(Exit.DENIED)
