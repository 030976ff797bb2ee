"""`tenantry hosts bmc`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli.hosts import InventoryFile, Limit, exit_code, follow, group, read
from tenantry.cli.options import Format, OutputFormat
from tenantry.hosts.words import Boot, Power

if TYPE_CHECKING:
    from tenantry.hosts.outcome import HostOutcome


@group.command()
def bmc(
    inventory: InventoryFile,
    *,
    limit: Limit = None,
    power: Annotated[Power | None, typer.Option(help="Switch the machines on or off, or off and on.")] = None,
    boot: Annotated[Boot | None, typer.Option(help="What they are to boot from next, once.")] = None,
    force: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Take this host's power although it is in use; once for each."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what would change, and change nothing.")] = False,
    credentials: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Whom the BMCs let in, in a file that you alone can read. By default SITE.bmc.ini beside the site's "
            "connection.",
            show_default=False,
        ),
    ] = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Read machines, and switch them, by their BMCs (Redfish).

    Tells power, serial number, model and MACs; changes power, or what is booted next. What is changed is read until it
    is so. Exits 2 when the inventory is wrong or a machine is refused before anything was changed on any; 3 when a BMC
    doesn't answer, or doesn't do what it was asked.

    Example: tenantry hosts bmc onprem.yaml --limit host-2 --boot pxe --power on
    """
    from tenantry.cli.hosts_shown import write_outcomes
    from tenantry.hosts.bmc import Asked, credentials_of, judge_asked, to_controllers, with_controllers
    from tenantry.hosts.running import BMC, run_playbook

    machines = read(inventory, limit)
    asked = Asked(power, boot, frozenset(force or ()), credentials or credentials_of(machines))
    judge_asked(machines, asked, limit or ())
    names = with_controllers(machines, asked, limit or ())
    with follow(names) as progress:
        more = to_controllers(machines, asked)
        outcomes = run_playbook(machines, BMC, None, check=check, progress=progress, limit=names, more=more)
    if form is Format.TEXT:
        _show(outcomes)
    if form is Format.JSON or power or boot or any(one.problems or one.notes for one in outcomes):
        write_outcomes(outcomes, form, would=check)
    raise typer.Exit(exit_code(outcomes))


def _show(outcomes: Sequence["HostOutcome"]) -> None:
    """Print what each machine is."""
    from tenantry.cli.tables import new_table, show

    table = new_table("host", "power", "boots next from", "serial number", "model", "MACs")
    for one in outcomes:
        if one.bmc is not None:
            table.add_row(one.host, *_row(one.bmc))
    if table.row_count:
        show(table)


def _row(bmc: Mapping[str, str | list[str]]) -> tuple[str, ...]:
    model = f"{bmc['maker']} {bmc['model']}".strip()
    return str(bmc["power"]), str(bmc["boot"] or "its own order"), str(bmc["serial"]), model, " ".join(bmc["macs"])
