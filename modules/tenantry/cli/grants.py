"""`tenantry grants`: what tenants share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenantry.cli import app
from tenantry.cli.options import Context, Format, OutputFormat

if TYPE_CHECKING:
    from tenantry.fleet.telling.metering import Usage

group = typer.Typer(help="What tenants share.", short_help="Count what grants are used for.")
app.add_typer(group, name="grants", no_args_is_help=True)


@group.callback()
def root() -> None:
    """Keep `usage` a word of its own, as long as it is the only one."""


@group.command()
def usage(
    logs: Annotated[
        list[Path],
        typer.Argument(metavar="LOG...", help="Access logs, gzipped or not, or folders of them.", show_default=False),
    ],
    *,
    context: Context = None,
    every: Annotated[bool, typer.Option("--all", help="Count every grant, not only those of metered classes.")] = False,
    output: Annotated[Path | None, typer.Option(help="A folder to write usage.json and index.html to.")] = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Count requests and bytes by grant and day, from the access logs of the providers' stores.

    It reads S3's server access log, which AWS and versitygw write, and Ceph RGW's ops log. A request counts once,
    however often its line is given; what can't be counted is told. Exits 2 when a log or a document is wrong (and
    writes nothing), 3 when a store can't be asked whose a key is.

    Example: tenantry grants usage /var/log/s3/access.log --context stacks/example
    """
    from tenantry.cli.tables import show_problems
    from tenantry.files import write_atomic
    from tenantry.fleet.government import find_government
    from tenantry.fleet.selection import select
    from tenantry.fleet.telling.metering import measure_grants
    from tenantry.metering.reading import find_logs

    files = find_logs(logs)
    root = find_government(context, "TEN-573", "so that no grant is known")
    selection = select([str(root)], root)
    with _following(files) as moved:
        found = measure_grants(selection, files, moved, every=every)
    if output is not None:
        for name, content in found.files.items():
            write_atomic(output / name, content, mode=0o644)
    _show(found, form)
    show_problems(found.problems)


@contextmanager
def _following(files: Sequence[Path]) -> Iterator[Callable[[int], object]]:
    """Give a listener that moves a bar over the logs' bytes, where there is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task("reading", total=sum(file.stat().st_size for file in files))
        yield lambda count: bars.update(task, advance=count)


def _show(found: "Usage", form: Format) -> None:
    from tenantry.metering.report import DOCUMENT, tell_lines

    if form is Format.JSON:
        typer.echo(found.files[DOCUMENT], nl=False)
        return
    if not found.report["grants"]:
        typer.echo("No grant of a dataset is metered; --all counts every one.")
    else:
        _write_table(found.report["grants"])
    typer.echo(tell_lines(found.report))


def _write_table(grants: Sequence[dict[str, Any]]) -> None:
    from rich.markup import escape

    from tenantry.cli.tables import new_table, show

    table = new_table("grant", "consumer", "day", "requests", "bytes sent", "bytes received")
    for column in table.columns[3:]:
        column.justify = "right"
    for grant in grants:
        rows = [(day["day"], day) for day in grant["days"]]
        # A grant that was used on one day, or on none, has no other sum.
        rows += [("all", grant["total"])] if len(rows) != 1 else []
        for day, amounts in rows:
            sent = f"{amounts['bytesSent']}{' +' if amounts['unsized'] else ''}"
            numbers = (str(amounts["requests"]), sent, str(amounts["bytesReceived"]))
            table.add_row(grant["grant"], escape(grant["consumer"]), day, *numbers)
    show(table)
