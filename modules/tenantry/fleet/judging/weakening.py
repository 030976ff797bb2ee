"""Refuses what would weaken the protection of data that a tenant holds, unless those agreed who answer for it."""

from collections.abc import Iterable

from tenantry.contract.protection import Change, find_changes, tell_lacking
from tenantry.contract.reading.document import Document
from tenantry.fleet.selection import Selection
from tenantry.fleet.survey import Seen
from tenantry.problems import Problem


def list_changes(seen: Seen) -> list[Change]:
    """List what protects a tenant's data and would no longer, were its request applied now."""
    planned = seen.planned
    return find_changes(seen.held, planned.tenant, planned.protection, planned.baseline) if seen.held else []


def find_weakened(waiting: Iterable[Seen], selection: Selection) -> dict[str, tuple[Problem, ...]]:
    """Give, by tenant id, each change that weakens the protection of data and lacks an approval; nothing of others."""
    requests = {request.spec["id"]: request for request in selection.documents.requests}
    found = {seen.planned.tenant.id: tuple(_refuse(seen, requests[seen.planned.tenant.id])) for seen in waiting}
    return {tenant: problems for tenant, problems in found.items() if problems}


def _refuse(seen: Seen, request: Document) -> Iterable[Problem]:
    tenant, roles = seen.planned.tenant, seen.held.approvals if seen.held else ()
    used = seen.record.approvals if seen.record else ()
    for change in list_changes(seen):
        if lacking := tell_lacking(change, roles, tenant.spec.weakening, used):
            what = f"{tenant.name} ({tenant.id}): {change.what}; {lacking}"
            others = ", each somebody else" if len(roles) > 1 else ""
            agreed = f"name {change} in weakening.changes, approved there anew as {' and '.join(roles)}{others}"
            yield request.problem(change.code, what, f"{change.keep}, or {agreed}", change.path)
