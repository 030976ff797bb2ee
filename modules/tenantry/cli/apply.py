"""`tenantry apply`."""

from typing import Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Context, Format, OutputFormat, Tenants
from tenantry.problems import Exit


@app.command()
def apply(
    tenants: Tenants,
    context: Context = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many tenants are changed at the same time.")] = 4,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Bring tenants to what their requests say. Running it again finishes what was half done, and changes nothing else.

    Exits 2 when a request is wrong (and changes nothing), 3 when a tenant couldn't be applied.

    Example: tenantry apply stacks/example/tenants/laa-portal.yaml
    """
    from tenantry.cli.outcomes import following, write_outcomes
    from tenantry.cli.building import show_builds
    from tenantry.fleet.apply import Action, apply_tenants
    from tenantry.fleet.selection import select

    planned = select(tenants, context).planned
    with show_builds() as building, following(len(planned), "applying") as report:
        outcomes = apply_tenants(planned, building, report, jobs=jobs)
    write_outcomes(outcomes, form)
    if any(outcome.action is Action.FAILED for outcome in outcomes):
        raise typer.Exit(Exit.UNREACHABLE)
