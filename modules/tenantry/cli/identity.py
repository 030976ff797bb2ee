"""`tenantry identity`: how a site knows who comes."""

from pathlib import Path
from typing import Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Context, Format, OutputFormat, SiteName

group = typer.Typer(help="How a site knows who comes.", short_help="How a site knows pipelines and workloads.")
app.add_typer(group, name="identity", no_args_is_help=True)


@group.command()
def authentication(
    site: SiteName,
    *,
    context: Context = None,
    output: Annotated[
        Path | None, typer.Option(help="The file that the API server reads, which is replaced as a whole.")
    ] = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Print what a site's API server reads with --authentication-config: by which tokens it knows pipelines.

    It is made of the site's document. An API server takes up a changed file by itself. It holds no secret.

    Example: tenantry identity authentication onprem --context stacks/example
    """
    from tenantry.files import write_atomic
    from tenantry.fleet.government import read_site_document
    from tenantry.render import to_yaml
    from tenantry.render.pipelines import render_authentication

    found, _ = read_site_document(site, context)
    document = render_authentication(found)
    if form is Format.JSON:
        import orjson

        text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"
    else:
        text = to_yaml([document])
    if output is None:
        typer.echo(text, nl=False)
        return
    write_atomic(output, text.encode())
    count = len(found.spec.pipelines)
    typer.echo(f"{output}: {site} knows the pipelines of {count} CI system{'' if count == 1 else 's'}.")


@group.command()
def trust(site: SiteName, *, context: Context = None, form: OutputFormat = Format.TEXT) -> None:
    """Have a site's object store take tokens of its cluster, of its CI systems, and of parties that have grants there.

    The store learns each issuer's keys as they are now: run it again when an issuer gets new ones. What else the store
    trusts is named, and left alone.

    Example: tenantry identity trust onprem
    """
    from tenantry.fleet.federation import federate, find_given
    from tenantry.fleet.government import read_site_document

    found, documents = read_site_document(site, context)
    done = federate(found, find_given(found, documents))
    if form is Format.JSON:
        import orjson

        plain = [{"issuer": one.issuer, "action": one.action.value} for one in done]
        typer.echo(orjson.dumps({"site": site, "issuers": plain}, option=orjson.OPT_INDENT_2))
        return
    for one in done:
        typer.echo(f"{one.issuer}: {one.action}")
