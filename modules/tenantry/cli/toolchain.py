"""`tenantry toolchain` and `tenantry toolchain build`."""

from typing import Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Format, OutputFormat

group = typer.Typer()
app.add_typer(group, name="toolchain", short_help="The real components, built or found on the PATH.")


@group.callback(invoke_without_command=True)
def toolchain(context: typer.Context, form: OutputFormat = Format.TEXT) -> None:
    """List the real components that tenantry runs: version, where each comes from (PATH, cache or not built), path.

    Example: tenantry toolchain --format json
    """
    if context.invoked_subcommand is None:
        _list(form)


@group.command()
def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BINARY]...",
            help="Only these, such as kubelet, which runs on hosts. By default all that runs on this machine.",
            show_default=False,
        ),
    ] = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Build what is missing, then list all. The first build takes some minutes.

    Example: tenantry toolchain build
    """
    from tenantry.cli.building import show_builds
    from tenantry.toolchain import LOCAL, ensure

    with show_builds() as progress:
        ensure(names or LOCAL, progress)
    _list(form)


def _list(form: Format) -> None:
    import json

    from tenantry.toolchain import find_all

    found = find_all()
    if form is Format.JSON:
        rows = [{"component": f.binary, "version": f.version, "source": f.source, "path": str(f.path)} for f in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    widths = [max(len(f.binary) for f in found), max(len(f.version) for f in found), len("not built")]
    typer.echo(f"{'COMPONENT':{widths[0]}}  {'VERSION':{widths[1]}}  {'FROM':{widths[2]}}  PATH")
    for f in found:
        path = "" if f.source == "not built" else f.path
        typer.echo(f"{f.binary:{widths[0]}}  {f.version:{widths[1]}}  {f.source:{widths[2]}}  {path}".rstrip())
