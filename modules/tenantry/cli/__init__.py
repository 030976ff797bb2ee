"""The command line. Each command is a module here; what it needs is imported when it runs, so `--help` stays quick."""

import atexit
import gc
import signal
import sys
from importlib import import_module
from typing import NoReturn

import typer

from tenantry.problems import Exit, TenantryError

app = typer.Typer(
    name="tenantry",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root() -> None:
    """Turns a department's one-page request into an isolated, compliant environment."""


# Order is that of the help page.
COMMANDS = (
    "demo",
    "check",
    "new",
    "render",
    "plan",
    "apply",
    "status",
    "retire",
    "catalogue",
    "grants",
    "baseline",
    "identity",
    "report",
    "env",
    "hosts",
    "hosts_bmc",
    "hosts_bundle",
    "hosts_upgrade",
    "sandbox",
    "toolchain",
    "version",
)

STOPPED = 128 + signal.SIGINT
"""The exit code after Ctrl-C, as shells have it."""


# Most of what a command makes, it needs to its end: looking for garbage as often as Python does by itself takes a
# sixth of the time that imports take.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def main() -> None:
    """Run the command line; a refusal or a failure prints all its problems and exits with its code."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # Else Python looks through all objects twice as it ends, which takes a tenth of a second, and frees nothing.
    atexit.register(gc.freeze)
    try:
        for command in COMMANDS:
            import_module(f"tenantry.cli.{command}")
        app()
    except TenantryError as error:
        for found in error.problems:
            typer.echo(str(found), err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        from tenantry.files import file_problem

        typer.echo(str(file_problem(error)), err=True)
        sys.exit(Exit.UNREACHABLE)
    except KeyboardInterrupt:
        _stop()
    except SystemExit as end:
        # What Typer makes of Ctrl-C, without a word.
        if end.code == STOPPED:
            _stop()
        raise


def _stop() -> NoReturn:
    typer.echo("Stopped. Run the same command again to finish what was half done.", err=True)
    sys.exit(STOPPED)
