"""`tenantry hosts prepare | check | facts`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Format, OutputFormat
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.contract.model import Inventory
    from tenantry.hosts.outcome import HostOutcome, Step


class RoleName(StrEnum):
    """The roles that can be run by themselves."""

    BASELINE = "baseline"
    SSHD = "sshd"
    TIME = "time"
    FIREWALL = "firewall"
    WORKER = "worker"
    AUDIT = "audit"


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
Roles = Annotated[
    list[RoleName] | None,
    typer.Option("--role", help="Only this role, after preflight; may be given several times."),
]
Key = Annotated[
    Path | None,
    typer.Option(
        "--private-key",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="The key to log in by. By default what SSH itself tries.",
    ),
]


@group.command()
def prepare(
    inventory: InventoryFile,
    *,
    limit: Limit = None,
    role: Roles = None,
    private_key: Key = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Bring hosts to the baseline. What is as it should be stays as it is; running again finishes what was half done.

    Exits 2 when the inventory is wrong, or a host is refused before anything was changed; 3 when a host can't be
    reached, or something failed on it.

    Example: tenantry hosts prepare onprem.yaml
    """
    from tenantry.cli.hosts_shown import write_outcomes
    from tenantry.hosts.running import PREPARE

    outcomes = _run(_read(inventory, limit), PREPARE, private_key, check=False, roles=role or ())
    write_outcomes(outcomes, form, would=False)
    raise typer.Exit(_exit(outcomes))


@group.command()
def check(
    inventory: InventoryFile,
    *,
    limit: Limit = None,
    private_key: Key = None,
    context: Annotated[
        list[Path] | None, typer.Option(help="Files and folders with waivers.", readable=False, show_default=False)
    ] = None,
) -> None:
    """Say what `prepare` would change, and judge what the hosts are now by the baseline's policies. Changes nothing.

    Exits 1 when a policy denies a host, else as `prepare`.

    Example: tenantry hosts check onprem.yaml
    """
    from tenantry.check.formats import write_report
    from tenantry.check.run import check_paths
    from tenantry.cli.hosts_shown import write_outcomes
    from tenantry.hosts.facts import facts_of
    from tenantry.hosts.running import EVERYTHING, PREPARE

    machines = _read(inventory, limit)
    outcomes = _run(machines, PREPARE, private_key, check=True, roles=EVERYTHING)
    report = check_paths([Path("-")], context, stdin=_as_text(facts_of(machines, outcomes)))
    for line in write_report(report, Format.TEXT):
        typer.echo(line)
    write_outcomes(outcomes, Format.TEXT, would=True)
    code = _exit(outcomes)
    raise typer.Exit(Exit.DENIED if code is Exit.DONE and report.judged.deny else code)


@group.command()
def facts(
    inventory: InventoryFile,
    *,
    limit: Limit = None,
    private_key: Key = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="Write a file a host there, instead of all to the output."),
    ] = None,
) -> None:
    """Collect the facts of hosts, for `tenantry check`. Reads only; what can't be seen of a host says why.

    Exits 3 when a host can't be reached, after the others' facts are written.

    Example: tenantry hosts facts onprem.yaml
    """
    from tenantry.cli.tables import show_problems
    from tenantry.hosts.facts import facts_of
    from tenantry.hosts.running import FACTS

    machines = _read(inventory, limit)
    outcomes = _run(machines, FACTS, private_key, check=False)
    documents = facts_of(machines, outcomes)
    if output is None:
        typer.echo(_as_text(documents), nl=False)
    else:
        from tenantry.files import write_atomic

        for one in documents:
            write_atomic(output / f"{one['metadata']['name']}.json", _as_text([one]).encode())
        typer.echo(f"{len(documents)} host{'' if len(documents) == 1 else 's'} told of, in {output}.")
    show_problems(found for one in outcomes for found in one.problems)
    raise typer.Exit(_exit(outcomes))


def _as_text(documents: Sequence[Mapping[str, object]]) -> str:
    """Write documents as a stream of YAML whose documents are JSON."""
    import orjson

    return "---\n".join(orjson.dumps(one, option=orjson.OPT_INDENT_2).decode() + "\n" for one in documents)


def _read(file: Path, limit: Sequence[str] | None) -> "Inventory":
    from tenantry.hosts.reading import limit_to, read_inventory

    return limit_to(read_inventory(file), limit or ())


def _run(
    inventory: "Inventory", playbook: str, key: Path | None, *, check: bool, roles: Sequence[str] = ()
) -> Sequence["HostOutcome"]:
    from tenantry.cli.building import show_builds
    from tenantry.hosts.artefacts import artefacts_of
    from tenantry.hosts.running import PREPARE, run_playbook

    artefacts: Mapping[str, object] = {}
    if playbook == PREPARE:
        with show_builds() as building:
            artefacts = artefacts_of(inventory, roles, building)
    names = [host.name for host in inventory.spec.hosts]
    with _following(names) as progress:
        return run_playbook(inventory, playbook, key, check=check, progress=progress, roles=roles, artefacts=artefacts)


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
