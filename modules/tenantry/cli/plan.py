"""`tenantry plan`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from tenantry.cli import app
from tenantry.cli.options import JOBS, Context, Format, Jobs, OutputFormat, Policies, Tenants
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.fleet.telling.plan import Plan

SIGNS = {"create": "+", "update": "~", "delete": "-"}


@app.command(short_help="Say what an apply would do.")
def plan(
    tenants: Tenants,
    context: Context = None,
    jobs: Jobs = JOBS,
    policy: Policies = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Say what an apply would create, change and delete, and do nothing.

    Exits 1 when policies deny an object of a tenant, which isn't planned then, 2 when a request is wrong, 3 when a
    tenant can't be planned.

    Example: tenantry plan stacks/example/tenants/laa-portal.yaml
    """
    from tenantry.cli.building import show_builds
    from tenantry.fleet.selection import select
    from tenantry.fleet.telling.plan import plan_tenants

    selection = select(tenants, context)
    with show_builds() as building:
        plans = plan_tenants(selection, building, jobs=jobs, policies=policy)
    if form is Format.JSON:
        _write_json(plans)
    else:
        _write_text(plans)
    if any(one.failed for one in plans):
        raise typer.Exit(Exit.UNREACHABLE)
    if any(one.denied for one in plans):
        raise typer.Exit(Exit.DENIED)


def _write_text(plans: Sequence["Plan"]) -> None:
    from tenantry.cli.tables import show_problems

    for one in plans:
        planned = one.planned
        typer.echo(f"{planned.tenant.name} ({planned.tenant.id}) on {planned.site.name}: {one.state}")
        for step in one.steps:
            properties = f" ({', '.join(step.properties)})" if step.properties else ""
            typer.echo(f"  {SIGNS.get(step.step, step.step)} {step.resource}{properties}")
    show_problems(found for one in plans for found in one.problems)
    steps = sum(len(one.steps) for one in plans)
    typer.echo(
        f"{len(plans)} tenant{'s' if len(plans) != 1 else ''}: {steps or 'no'} change{'s' if steps != 1 else ''}."
    )


def _write_json(plans: Sequence["Plan"]) -> None:
    import orjson

    plain = [
        {
            "tenant": one.planned.tenant.id,
            "name": one.planned.tenant.name,
            "site": one.planned.site.name,
            "state": one.comparison.state.value if one.comparison else "",
            "steps": [{"step": s.step, "resource": s.resource, "properties": s.properties} for s in one.steps],
            "problems": [str(found) for found in one.problems],
        }
        for one in plans
    ]
    typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
