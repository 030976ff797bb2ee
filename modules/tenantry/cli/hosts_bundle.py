"""`tenantry hosts bundle`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli.hosts import InventoryFile, group
from tenantry.cli.options import Format, OutputFormat

if TYPE_CHECKING:
    from tenantry.hosts.bundle.collect import Bundle

_NO_UPDATES = (
    "The bundle tells hosts of no security updates, for no archive of this machine's apt has any: add Debian's, run "
    "apt-get update, and make it anew. Else the policy host-patches denies hosts that reach no archive."
)


@group.command()
def bundle(
    inventory: InventoryFile,
    *,
    output: Annotated[Path, typer.Option(metavar="FILE", dir_okay=False, help="The archive that is written.")],
    signing_key: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="The private key of OpenSSH's to sign with; or a public one, whose private half your agent holds.",
        ),
    ],
    form: OutputFormat = Format.TEXT,
) -> None:
    """Collect what hosts need offline in one signed archive.

    `prepare --bundle` installs from it, with all other network cut. In it are Debian's packages with all that they
    depend on, and programs of the toolchain, as the hosts' roles ask. Where nothing of it has changed, the archive
    stays as it is.

    Exits 2 when the inventory, the key or a package's name is wrong; 3 when packages can't be fetched or built.

    Example: tenantry hosts bundle onprem.yaml --output onprem.bundle --signing-key ~/.ssh/id_ed25519
    """
    from tenantry.cli.building import show_builds
    from tenantry.hosts.bundle.collect import check_key, collect, needs_of
    from tenantry.hosts.reading import read_inventory
    from tenantry.toolchain import ensure

    machines = read_inventory(inventory)
    check_key(machines, signing_key)
    needs = needs_of(machines)
    with show_builds() as building:
        binaries = ensure(needs.asked.binaries, building)
    with _following() as progress:
        made = collect(machines, needs, binaries, output=output, key=signing_key, progress=progress)
    show_bundle(made, form)


@contextmanager
def _following() -> Iterator[Callable[[str, float, float], None]]:
    """Give a listener that shows each step of a collection; without a terminal, a line for each."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    last = ""
    if not console.is_terminal:

        def say(step: str, _done: float, _total: float) -> None:
            nonlocal last
            if step != last:
                last = step
                console.print(step, markup=False, highlight=False, soft_wrap=True)

        yield say
        return
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bars:
        task = bars.add_task("", total=None)

        def show(step: str, done: float, total: float) -> None:
            bars.update(task, description=step, completed=done, total=total or None)

        yield show


def show_bundle(made: "Bundle", form: Format) -> None:
    """Print what a bundle holds, its size and digest, and whose signature it has."""
    from tenantry.cli.tables import new_table, show
    from tenantry.contract.structure import unstructure
    from tenantry.hosts.bundle.manifest import ArtefactKind, total_size

    if not made.manifest.of_kind(ArtefactKind.UPDATES):
        typer.echo(_NO_UPDATES, err=True)
    spec = made.manifest.spec
    if form is Format.JSON:
        import orjson

        said = {"file": str(made.file), "sha256": made.sha256, "signer": made.signer, "written": made.written}
        plain = {**said, "manifest": unstructure(made.manifest)}
        typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
        return
    table = new_table("kind", "name", "version", "architecture", "KiB")
    for one in sorted(spec.artefacts, key=lambda one: (one.kind, one.name)):
        table.add_row(one.kind.value, one.name, one.version, one.architecture, f"{-(-one.size // 1024):,}")
    show(table)
    size = f"{len(spec.artefacts)} files, {total_size(spec.artefacts) / 1e6:.0f} MB"
    meant = f"{spec.system.id} {spec.system.version} {spec.system.architecture}"
    state = "written" if made.written else "as it should be; nothing was written"
    typer.echo(f"{made.file} is {state}: {size}, for {meant}.")
    typer.echo(f"SHA-256 {made.sha256}, signed by {made.signer}.")
