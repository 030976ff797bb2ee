"""Shows a run over hosts as it goes, a bar a host, and what came of each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tenantry.cli.options import Format
from tenantry.cli.tables import new_table, show, show_problems
from tenantry.connection import write_connection
from tenantry.contract.model import Inventory
from tenantry.files import write_atomic
from tenantry.hosts.outcome import Action, HostOutcome, Step
from tenantry.paths import connections_dir

_STYLES = {
    Action.UNCHANGED: "dim",
    Action.CHANGED: "yellow",
    Action.STOPPED: "dim",
    Action.REFUSED: "bold red",
    Action.FAILED: "bold red",
    Action.UNREACHABLE: "bold red",
}
_MOST_BARS = 20


@contextmanager
def following(names: Sequence[str]) -> Iterator[Callable[[Step], None]]:
    """Give a listener that shows each host's role; without a terminal, a line for each role that a host ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[role]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        shown = names if len(names) <= _MOST_BARS else [f"{len(names)} hosts"]
        tasks = {name: bars.add_task(name, total=None, role="connecting") for name in shown}

        def step(one: Step) -> None:
            task = tasks.get(one.host, next(iter(tasks.values())))
            name = "" if one.host in tasks else f"{one.host} "
            bars.update(task, role=f"{name}{one.role}" + (f", {one.changes} changes" if one.changes else ""))

        yield step


class _Lines:
    """A line for each host and role, once."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[tuple[str, str]] = set()

    def __call__(self, step: Step) -> None:
        if step.role and (step.host, step.role) not in self._said:
            self._said.add((step.host, step.role))
            self._console.print(f"{step.host}: {step.role}", markup=False, highlight=False, soft_wrap=True)


def write_outcomes(outcomes: Sequence[HostOutcome], form: Format, *, would: bool) -> None:
    """Print what was changed on each host (or `would` be), what waits, each problem, and one line that sums it up."""
    if form is Format.JSON:
        import orjson

        typer.echo(orjson.dumps([_plain(one) for one in outcomes], option=orjson.OPT_INDENT_2))
        return
    table = new_table("host", "role", "change" if not would else "would change")
    for one in outcomes:
        for role, changes in one.changes.items():
            for change in changes:
                table.add_row(one.host, role, change)
    if table.row_count:
        show(table)
    for one in outcomes:
        for note in one.notes:
            typer.echo(f"{one.host}: {note}.")
    show_problems(found for one in outcomes for found in one.problems)
    typer.echo(_summary(outcomes, would=would))


def write_site(inventory: Inventory, target: Path) -> None:
    """Write the document of the site that an inventory's hosts are now, and say where; nothing, if it offers none.

    How this machine reaches the site is written too, where nobody wrote it before.
    """
    from tenantry.hosts.site_document import connection_of, site_document
    from tenantry.render.manifest import to_yaml

    document, name = site_document(inventory), inventory.spec.site
    if document is None:
        return
    write_atomic(target, to_yaml([document]).encode())
    typer.echo(f"The site {name} is described in {target}, which tenantry apply takes.", err=True)
    connection = connection_of(inventory)
    if connection is not None and not (connections_dir() / f"{name}.json").exists():
        typer.echo(f"How it is reached from here is in {write_connection(connection)}.", err=True)


def _summary(outcomes: Sequence[HostOutcome], *, would: bool) -> str:
    counts = {action: sum(one.action is action for one in outcomes) for action in Action}
    if counts[Action.UNCHANGED] == len(outcomes):
        count = f"{len(outcomes)} host{'' if len(outcomes) == 1 else 's'}"
        return f"{count} as asked; nothing {'to change' if would else 'was changed'}."
    words = {**{action: action.value for action in Action}, Action.STOPPED: "stopped before the first change"}
    words[Action.CHANGED] = "to change" if would else "changed"
    return ", ".join(f"{count} {words[action]}" for action, count in counts.items() if count) + "."


def _plain(one: HostOutcome) -> dict[str, object]:
    return {
        "host": one.host,
        "action": one.action.value,
        "changes": one.changes,
        "notes": one.notes,
        **({"bmc": one.bmc} if one.bmc is not None else {}),
        "problems": [{"code": found.code, "message": found.message, "fix": found.fix} for found in one.problems],
    }
