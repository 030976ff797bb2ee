"""`tenantry hosts prepare | check | facts`; `bmc`, `bundle` and `upgrade` have modules of their own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Format, OutputFormat, given_file
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.contract.model import Inventory
    from tenantry.hosts.outcome import HostOutcome, Step


class RoleName(StrEnum):
    """The roles that can be run by themselves."""

    BASELINE = "baseline"
    STORAGE = "storage"
    SSHD = "sshd"
    TIME = "time"
    FIREWALL = "firewall"
    PKI = "pki"
    ETCD = "etcd"
    CONTROLPLANE = "controlplane"
    PROVISION = "provision"
    OBJECTSTORE = "objectstore"
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
        callback=given_file,
        help="The key to log in by. By default what SSH itself tries.",
    ),
]
BundleFile = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="FILE",
        callback=given_file,
        help="A bundle, from which packages and programs are installed that hosts lack, and from nowhere else.",
    ),
]


@group.command()
def prepare(
    inventory: InventoryFile,
    *,
    limit: Limit = None,
    role: Roles = None,
    private_key: Key = None,
    bundle: BundleFile = None,
    site: Annotated[
        Path | None,
        typer.Option(
            "--site",
            metavar="FILE",
            dir_okay=False,
            help="Where to write the site's document. By default SITE.site.yaml beside the inventory.",
            show_default=False,
        ),
    ] = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Bring hosts to the baseline. What is as it should be stays as it is; running again finishes what was half done.

    Once all hosts of an inventory with `offers` are as asked, writes the document of their site for `tenantry apply`.

    Exits 2 when the inventory or the bundle is wrong, or a host is refused before anything was changed; 3 when a host
    can't be reached, or something failed on it.

    Example: tenantry hosts prepare onprem.yaml
    """
    from tenantry.cli.hosts_shown import write_outcomes, write_site
    from tenantry.hosts.alone import alone
    from tenantry.hosts.running import PREPARE

    machines = read(inventory, limit)
    with alone(machines):
        outcomes = _run(machines, PREPARE, private_key, check=False, limit=limit or (), roles=role or (), bundle=bundle)
    write_outcomes(outcomes, form, would=False)
    if exit_code(outcomes) is Exit.DONE and not limit and not role:
        write_site(machines, site or inventory.with_name(f"{machines.spec.site}.site.yaml"))
    raise typer.Exit(exit_code(outcomes))


@group.command()
def check(
    inventory: InventoryFile,
    *,
    limit: Limit = None,
    private_key: Key = None,
    bundle: BundleFile = None,
    context: Annotated[
        list[Path] | None, typer.Option(help="Files and folders with waivers.", readable=False, show_default=False)
    ] = None,
) -> None:
    """Say what `prepare` would change, and judge the hosts.

    Nothing is changed. What the hosts are now is judged by the baseline's policies.

    Exits 1 when a policy denies a host, else as `prepare`.

    Example: tenantry hosts check onprem.yaml
    """
    from tenantry.check.formats import write_report
    from tenantry.check.run import check_paths
    from tenantry.cli.hosts_shown import write_outcomes
    from tenantry.hosts.facts import facts_of
    from tenantry.hosts.running import EVERYTHING, PREPARE

    machines = read(inventory, limit)
    outcomes = _run(machines, PREPARE, private_key, check=True, limit=limit or (), roles=EVERYTHING, bundle=bundle)
    report = check_paths([Path("-")], context, stdin=_as_text(facts_of(machines, outcomes)))
    for line in write_report(report, Format.TEXT):
        typer.echo(line)
    write_outcomes(outcomes, Format.TEXT, would=True)
    code = exit_code(outcomes)
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
    """Collect the facts of hosts, for `tenantry check`.

    Reads only; what can't be seen of a host says why.

    Exits 3 when a host can't be reached, after the others' facts are written.

    Example: tenantry hosts facts onprem.yaml
    """
    from tenantry.cli.tables import show_problems
    from tenantry.hosts.facts import facts_of
    from tenantry.hosts.running import FACTS

    machines = read(inventory, limit)
    outcomes = _run(machines, FACTS, private_key, check=False, limit=limit or ())
    documents = facts_of(machines, outcomes)
    if output is None:
        typer.echo(_as_text(documents), nl=False)
    else:
        from tenantry.files import write_atomic

        for one in documents:
            write_atomic(output / f"{one['metadata']['name']}.json", _as_text([one]).encode())
        typer.echo(f"{len(documents)} host{'' if len(documents) == 1 else 's'} told of, in {output}.")
    show_problems(found for one in outcomes for found in one.problems)
    raise typer.Exit(exit_code(outcomes))


def _as_text(documents: Sequence[Mapping[str, object]]) -> str:
    """Write documents as a stream of YAML whose documents are JSON."""
    import orjson

    return "---\n".join(orjson.dumps(one, option=orjson.OPT_INDENT_2).decode() + "\n" for one in documents)


def read(file: Path, limit: Sequence[str] | None) -> "Inventory":
    """Read an inventory, which has to have the hosts that are named."""
    from tenantry.hosts.reading import check_limit, read_inventory

    inventory = read_inventory(file)
    check_limit(inventory, limit or ())
    return inventory


def _run(
    inventory: "Inventory",
    playbook: str,
    key: Path | None,
    *,
    check: bool,
    limit: Sequence[str],
    roles: Sequence[str] = (),
    bundle: Path | None = None,
) -> Sequence["HostOutcome"]:
    from tenantry.cli.building import show_builds
    from tenantry.hosts.binaries import binaries_of
    from tenantry.hosts.running import PREPARE, run_playbook
    from tenantry.toolchain import ensure

    if playbook == PREPARE and bundle is None:
        with show_builds() as building:
            ensure(binaries_of(inventory, roles, limit), building)
    names = [host.name for host in inventory.spec.hosts if not limit or host.name in limit]
    with opened(bundle, inventory) as folder, follow(names) as progress:
        return run_playbook(
            inventory,
            playbook,
            key,
            check=check,
            progress=progress,
            roles=roles,
            limit=limit,
            bundle=folder,
        )


@contextmanager
def opened(bundle: Path | None, inventory: "Inventory") -> Iterator[Path | None]:
    """Open a bundle for as long as it is needed, and give its folder; nothing where there is none."""
    if bundle is None:
        yield None
        return
    from tenantry.hosts.bundle.opening import opened_bundle

    with opened_bundle(bundle, inventory) as folder:
        yield folder


@contextmanager
def follow(names: Sequence[str]) -> Iterator[Callable[["Step"], None]]:
    """Show what happens on hosts, as it does."""
    from tenantry.cli.hosts_shown import following

    with following(names) as progress:
        yield progress


def exit_code(outcomes: Sequence["HostOutcome"]) -> Exit:
    """Give the exit code for what became of hosts."""
    from tenantry.hosts.outcome import Action

    actions = {one.action for one in outcomes}
    if actions & {Action.FAILED, Action.UNREACHABLE}:
        return Exit.UNREACHABLE
    return Exit.INPUT if Action.REFUSED in actions else Exit.DONE
