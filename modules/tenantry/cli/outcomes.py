"""Shows an apply as it goes, one bar over all tenants, and what came of it as a table."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tenantry.cli.options import Format
from tenantry.cli.tables import new_table, show, show_problems

if TYPE_CHECKING:
    from tenantry.fleet.applying.outcome import Outcome

STYLES = {
    "created": "green",
    "changed": "yellow",
    "unchanged": "dim",
    "retired": "yellow",
    "denied": "bold red",
    "failed": "bold red",
}


MANY = 30
"""More tenants than anybody reads a row for: of so many, only those that changed are shown."""


@contextmanager
def following(count: int, verb: str) -> Iterator[Callable[["Outcome"], None]]:
    """Give a listener that moves one bar over all tenants; without a terminal, a line for each tenant that changed."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda outcome: _say(console, outcome)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[last]}"), console=console) as bars:
        task = bars.add_task(verb, total=count, last="")
        yield lambda outcome: bars.update(task, advance=1, last=f"{outcome.planned.tenant.name} {outcome.action}")


def _say(console: Console, outcome: "Outcome") -> None:
    if outcome.action != "unchanged":
        line = f"{outcome.action} {outcome.planned.tenant.name} in {outcome.seconds:.1f} s"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def write_outcomes(outcomes: Sequence["Outcome"], form: Format, idle: str = "") -> None:
    """Print each tenant's outcome, then each problem, then one line that sums it up: `idle`, where none changed."""
    ordered = sorted(outcomes, key=lambda one: (one.planned.tenant.spec.department, one.planned.tenant.name))
    if form is Format.JSON:
        import orjson

        typer.echo(orjson.dumps([_plain(one) for one in ordered], option=orjson.OPT_INDENT_2))
        return
    rows = ordered if len(ordered) <= MANY else [one for one in ordered if one.action != "unchanged"]
    if rows:
        show(_table(rows))
    for one in ordered:
        if one.certificate is not None:
            typer.echo(f"The certificate of {one.planned.tenant.name} is {one.certificate}, with a page beside it.")
    show_problems(found for one in ordered for found in one.problems)
    typer.echo(_summary(ordered, idle))


def _table(outcomes: Sequence["Outcome"]) -> Table:
    table = new_table("tenant", "department", "class", "site")
    for name in ("namespaces", "objects", "buckets", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in outcomes:
        planned, rendered = one.planned, one.planned.rendered
        table.add_row(
            planned.tenant.name,
            planned.tenant.spec.department,
            planned.tenant.spec.classification.value,
            planned.site.name,
            str(len(rendered.namespaces)),
            str(len(rendered.documents)),
            str(len(rendered.buckets)),
            f"{one.seconds:.1f}" if one.seconds else "",
            f"[{STYLES[one.action.value]}]{one.action.value}[/]",
        )
    return table


def _summary(outcomes: Sequence["Outcome"], idle: str) -> str:
    counts = {action: sum(one.action == action for one in outcomes) for action in STYLES}
    if counts["unchanged"] == len(outcomes):
        return f"{len(outcomes)} tenant{'s' if len(outcomes) != 1 else ''} {idle}."
    return ", ".join(f"{count} {action}" for action, count in counts.items() if count) + "."


def _plain(one: "Outcome") -> dict[str, object]:
    planned, rendered = one.planned, one.planned.rendered
    return {
        "tenant": planned.tenant.id,
        "name": planned.tenant.name,
        "department": planned.tenant.spec.department,
        "classification": planned.tenant.spec.classification.value,
        "site": planned.site.name,
        "namespaces": list(rendered.namespaces),
        "objects": len(rendered.documents),
        "buckets": list(rendered.buckets),
        "action": one.action.value,
        "seconds": round(one.seconds, 3),
        **({"certificate": str(one.certificate)} if one.certificate else {}),
        "problems": [{"code": found.code, "message": found.message, "fix": found.fix} for found in one.problems],
    }
