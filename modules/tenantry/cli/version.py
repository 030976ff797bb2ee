"""`tenantry version`."""

import typer

from tenantry import __version__
from tenantry.cli import app


@app.command()
def version() -> None:
    """Print tenantry's version.

    Example: tenantry version
    """
    typer.echo(__version__)
