"""`tenantry apply` and `tenantry sync`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import (
    ALL_AROUND,
    JOBS,
    Certificates,
    Context,
    DeleteBucket,
    Format,
    Jobs,
    OptionalTenants,
    OutputFormat,
    Policies,
    Tenants,
)
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.fleet.applying.outcome import Outcome


@app.command(short_help="Bring tenants to what their requests say.")
def apply(
    tenants: Tenants,
    *,
    context: Context = None,
    jobs: Jobs = JOBS,
    delete_bucket: DeleteBucket = None,
    policy: Policies = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Bring tenants to what their requests say. Running it again finishes what was half done, and changes nothing else.

    A tenant of which policies deny an object isn't touched; the others are. Exits 1 then, 2 when a request is wrong
    (and changes nothing), 3 when a tenant couldn't be applied.

    Example: tenantry apply stacks/example/tenants/laa-portal.yaml
    """
    from tenantry.fleet.applying.apply import apply_tenants

    how = partial(apply_tenants, buckets=delete_bucket or (), policies=policy)
    _work(tenants, context, jobs, form, how, verb="applying", idle="as asked; nothing was changed")


@app.command(short_help="Close what has ended, and change keys that are due.")
def sync(
    tenants: OptionalTenants = ALL_AROUND,
    *,
    context: Context = None,
    jobs: Jobs = JOBS,
    new_keys: Annotated[
        bool, typer.Option("--new-keys", help="Change all keys now; twice, and what leaked is worth nothing.")
    ] = False,
    retire: Annotated[
        bool, typer.Option("--retire/--no-retire", help="Retire the tenants whose leases and grace are over.")
    ] = True,
    certificate: Certificates = None,
    policy: Policies = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Do what is due: close grants that are over, change keys, cordon tenants whose leases ended, tell of leases.

    A tenant whose grace is over, too, is retired: where it holds data, as its Retirement says, else not at all. Made to
    run every day. A tenant of which nothing is due is left as it is, also where its request has changed. A key goes on
    to work until the next one after it is made. Exits as `apply` does.

    Example: tenantry sync stacks/example
    """
    from tenantry.fleet.applying.sync import sync_tenants
    from tenantry.paths import certificates_dir

    folder = certificates_dir(certificate) if retire else None
    how = partial(sync_tenants, policies=policy, new_keys=new_keys, certificates=folder)
    _work(tenants, context, jobs, form, how, verb="syncing", idle="looked at; nothing was due")


def _work(
    tenants: list[str],
    context: Context,
    jobs: int,
    form: Format,
    work: Callable[..., list["Outcome"]],
    *,
    verb: str,
    idle: str,
) -> None:
    """Work on tenants, and tell what became of them; `idle` says that nothing was to be done."""
    from tenantry.cli.building import show_builds
    from tenantry.cli.outcomes import following, write_outcomes
    from tenantry.fleet.applying.outcome import Action
    from tenantry.fleet.selection import select

    selection = select(tenants, context)
    with show_builds() as building, following(len(selection.planned), verb) as report:
        outcomes = work(selection, building, report, jobs=jobs)
    write_outcomes(outcomes, form, idle)
    if any(outcome.action is Action.FAILED for outcome in outcomes):
        raise typer.Exit(Exit.UNREACHABLE)
    if any(outcome.action is Action.DENIED for outcome in outcomes):
        raise typer.Exit(Exit.DENIED)
