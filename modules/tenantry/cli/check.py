"""`tenantry check`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tenantry.cli import app
from tenantry.problems import Exit, InputError, problem


class ReportFormat(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class Undecidable(StrEnum):
    """What becomes of what can't be decided."""

    DENY = "deny"
    WARN = "warn"


@app.command(short_help="Say all that is wrong with requests and manifests.")
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATHS...",
            help="Files and folders to check; - is standard input.",
            readable=False,
            allow_dash=True,
            show_default=False,
        ),
    ] = None,
    *,
    context: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files and folders with what requests and manifests refer to: sites, departments and other tenants; "
            "namespaces and parameters. By default the nearest government's folder around.",
            readable=False,
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="A folder of policies instead of the baseline's own.", readable=False)
    ] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="POLICY", help="Tell what a policy is for, instead of checking.")
    ] = None,
    undecidable: Annotated[
        Undecidable, typer.Option(help="What becomes of an object that can't be decided.")
    ] = Undecidable.DENY,
    form: Annotated[ReportFormat, typer.Option("--format", help="How the report is written.")] = ReportFormat.TEXT,
) -> None:
    """Check requests and their like by the contract, and Kubernetes manifests by the baseline's policies.

    Says everything that is wrong at once. Exits 0 when nothing is, 1 when a policy denies an object, 2 when a document
    is wrong in itself.

    Example: tenantry check stacks/example/tenants/laa-portal.yaml
    """
    if explain is not None:
        from tenantry.check.explain import explain_policy

        for line in explain_policy(explain, policy):
            typer.echo(line)
        return
    if not paths:
        raise InputError(problem("TEN-100", "nothing was named to check", "name files or folders, or - for a pipe"))
    from tenantry.check.gather import STDIN
    from tenantry.check.run import check_paths
    from tenantry.check.write import WRITERS

    stdin = sys.stdin.read() if any(str(path) == STDIN for path in paths) else None
    report = check_paths(paths, context, policies=policy, stdin=stdin, explain=form is ReportFormat.TEXT)
    for line in WRITERS[form](report):
        typer.echo(line)
    if report.problems:
        raise typer.Exit(Exit.INPUT)
    denied = report.judged.deny or (undecidable is Undecidable.DENY and report.judged.undecidable)
    raise typer.Exit(Exit.DENIED if denied else Exit.DONE)
