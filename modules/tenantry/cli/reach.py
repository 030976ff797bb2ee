"""`tenantry status --reach`: who reaches a tenant, whom it reaches, on what ports, and why."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from tenantry.cli.options import Context, Format
from tenantry.contract.model import join_name
from tenantry.problems import Exit

if TYPE_CHECKING:
    from tenantry.fleet.selection import Selection
    from tenantry.fleet.telling.reach import Reach
    from tenantry.reach.ways import Way


def show_reach(tenants: Sequence[str], context: Context, form: Format) -> None:
    """Print all that the network policies at the sites open to and from tenants. Exits 3 when a site can't be asked.

    Intents whose other side doesn't agree are told of on standard error.
    """
    from tenantry.cli.tables import show_problems
    from tenantry.fleet.selection import select
    from tenantry.fleet.telling.reach import find_reach

    selection = select(tenants, context)
    found = find_reach(selection.planned)
    if form is Format.JSON:
        _write_json(found.ways, selection)
    else:
        _write_table(found, selection)
    show_problems([*selection.idle, *found.problems])
    if found.problems:
        raise typer.Exit(Exit.UNREACHABLE)


def _names(selection: "Selection") -> dict[str, str]:
    """Give the names of all tenants that are known, by their ids: a peer needn't be one that was asked about."""
    return {request.spec["id"]: str(request.text("metadata", "name")) for request in selection.documents.requests}


def _write_table(found: "Reach", selection: "Selection") -> None:
    from tenantry.cli.tables import new_table, show

    names = _names(selection)
    table = new_table("tenant", "namespaces", "", "peer", "ports", "why")
    before = ""
    for way in found.ways:
        tenant = f"{names[way.tenant]} ({way.tenant})" if way.tenant != before else ""
        before = way.tenant
        spaces = ", ".join(name.removeprefix(join_name(way.tenant, "")) for name in way.namespaces)
        table.add_row(tenant, spaces, way.direction, _name(way, names), str(way.ports), "; ".join(way.why))
    for one in selection.planned:
        if one.tenant.id in found.absent:
            nothing = f"nothing of it lives at {one.site.name}"
            table.add_row(f"{one.tenant.name} ({one.tenant.id})", "", "", "", "", nothing)
    show(table)


def _name(way: "Way", names: dict[str, str]) -> str:
    peer = way.peer
    if peer.tenant == way.tenant:
        return "itself"
    if peer.tenant:
        return f"{names.get(peer.tenant, 'unknown')} ({peer.tenant})"
    return f"{peer}, of no tenant" if peer.namespaces else str(peer)


def _write_json(ways: Sequence["Way"], selection: "Selection") -> None:
    import orjson

    names = _names(selection)
    sites = {one.tenant.id: one.site.name for one in selection.planned}
    plain = [
        {
            "tenant": way.tenant,
            "name": names[way.tenant],
            "site": sites[way.tenant],
            "namespaces": way.namespaces,
            "direction": way.direction,
            "peer": {name: value for name, value in asdict(way.peer).items() if value},
            "ports": [{"protocol": name, "first": first, "last": last} for name, first, last in way.ports.spans],
            "why": way.why,
        }
        for way in ways
    ]
    typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
