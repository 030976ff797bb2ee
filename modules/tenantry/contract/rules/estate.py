"""Rules of all tenants together: one owner for each id and name; known peers; the department's ceiling."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from tenantry.contract.demand import AMOUNTS, find_demand, write_amount
from tenantry.contract.model import Department, Tenant
from tenantry.contract.reading.document import Document, Path, cut
from tenantry.contract.rules.hosts import called, judge_hosts
from tenantry.contract.rules.scope import Completed, Scope
from tenantry.contract.rules.waivers import is_waived
from tenantry.problems import Problem

CEILING_POLICY = "request-quota-ceiling"
"""The policy that says the same of a tenant alone; a waiver from it lets both pass, and there it is shown."""


def judge_requests(requests: Sequence[Document]) -> Iterator[Problem]:
    """Find what two requests both claim.

    Looks at requests as written, so that one that can't be completed, or has problems of its own, still counts.
    """
    yield from _unique_ids(requests)
    yield from _unique_names(requests)
    yield from judge_hosts(requests)


def judge_ceilings(scope: Scope) -> Iterator[Problem]:
    """Hold each tenant, and all of a department together, to the department's ceiling.

    What a tenant asks for above the ceiling under a waiver is outside of it, and doesn't count among the others'.
    """
    by_department: defaultdict[str, list[Completed]] = defaultdict(list)
    for completed in scope.completed:
        by_department[completed.tenant.spec.department].append(completed)
    for name, tenants in by_department.items():
        department = scope.documents.departments.get(name)
        if department is not None:
            for what in AMOUNTS:
                yield from _ceiling(department, tenants, what, scope)


def _ceiling(department: Department, tenants: Sequence[Completed], what: str, scope: Scope) -> Iterator[Problem]:
    ceiling = getattr(department.spec.ceiling, what)
    limit, total, told = write_amount(what, ceiling), 0, False
    around = scope.documents.context_files
    for completed in tenants:
        asked = getattr(find_demand(completed.tenant), what)
        above = asked > ceiling
        if above and is_waived(completed.tenant, CEILING_POLICY, scope.documents, scope.day):
            continue
        total += asked
        fix = f"lower it, or have the ceiling of {department.name} raised"
        if above:
            fix = f"lower it, have the ceiling of {department.name} raised, or attach a waiver for {CEILING_POLICY}"
            amount = write_amount(what, asked)
            said = f"{_called(completed.tenant, what)} {amount}, above the department's ceiling of {limit}"
        elif total > ceiling and not told:
            together = write_amount(what, total)
            said = (
                f"with this quota.{what} the tenants of {department.name} have {together}, above its ceiling of {limit}"
            )
            # One is enough, but it must be one that is asked about.
            told = completed.request.file not in around
        else:
            continue
        yield completed.problem("TEN-104", said, fix, "quota", what)


def _called(tenant: Tenant, what: str) -> str:
    """Say what an amount is of: of storage, what buckets may hold counts, too."""
    with_buckets = what == "storage" and any(bucket.quota for bucket in tenant.spec.buckets)
    return "quota.storage and the quotas of its buckets are" if with_buckets else f"quota.{what} is"


def _unique_ids(requests: Sequence[Document]) -> Iterator[Problem]:
    first: dict[str, Document] = {}
    for request in requests:
        tenant_id = request.text("spec", "id")
        if tenant_id and (other := first.setdefault(tenant_id, request)) is not request:
            what = f"the id {cut(tenant_id)} is taken by {called(other)}, in {other.at}"
            yield request.problem("TEN-130", what, "make one with `tenantry new`", ("spec", "id"))


def _unique_names(requests: Sequence[Document]) -> Iterator[Problem]:
    """Refuse a second request with the same name in the same department."""
    first: dict[tuple[str, str], Document] = {}
    for request in requests:
        department, name = request.text("spec", "department"), request.text("metadata", "name")
        if department and name and (other := first.setdefault((department, name), request)) is not request:
            what = f"{cut(department)} already has a tenant named {cut(name)}, in {other.at}"
            yield request.problem("TEN-131", what, "give it another name", ("metadata", "name"))


def judge_peers(
    requests: Sequence[Document], others: Sequence[Document] | None, ending: Collection[str] = ()
) -> Iterator[Problem]:
    """Find intents whose peer is nobody among the others, or the tenant itself. Without others, nobody is unknown.

    Those to one of the tenants that are `ending` are told by `rules.retirements`.
    """
    known = None if others is None else {other.text("spec", "id") for other in others}
    for request in requests:
        for index, intent in enumerate(request.spec.get("intents", ())):
            peer = intent.get("tenant")
            if peer is None or peer in ending:
                continue
            path: Path = ("spec", "intents", index, "tenant")
            if peer == request.spec["id"]:
                what = "the intent's peer is the tenant itself, whose namespaces reach each other anyway"
                yield request.problem("TEN-139", what, "remove the intent", path)
            elif known is not None and peer not in known:
                what = f"the intent's peer {peer} is no tenant that is known here"
                fix = "correct the id, or name the folder of its request too (`--context`)"
                yield request.problem("TEN-139", what, fix, path)
