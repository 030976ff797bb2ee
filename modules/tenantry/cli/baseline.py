"""`tenantry baseline sync`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Context, Format, OutputFormat, Policies, SiteName
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.fleet.baseline.sync import Newly, Step

group = typer.Typer(help="The baseline at sites.", short_help="The baseline's policies at sites.")
app.add_typer(group, name="baseline", no_args_is_help=True)


@group.command()
def sync(
    site: SiteName,
    *,
    context: Context = None,
    policy: Policies = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Say which live objects would newly be denied, and change nothing.")
    ] = False,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Install the baseline's policies at a site, with the waivers in force, and remove what it no longer has.

    A policy that would lock out the control plane, or tenantry, is refused before anything is changed (exit code 1).

    Example: tenantry baseline sync onprem --preview
    """
    from tenantry.connection import read_connection
    from tenantry.contract.load import load_baseline
    from tenantry.fleet.baseline.sync import SiteBaseline
    from tenantry.fleet.baseline.waivers import read_waivers_around
    from tenantry.fleet.site.kube import KubeClient

    waivers = read_waivers_around(context)
    found = SiteBaseline(KubeClient(read_connection(site)), policy, waivers, load_baseline())
    if preview:
        newly = found.preview()
        _write_newly(newly, site, form)
        raise typer.Exit(Exit.DENIED if newly else Exit.DONE)
    _write_steps(found.sync(), site, [one.name for one in waivers], form)


def _write_newly(newly: Sequence["Newly"], site: str, form: Format) -> None:
    if form is Format.JSON:
        import orjson

        typer.echo(orjson.dumps([{"object": n.object, "policy": n.policy, "message": n.message} for n in newly]))
        return
    for one in newly:
        typer.echo(f"{one.object}\n  would be denied by {one.policy}: {one.message}")
    count = len({one.object for one in newly})
    typer.echo(f"{count or 'No'} live object{'' if count == 1 else 's'} at {site} would newly be denied.")


def _write_steps(steps: Sequence["Step"], site: str, waivers: Sequence[str], form: Format) -> None:
    if form is Format.JSON:
        import orjson

        plain = [{"kind": one.kind, "name": one.name, "action": one.action.value} for one in steps]
        typer.echo(orjson.dumps({"site": site, "steps": plain, "waivers": waivers}, option=orjson.OPT_INDENT_2))
        return
    for one in steps:
        if one.action.value != "unchanged":
            typer.echo(f"{one.action.value} {one.kind} {one.name}")
    counts = {action: sum(one.action.value == action for one in steps) for action in ("created", "changed", "removed")}
    told = ", ".join(f"{count} {action}" for action, count in counts.items() if count) or "nothing was changed"
    held = f"; waivers in force: {', '.join(waivers)}" if waivers else ""
    typer.echo(f"{len(steps)} policies and bindings at {site}: {told}{held}.")
