"""`tenantry demo`."""

import typer

from tenantry.cli import app
from tenantry.cli.options import JOBS, Jobs
from tenantry.problems import Exit

NEXT = """
Next, try:
  tenantry status {example}                  where every tenant stands
  tenantry render {tenant}
                                             exactly the objects of one of them
  tenantry new service --name my-service --department {department}
                                             a request of your own, with comments
  tenantry sandbox status                    the two sites' servers
  tenantry sandbox down                      stop them; their data stays
"""


@app.command(short_help="Provision the example government on the sandbox.")
def demo(jobs: Jobs = JOBS) -> None:
    """Start the sandbox if it isn't up, check and provision the example government, and show what it made.

    Run again, it changes nothing and says so.

    Example: tenantry demo
    """
    from tenantry.cli.building import show_builds
    from tenantry.cli.options import Format
    from tenantry.cli.outcomes import following, write_outcomes
    from tenantry.cli.sandbox import start
    from tenantry.data import example_dir
    from tenantry.fleet.applying.apply import apply_tenants
    from tenantry.fleet.applying.outcome import Action
    from tenantry.fleet.selection import select

    example = example_dir()
    selection = select([str(example)])
    documents = selection.documents
    typer.echo(
        f"The example government: {len(documents.sites)} sites, {len(documents.departments)} departments, "
        f"{len(documents.requests)} requests; no problems found."
    )
    start()
    with show_builds() as building, following(len(selection.planned), "applying") as report:
        outcomes = apply_tenants(selection, building, report, jobs=jobs)
    write_outcomes(outcomes, Format.TEXT)
    if any(outcome.action is Action.FAILED for outcome in outcomes):
        raise typer.Exit(Exit.UNREACHABLE)
    one = min((example / "tenants").glob("*.yaml"))
    typer.echo(NEXT.format(example=example, tenant=one, department=min(documents.departments)), nl=False)
