"""`tenantry status` and `tenantry drift`: one survey, two questions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import ALL_AROUND, Context, Format, OptionalTenants, OutputFormat
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.fleet.survey import Seen, Survey
    from tenantry.problems import Problem


@app.command(short_help="Show where tenants stand.")
def status(
    tenants: OptionalTenants = ALL_AROUND,
    *,
    context: Context = None,
    reach: Annotated[bool, typer.Option("--reach", help="Show who reaches them, whom they reach, and why.")] = False,
    placement: Annotated[
        bool, typer.Option("--placement", help="Show why they are on their sites, and why not on the others.")
    ] = False,
    usage: Annotated[
        bool, typer.Option("--usage", help="Show what they use of their quotas, and departments of their ceilings.")
    ] = False,
    objects: Annotated[
        bool,
        typer.Option("--objects", help="With --usage: list all objects, where a store tells no sizes."),
    ] = False,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Show where tenants stand: as asked, absent, request changed, drifted, unfinished or retired.

    What is overdue at a site is told of: a waiver or a grant that is over and still held, keys that are old, a lease
    that has ended; each lease that ends within two weeks, each quota that is nearly used up, and each bucket that is
    held of a retired tenant. Exits 3 when a site can't be asked.

    Example: tenantry status stacks/example
    """
    if reach:
        from tenantry.cli.reach import show_reach

        show_reach(tenants, context, form)
        return
    if placement:
        from tenantry.cli.placement import show_placement

        show_placement(tenants, context, form)
        return
    if usage or objects:
        from tenantry.cli.usage import show_usage

        show_usage(tenants, context, form, objects=objects)
        return
    from tenantry.cli.tables import show_problems
    from tenantry.fleet.leases.stages import tell_ending
    from tenantry.fleet.retirement.memory import tell_held
    from tenantry.fleet.telling.usage import find_uses, tell_nearly_full

    found, overdue = _survey(tenants, context)
    if form is Format.JSON:
        _write_json(found.seen)
    else:
        _write_table(found.seen)
    held = tell_held(found.connections.values())
    show_problems([*tell_ending(found.seen), *tell_nearly_full(find_uses(found)), *held])
    _exit(found.seen, overdue, drifted=False)


@app.command(short_help="Name live objects that are not as applied.")
def drift(tenants: OptionalTenants = ALL_AROUND, context: Context = None, form: OutputFormat = Format.TEXT) -> None:
    """Name every live object that isn't as it was applied, and how it differs. `tenantry apply` mends them.

    Exits 1 when something drifted, or is overdue at a site (as `status` tells), 3 when a site can't be asked.

    Example: tenantry drift stacks/example
    """
    found, overdue = _survey(tenants, context)
    if form is Format.JSON:
        _write_json(found.seen)
    else:
        _write_differences(found.seen)
    _exit(found.seen, overdue, drifted=True)


def _survey(tenants: Sequence[str], context: Context) -> tuple["Survey", Sequence["Problem"]]:
    """Look at tenants; give how they stand, and what of them is overdue at their sites."""
    from tenantry.fleet.judging.overdue import tell_overdue
    from tenantry.fleet.selection import select
    from tenantry.fleet.site.waivers import find_lapsed_at
    from tenantry.fleet.survey import survey

    selection = select(tenants, context)
    found = survey(selection)
    return found, [*find_lapsed_at(found.connections.values()), *tell_overdue(found.seen)]


def _exit(seen: Sequence["Seen"], overdue: Sequence["Problem"], *, drifted: bool) -> None:
    """Exit as what was found asks for, after telling of what is overdue."""
    from tenantry.cli.tables import show_problems

    show_problems(overdue)
    if any(one.error for one in seen):
        raise typer.Exit(Exit.UNREACHABLE)
    if drifted and (overdue or any(one.comparison and one.comparison.differences for one in seen)):
        raise typer.Exit(Exit.DENIED)


def _write_errors(seen: Sequence["Seen"]) -> None:
    from tenantry.cli.tables import show_problems

    show_problems(found for one in seen if one.error for found in one.error.problems)


def _write_table(seen: Sequence["Seen"]) -> None:
    from tenantry.cli.tables import new_table, show

    table = new_table("tenant", "id", "department", "site", "state")
    for one in seen:
        tenant = one.planned.tenant
        state = one.comparison.state.value if one.comparison else "site unreachable"
        count = len(one.comparison.differences) if one.comparison else 0
        details = f" ({count} object{'s' if count != 1 else ''})" if count else ""
        table.add_row(tenant.name, tenant.id, tenant.spec.department, one.planned.site.name, f"{state}{details}")
    show(table)
    _write_errors(seen)


def _write_differences(seen: Sequence["Seen"]) -> None:
    count = 0
    for one in seen:
        differences = one.comparison.differences if one.comparison else ()
        if differences:
            typer.echo(f"{one.planned.tenant.name} ({one.planned.tenant.id}) on {one.planned.site.name}")
        for difference in differences:
            typer.echo(f"  {difference}")
        count += len(differences)
    _write_errors(seen)
    asked = sum(one.comparison is not None for one in seen)
    typer.echo(
        f"{asked} tenant{'s' if asked != 1 else ''} read, {count or 'no'} object{'s' if count != 1 else ''} drifted."
    )


def _write_json(seen: Sequence["Seen"]) -> None:
    import orjson

    plain = [
        {
            "tenant": one.planned.tenant.id,
            "name": one.planned.tenant.name,
            "site": one.planned.site.name,
            "state": one.comparison.state.value if one.comparison else "unreachable",
            "differences": [
                {"object": difference.key, "what": difference.what}
                for difference in (one.comparison.differences if one.comparison else ())
            ],
            "problems": [str(found) for found in (one.error.problems if one.error else ())],
        }
        for one in seen
    ]
    typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
