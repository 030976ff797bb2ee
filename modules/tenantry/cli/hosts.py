"""`tenantry hosts prepare | check | facts`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Format, OutputFormat
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.contract.model import Inventory
    from tenantry.hosts.outcome import HostOutcome, Step

group = typer.Typer(
    help="The machines of a site: prepare them, see what would change, judge what they are.",
    short_help="Prepare and judge the machines of a site.",
)
app.add_typer(group, name="hosts", no_args_is_help=True)

InventoryFile = Annotated[
    Path, typer.Argument(metavar="INVENTORY", help="A file with a document of kind Inventory.", show_default=False)
]
Limit = Annotated[
    list[str] | None, typer.Option("--limit", metavar="HOST", help="Only this host; may be given several times.")
]
Key = Annotated[
    Path | None,
    typer.Option("--private-key", metavar="FILE", help="The key to log in by. By default what SSH itself tries."),
]


@group.command()
def prepare(
    inventory: InventoryFile, limit: Limit = None, private_key: Key = None, form: OutputFormat = Format.TEXT
) -> None:
    """Bring hosts to the baseline. What is as it should be stays as it is; running again finishes what was half done.

    Exits 2 when the inventory is wrong, or a host is refused before anything was changed; 3 when a host can't be
    reached, or something failed on it.

    Example: tenantry hosts prepare onprem.yaml
    """
    from tenantry.cli.hosts_shown import write_outcomes
    from tenantry.hosts.running import PREPARE

    outcomes = _run(_read(inventory, limit), PREPARE, private_key, check=False)
    write_outcomes(outcomes, form, would=False)
    raise typer.Exit(_exit(outcomes))


def _read(file: Path, limit: Sequence[str] | None) -> "Inventory":
    from tenantry.hosts.reading import limit_to, read_inventory

    return limit_to(read_inventory(file), limit or ())


def _run(inventory: "Inventory", playbook: str, key: Path | None, *, check: bool) -> Sequence["HostOutcome"]:
    from tenantry.hosts.running import run_playbook

    names = [host.name for host in inventory.spec.hosts]
    with _following(names) as progress:
        return run_playbook(inventory, playbook, key, check=check, progress=progress)


@contextmanager
def _following(names: Sequence[str]) -> Iterator[Callable[["Step"], None]]:
    from tenantry.cli.hosts_shown import following

    with following(names) as progress:
        yield progress


def _exit(outcomes: Sequence["HostOutcome"]) -> Exit:
    from tenantry.hosts.outcome import Action

    actions = {one.action for one in outcomes}
    if actions & {Action.FAILED, Action.UNREACHABLE}:
        return Exit.UNREACHABLE
    return Exit.INPUT if Action.REFUSED in actions else Exit.DONE
