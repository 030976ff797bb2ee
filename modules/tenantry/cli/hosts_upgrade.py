"""`tenantry hosts upgrade`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli.hosts import BundleFile, InventoryFile, Key, Limit, exit_code, follow, group, opened, read
from tenantry.cli.options import Format, OutputFormat
from tenantry.hosts.words import Reboot
from tenantry.problems import TenantryError

if TYPE_CHECKING:
    from pathlib import Path

    from tenantry.contract.model import Inventory
    from tenantry.hosts.upgrade.plan import Step
    from tenantry.hosts.upgrade.run import Upgrade


@group.command()
def upgrade(
    inventory: InventoryFile,
    *,
    limit: Limit = None,
    private_key: Key = None,
    bundle: BundleFile = None,
    reboot: Annotated[
        Reboot, typer.Option(help="When hosts are booted anew: where a new kernel or libc waits for it, or as said.")
    ] = Reboot.NEEDED,
    check: Annotated[bool, typer.Option("--check", help="Show the plan, and change nothing.")] = False,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Bring hosts to newer versions, one at a time: drain, upgrade, boot where needed, see that it is well.

    etcd's members come first, then the control plane, then workers. The first failure stops it; the same command goes
    on from there, also after it was killed. `prepare` changes no minor version of Kubernetes.

    Exits 2 when the inventory is wrong, or an upgrade is refused before anything was changed: a downgrade, a minor
    version that would be skipped, hosts or nodes that aren't well; 3 when a host can't be reached, or failed.

    Example: tenantry hosts upgrade onprem.yaml --check
    """
    from tenantry.cli.hosts_shown import write_outcomes
    from tenantry.hosts.alone import alone
    from tenantry.hosts.upgrade.run import StoppedError

    machines = read(inventory, limit)
    with alone(machines), opened(bundle, machines) as folder:
        run = _begin(machines, limit or (), private_key, folder, reboot)
        names = list(run.outcomes)
        try:
            with follow(names) as progress:
                run.tell(progress)
                steps = run.look(first=True)
            if form is Format.TEXT or check:
                _show(steps, form, run)
            if check:
                return
            with follow(names) as progress:
                run.tell(progress)
                run.carry_out(steps)
        except StoppedError:
            run.stop()
        except TenantryError:
            run.stop()
            if any(one.changes for one in run.outcomes.values()):
                write_outcomes(list(run.outcomes.values()), form, would=False)
            raise
        outcomes = list(run.outcomes.values())
        write_outcomes(outcomes, form, would=False)
    raise typer.Exit(exit_code(outcomes))


def _begin(
    machines: "Inventory", limit: Sequence[str], key: "Path | None", bundle: "Path | None", reboot: Reboot
) -> "Upgrade":
    """Build what is brought, where it is missing, and make ready to look."""
    from tenantry.cli.building import show_builds
    from tenantry.hosts.upgrade.plan import Asked
    from tenantry.hosts.upgrade.run import Upgrade, Way
    from tenantry.hosts.upgrade.target import needed_here, nodes_of, target_of
    from tenantry.toolchain import ensure

    with show_builds() as building:
        ensure(needed_here(machines, bundle), building)
    asked = Asked(target_of(machines, bundle), reboot, limit)
    return Upgrade(machines, asked, Way(key, bundle, nodes_of(machines)))


def _show(steps: Sequence["Step"], form: Format, run: "Upgrade") -> None:
    """Print the plan: which hosts in which order, and what each of them is brought."""
    if form is Format.JSON:
        import orjson

        typer.echo(orjson.dumps([_plain(step) for step in steps], option=orjson.OPT_INDENT_2))
        return
    from tenantry.cli.tables import new_table, show

    if run.found is not None and run.found.current:
        other = "" if run.found.target == run.journal.target else ", which was to other versions"
        typer.echo(f"Goes on with the upgrade that was cut off at {run.found.host}{other}.")
    table = new_table("", "host", "what", "from", "to")
    for number, step in enumerate(steps, 1):
        for row in _rows(step):
            table.add_row(str(number), step.host, *row)
    if table.row_count:
        show(table)
    else:
        typer.echo("No host is to be upgraded.")


def _rows(step: "Step") -> list[tuple[str, str, str]]:
    rows = [("drain", "", "")] if step.drained else []
    rows += [(one.program, one.old, one.new) for one in step.changes]
    rows += [(text, "", "") for text in step.packages]
    rows += [(f"reboot: {why}", "", "") for why in step.reboot]
    return rows or [("what was begun", "", "")]


def _plain(step: "Step") -> dict[str, object]:
    return {
        "host": step.host,
        "drain": step.drained,
        "programs": [{"name": one.program, "from": one.old, "to": one.new} for one in step.changes],
        "packages": list(step.packages),
        "reboot": list(step.reboot),
    }
