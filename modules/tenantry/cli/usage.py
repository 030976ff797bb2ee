"""`tenantry status --usage`: what tenants use of their quotas, and departments of their ceilings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from tenantry.cli.options import Context, Format
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.contract.model import Quota
    from tenantry.fleet.telling.usage import BucketUse, DepartmentUse, Use


def show_usage(tenants: Sequence[str], context: Context, form: Format, *, objects: bool) -> None:
    """Show what is used, as the sites count it. Exits 3 when a site can't be asked.

    With `objects`, what buckets hold is counted where their store doesn't tell.
    """
    from tenantry.cli.tables import show_problems
    from tenantry.fleet.selection import select
    from tenantry.fleet.survey import survey
    from tenantry.fleet.telling.usage import (
        add_departments,
        find_bucket_uses,
        find_uses,
        tell_nearly_full,
        tell_nearly_full_buckets,
    )

    selection = select(tenants, context)
    found = survey(selection)
    uses = find_uses(found)
    departments = add_departments(uses, selection)
    buckets, failed = find_bucket_uses(found, count=objects)
    if form is Format.JSON:
        _write_json(uses, departments, buckets)
    else:
        _write_tables(uses, departments)
        _write_buckets(buckets)
    show_problems([*tell_nearly_full(uses), *tell_nearly_full_buckets(buckets)])
    errors = [*(problem for seen in found.seen if seen.error for problem in seen.error.problems), *failed]
    show_problems(errors)
    if errors:
        raise typer.Exit(Exit.UNREACHABLE)


def _write_tables(uses: Sequence["Use"], departments: Sequence["DepartmentUse"]) -> None:
    from tenantry.cli.tables import new_table, show
    from tenantry.contract.demand import AMOUNTS

    table = new_table("tenant", "id", "department", *AMOUNTS)
    for use in uses:
        table.add_row(use.name, use.tenant, use.department, *(_cell(use.used, use.quota, what) for what in AMOUNTS))
    show(table)
    typer.echo()
    table = new_table("department", "", *AMOUNTS)
    for one in departments:
        table.add_row(one.department, "used", *(_cell(one.used, one.ceiling, what) for what in AMOUNTS))
        table.add_row("", "given", *(_cell(one.given, one.ceiling, what) for what in AMOUNTS))
    show(table)
    typer.echo("Of storage, what volumes claim is used, and what buckets may hold is given; ! is over 90 %.")


def _write_buckets(uses: Sequence["BucketUse"]) -> None:
    """Show what buckets hold; of a site whose store doesn't tell, one line says so."""
    from tenantry.cli.tables import new_table, show
    from tenantry.contract.quantity import round_bytes

    known = [use for use in uses if use.bytes is not None]
    if known:
        typer.echo()
        table = new_table("bucket", "tenant", "site", "versions", "holds")
        for use in known:
            mark = " !" if use.nearly_full else ""
            holds = f"{round_bytes(use.bytes or 0)} of {round_bytes(use.quota)}{mark}"
            table.add_row(use.bucket, use.name, use.site, str(use.versions), holds)
        show(table)
    for site in sorted({use.site for use in uses if use.bytes is None}):
        count = sum(use.site == site for use in uses)
        what = f"What {count} bucket{'s hold' if count != 1 else ' holds'} at site {site} isn't known"
        typer.echo(f"{what}: its store doesn't tell. --objects counts it, by listing all.")


def _cell(used: "Quota", quota: "Quota", what: str) -> str:
    from tenantry.contract.demand import write_amount
    from tenantry.fleet.telling.usage import is_nearly_full

    mark = " !" if is_nearly_full(used, quota, what) else ""
    return f"{write_amount(what, getattr(used, what))} of {write_amount(what, getattr(quota, what))}{mark}"


def _write_json(uses: Sequence["Use"], departments: Sequence["DepartmentUse"], buckets: Sequence["BucketUse"]) -> None:
    import orjson

    plain = {
        "tenants": [
            {
                "tenant": use.tenant,
                "name": use.name,
                "department": use.department,
                "amounts": _amounts({"used": use.used, "quota": use.quota}, use.quota),
            }
            for use in uses
        ],
        "departments": [
            {
                "department": one.department,
                "amounts": _amounts({"used": one.used, "given": one.given, "ceiling": one.ceiling}, one.ceiling),
            }
            for one in departments
        ],
        "buckets": [
            {
                "bucket": use.bucket,
                "tenant": use.tenant,
                "site": use.site,
                "bytes": use.bytes,
                "versions": use.versions,
                "quota": use.quota,
                "nearlyFull": use.nearly_full,
            }
            for use in buckets
        ],
    }
    typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))


def _amounts(told: dict[str, "Quota"], quota: "Quota") -> dict[str, Any]:
    """Give each amount: CPU in millicores, memory and storage in bytes, pods as a number."""
    from tenantry.contract.demand import AMOUNTS
    from tenantry.fleet.telling.usage import is_nearly_full

    return {
        what: {name: getattr(each, what) for name, each in told.items()}
        | {"nearlyFull": is_nearly_full(told["used"], quota, what)}
        for what in AMOUNTS
    }
