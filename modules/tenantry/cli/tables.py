"""Tables and problems for people: plain, aligned, and as wide as they need where nobody's terminal limits them."""

from collections.abc import Iterable

import typer
from rich.console import Console
from rich.table import Table

from tenantry.problems import Problem

WIDTH = 160
"""Columns of a table that goes to a file or a pipe."""


def new_table(*names: str) -> Table:
    """Make a table with these columns."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def show(table: Table) -> None:
    """Print a table to standard output."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(table)


def show_problems(problems: Iterable[Problem]) -> None:
    """Print each problem once to standard error: a site's fault is that of all its tenants."""
    for found in dict.fromkeys(problems):
        typer.echo(str(found), err=True)
