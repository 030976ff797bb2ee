"""`tenantry status --placement`: why tenants are on their sites, and why not on the others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from tenantry.cli.options import Context, Format

if TYPE_CHECKING:
    from tenantry.fleet.selection import Selection


def show_placement(tenants: Sequence[str], context: Context, form: Format) -> None:
    """Show where tenants are placed. Sites are asked only where they are too small for all, so that it matters."""
    from tenantry.fleet.selection import select
    from tenantry.fleet.settling import settle

    selection = select(tenants, context)
    if selection.contested:
        selection = settle(selection)
    if form is Format.JSON:
        _write_json(selection)
    else:
        _write_text(selection)


def _write_text(selection: "Selection") -> None:
    for one in selection.planned:
        placed = selection.placed[one.tenant.id]
        typer.echo(f"{one.tenant.name} ({one.tenant.id}) is placed on {one.site.name}: {placed.why}")
        for site, why in placed.others.items():
            typer.echo(f"  not {site}: {why}")


def _write_json(selection: "Selection") -> None:
    import orjson

    plain = [
        {
            "tenant": one.tenant.id,
            "name": one.tenant.name,
            "site": one.site.name,
            "why": selection.placed[one.tenant.id].why,
            "others": selection.placed[one.tenant.id].others,
        }
        for one in selection.planned
    ]
    typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
