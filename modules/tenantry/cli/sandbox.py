"""`tenantry sandbox up | down | status`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Format, OutputFormat
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.sandbox import Row, Status

group = typer.Typer(
    help="The embedded cloud: two sites of real Kubernetes and real S3 on this machine.",
    short_help="The embedded cloud: two sites on this machine.",
)
app.add_typer(group, name="sandbox", no_args_is_help=True)


def start() -> float | None:
    """Start what of the sandbox isn't running; give the seconds until it was ready, None if it was up already."""
    import time

    from rich.console import Console

    from tenantry import sandbox
    from tenantry.cli.building import show_builds
    from tenantry.sandbox.site.servers import BINARIES
    from tenantry.toolchain import ensure

    with show_builds() as progress:
        ensure(BINARIES, progress)
    began = time.monotonic()
    console = Console(stderr=True)
    with console.status("looking at the sandbox") as line:

        def say(text: str) -> None:
            line.update(text)
            if not console.is_terminal:
                typer.echo(text, err=True)

        started = sandbox.up(say=say)
    return time.monotonic() - began if started else None


@group.command()
def up(form: OutputFormat = Format.TEXT) -> None:
    """Start the sandbox, or what is missing of it, and wait until all of it answers.

    Example: tenantry sandbox up
    """
    seconds = start()
    if form is Format.JSON:
        from tenantry import sandbox

        _print_json(sandbox.status())
    elif seconds is None:
        typer.echo("The sandbox is already up; nothing was started.")
    else:
        from tenantry import sandbox

        typer.echo(f"The sandbox is up: {' and '.join(sandbox.SITES)}, ready in {seconds:.1f} s.")


@group.command()
def down(
    delete: Annotated[bool, typer.Option("--delete", help="Remove its data, keys and connections too.")] = False,
) -> None:
    """Stop the sandbox; its data stays for the next `up`, unless --delete is given.

    Example: tenantry sandbox down --delete
    """
    from tenantry import sandbox

    ran = sandbox.down(say=lambda text: typer.echo(text, err=True), delete=delete)
    text = "The sandbox is down" if ran else "The sandbox wasn't running"
    typer.echo(text + ("; its data is removed." if delete else "."))


@group.command()
def status(form: OutputFormat = Format.TEXT) -> None:
    """Show each server: does it run and answer, its process, port and memory. Exits 3 where one that should doesn't.

    Example: tenantry sandbox status --format json
    """
    from tenantry import sandbox

    found = sandbox.status()
    if form is Format.JSON:
        _print_json(found)
    else:
        _print_table(found)
    if not found.healthy:
        raise typer.Exit(Exit.UNREACHABLE)


def _print_json(found: "Status") -> None:
    import json
    from dataclasses import asdict

    typer.echo(json.dumps({**asdict(found), "healthy": found.healthy}, indent=2))


def _print_table(found: "Status") -> None:
    layout = "{:8}  {:24}  {:14}  {:>8}  {:>5}  {:>8}"
    if not found.rows:
        typer.echo("The sandbox was never started here. Start it: tenantry sandbox up")
        return
    typer.echo(layout.format("SITE", "COMPONENT", "STATE", "PID", "PORT", "MEMORY"))
    for row in found.rows:
        typer.echo(layout.format(*_cells(row)))
    if not found.wanted:
        typer.echo("The sandbox is down. Start it: tenantry sandbox up")
    elif not found.healthy:
        typer.echo("Not all of it runs. Mend it: tenantry sandbox up", err=True)


def _cells(row: "Row") -> tuple[str | int, ...]:
    memory = f"{row.memory / 2**20:.0f} MiB" if row.memory else "-"
    return (row.site, row.component, row.state, row.pid or "-", row.port, memory)
