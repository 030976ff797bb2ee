"""Options that several commands share: each is named, explained and defaulted here."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a command writes what it found."""

    TEXT = "text"
    JSON = "json"


Tenants = Annotated[
    list[str],
    typer.Argument(
        metavar="TENANT...", help="Requests (files or folders), or names or ids of tenants.", show_default=False
    ),
]
SiteName = Annotated[str, typer.Argument(metavar="SITE", help="A site's name.", show_default=False)]
OptionalTenants = Annotated[
    list[str],
    typer.Argument(
        metavar="[TENANT]...", help="Requests (files or folders), or names or ids of tenants; by default all around."
    ),
]
ALL_AROUND = ["."]
"""The tenants of a command that looks at tenants and is told none: those of the folder that it is run in."""
Context = Annotated[
    Path | None,
    typer.Option(
        help="The government's folder: sites, departments and all requests. By default the nearest one around."
    ),
]
OutputFormat = Annotated[Format, typer.Option("--format", help="How the result is written.")]
Policies = Annotated[
    Path | None, typer.Option("--policy", help="A folder of policies instead of the baseline's own.", readable=False)
]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="How many tenants are worked on at the same time.")]
JOBS = 4
"""By default: a tenant waits for its site half of the time that it takes, so it is more than the cores of most."""
DeleteBucket = Annotated[
    list[str] | None,
    typer.Option(metavar="BUCKET", help="A bucket that may be deleted although it holds objects; once for each."),
]
Certificates = Annotated[
    Path | None,
    typer.Option(
        "--certificate",
        metavar="FOLDER",
        help="Where certificates of retirement are written; by default in the state folder.",
    ),
]


def given_file(path: Path | None) -> Path | None:
    """Give the value of an option that names a file which has to be there. Raises InputError (TEN-100)."""
    if path is not None:
        from tenantry.contract.reading.source import refuse_unreadable

        refuse_unreadable(path)
    return path
