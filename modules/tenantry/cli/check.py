"""`tenantry check`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Policies
from tenantry.problems import Exit, InputError, UnreachableError, problem

if TYPE_CHECKING:
    from tenantry.policy import Placed


class ReportFormat(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    OSCAL = "oscal"
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
    site: Annotated[
        list[str] | None,
        typer.Option(metavar="SITE", help="Judge all that lives at a site, too; may be given several times."),
    ] = None,
    context: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files and folders with what requests and manifests refer to: sites, departments and other tenants; "
            "namespaces and parameters. By default the nearest government's folder around.",
            readable=False,
        ),
    ] = None,
    policy: Policies = None,
    explain: Annotated[
        str | None, typer.Option(metavar="POLICY", help="Tell what a policy is for, instead of checking.")
    ] = None,
    undecidable: Annotated[
        Undecidable, typer.Option(help="What becomes of an object that can't be decided.")
    ] = Undecidable.DENY,
    form: Annotated[ReportFormat, typer.Option("--format", help="How the report is written.")] = ReportFormat.TEXT,
    output: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMAT=FILE", help="Write the report to a file, too; may be given several times."),
    ] = None,
) -> None:
    """Check requests and their like by the contract; manifests, live objects and the facts of hosts by policies.

    Manifests are files, what Helm and Kustomize print, and what `pulumi preview --json` and `pulumi stack export` say.

    Says everything that is wrong at once. Exits 0 when nothing is, 1 when a policy denies an object, 2 when a document
    is wrong in itself.

    Example: tenantry check stacks/example/tenants/laa-portal.yaml
    """
    if explain is not None:
        from tenantry.check.explain import explain_policy

        for line in explain_policy(explain, policy):
            typer.echo(line)
        return
    if not (paths or site):
        fix = "name files or folders, - for a pipe, or a site with --site"
        raise InputError(problem("TEN-100", "nothing was named to check", fix))
    from tenantry.check.formats import write_report
    from tenantry.check.manner import Manner, count_processes
    from tenantry.check.reading.gather import STDIN
    from tenantry.check.run import check_paths

    files = [_output(one) for one in output or ()]
    stdin = sys.stdin.read() if STDIN in map(str, paths or ()) else None
    asked = {form, *(name for name, _ in files)}
    live = _read_sites(site or (), policy)
    with _counting() as progress:
        manner = Manner(ReportFormat.TEXT in asked, ReportFormat.OSCAL in asked, count_processes(), progress)
        report = check_paths(paths or (), context, policies=policy, stdin=stdin, live=live, manner=manner)
    for line in write_report(report, form):
        typer.echo(line)
    for name, file in files:
        _write(file, "".join(f"{line}\n" for line in write_report(report, name)))
    if report.problems:
        raise typer.Exit(Exit.INPUT)
    denied = report.judged.deny or (undecidable is Undecidable.DENY and report.judged.undecidable)
    raise typer.Exit(Exit.DENIED if denied else Exit.DONE)


def _read_sites(sites: Sequence[str], policy: Path | None) -> list["Placed"]:
    """Read all that lives at sites and that policies are about."""
    if not sites:
        return []
    from tenantry.check.judging import load_baseline_policies
    from tenantry.fleet.site.manifests import read_manifests

    policies = [one.policy for one in load_baseline_policies(policy).policies]
    return [one for site in dict.fromkeys(sites) for one in read_manifests(site, policies)]


@contextmanager
def _counting() -> Iterator[Callable[[int], None]]:
    """Give a listener that counts judged objects on a terminal, as long as there is more than one batch of them."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} objects judged"), TimeElapsedColumn())
    # It refreshes when it is told, not in a thread of its own: processes are to begin as copies of this one.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bars:
        task = bars.add_task("", total=None, visible=False)
        yield lambda count: bars.update(task, advance=count, visible=True, refresh=True)


def _output(text: str) -> tuple[ReportFormat, Path]:
    """Take `FORMAT=FILE` apart."""
    name, _, file = text.partition("=")
    if name not in list(ReportFormat) or not file:
        fix = f"write FORMAT=FILE, with one of {', '.join(ReportFormat)}"
        raise InputError(problem("TEN-616", f"--output {text} isn't a format and a file", fix))
    return ReportFormat(name), Path(file)


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # In place: another file can't be put where a pipe, a terminal or a device is.
        file.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        what = f"the report can't be written to {file}: {error.strerror or error}"
        raise UnreachableError(problem("TEN-617", what, "name a file in a folder that can be written")) from None
