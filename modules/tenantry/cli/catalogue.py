"""`tenantry catalogue`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import ALL_AROUND, Context, Format, OptionalTenants, OutputFormat

if TYPE_CHECKING:
    from tenantry.fleet.telling.catalogue import Catalogue


@app.command(short_help="Show and publish the catalogue of data.")
def catalogue(
    tenants: OptionalTenants = ALL_AROUND,
    *,
    context: Context = None,
    output: Annotated[Path | None, typer.Option(help="A folder to write catalogue.jsonld and index.html to.")] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Write both to the public bucket of the site that has the catalogue.")
    ] = False,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Show what departments publish, and what they share by grants that are in force; of restricted data nothing.

    With --format json it is the catalogue itself: DCAT 3 as JSON-LD. What is published is that of all tenants. A second
    run with nothing new writes nothing. Exits 2 when a document is wrong (and writes nothing), 3 when the site fails.

    Example: tenantry catalogue stacks/example --output catalogue
    """
    from tenantry.catalogue.document import DOCUMENT
    from tenantry.files import write_atomic
    from tenantry.fleet.selection import select
    from tenantry.fleet.telling.catalogue import make_catalogue, publish_catalogue

    selection = select(tenants, context)
    made = make_catalogue(selection)
    done = publish_catalogue(made, selection) if publish else {}
    if output is not None:
        for name, content in made.files.items():
            write_atomic(output / name, content, mode=0o644)
    if form is Format.JSON:
        typer.echo(made.files[DOCUMENT], nl=False)
    else:
        _write_table(made)
    if any(each != "unchanged" for each in done.values()):
        typer.echo(
            f"Published at {made.address}: {', '.join(f'{name} {each}' for name, each in done.items())}.", err=True
        )
    elif done:
        typer.echo(f"As published at {made.address}; nothing was changed.", err=True)


def _write_table(made: "Catalogue") -> None:
    from rich.markup import escape

    from tenantry.cli.tables import new_table, show

    table = new_table("dataset", "identifier", "department", "site", "open to")
    for entry in made.entries:
        to = ", ".join(f"{share.consumer} until {share.until}" for share in entry.shares) or "everybody"
        site = entry.tenant.spec.placement.site or ""
        table.add_row(escape(entry.title), escape(entry.identifier), entry.department.name, site, escape(to))
    show(table)
    count = len(made.entries)
    typer.echo(
        f"{count} dataset{'s' if count != 1 else ''}, {sum(not one.shares for one in made.entries)} for everybody."
    )
