"""`tenantry retire` and `tenantry unlock`: the ends of a tenant, and of a lock that nobody holds any more."""

from typing import Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import JOBS, Certificates, Context, Format, Jobs, OutputFormat, Tenants
from tenantry.problems import Exit


@app.command(short_help="Delete tenants with all that they are made of.")
def retire(
    tenants: Tenants,
    *,
    context: Context = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    jobs: Jobs = JOBS,
    certificate: Certificates = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Delete tenants with everything that they are made of.

    Who depends on a tenant is named first. A bucket that holds objects needs a Retirement that says whether it is
    destroyed, exported or held, and by whose approval. Running it again finishes what was cut off. A certificate (JSON,
    and a page) says what became of everything. Exits 2 when others depend on a tenant, 3 when one couldn't be retired.

    Example: tenantry retire stacks/example/tenants/laa-portal.yaml --yes
    """
    from tenantry.cli.building import show_builds
    from tenantry.cli.outcomes import following, write_outcomes
    from tenantry.fleet.applying.outcome import Action
    from tenantry.fleet.applying.retire import retire_tenants
    from tenantry.fleet.selection import select
    from tenantry.fleet.settling import settle
    from tenantry.paths import certificates_dir

    selection = select(tenants, context)
    if not all(selection.placed[one.tenant.id].named for one in selection.planned):
        selection = settle(selection)
    planned = selection.planned
    names = ", ".join(f"{one.tenant.name} ({one.tenant.id}) on {one.site.name}" for one in planned)
    if not yes and not _agreed(f"Delete {names}, with all that lives there?"):
        raise typer.Exit(Exit.INPUT)
    with show_builds() as building, following(len(planned), "retiring") as report:
        outcomes = retire_tenants(selection, building, report, jobs=jobs, certificates=certificates_dir(certificate))
    write_outcomes(outcomes, form)
    if any(outcome.action is Action.FAILED for outcome in outcomes):
        raise typer.Exit(Exit.UNREACHABLE)


def _agreed(question: str) -> bool:
    """Ask, and take the end of the input for a no."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        typer.echo("Nobody answered; nothing was deleted. With --yes, nobody is asked.", err=True)
        return False


@app.command(short_help="Remove a lock that a killed apply left.")
def unlock(tenants: Tenants, context: Context = None) -> None:
    """Remove the lock that a killed apply left in a tenant's state. Make sure first that no apply of it is running.

    Example: tenantry unlock laa-portal
    """
    from tenantry.cli.building import show_builds
    from tenantry.connection import read_connection
    from tenantry.fleet.engine.session import open_session, tenant_lock
    from tenantry.fleet.selection import select

    planned = select(tenants, context).planned
    connections = {one.site.name: read_connection(one.site.name) for one in planned}
    with show_builds() as building, open_session(connections, building) as session:
        for one in planned:
            with tenant_lock(one.tenant.id):
                session.engine.cancel(one.tenant.id)
            typer.echo(f"{one.tenant.name} ({one.tenant.id}) is unlocked.")
