"""Rules of all tenants together: one owner for each id, name and host; known peers; the department's ceiling."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tenantry.contract.model import Bytes, Department, Millicores
from tenantry.contract.quantity import format_bytes, format_cpu
from tenantry.contract.reading.document import Document, Path
from tenantry.contract.rules.scope import Completed, Scope
from tenantry.problems import Problem


def judge_requests(requests: Sequence[Document]) -> Iterator[Problem]:
    """Find what two requests both claim, and peers that nobody is.

    Looks at requests as written, so that one that can't be completed still counts.
    """
    yield from _unique(requests, ("spec", "id"))
    yield from _unique(requests, ("metadata", "name"))
    yield from _hosts(requests)
    yield from _peers(requests)


def judge_ceilings(scope: Scope) -> Iterator[Problem]:
    """Hold each tenant, and all of a department together, to the department's ceiling."""
    by_department: defaultdict[str, list[Completed]] = defaultdict(list)
    for completed in scope.completed:
        by_department[completed.tenant.spec.department].append(completed)
    for name, tenants in by_department.items():
        department = scope.documents.departments.get(name)
        if department is not None:
            for what in ("cpu", "memory", "storage", "pods"):
                yield from _ceiling(department, tenants, what)


def _ceiling(department: Department, tenants: Sequence[Completed], what: str) -> Iterator[Problem]:
    ceiling = getattr(department.spec.ceiling, what)
    limit, total, told = _written(what, ceiling), 0, False
    for completed in tenants:
        asked = getattr(completed.tenant.spec.quota, what)
        total += asked
        if asked > ceiling:
            said = f"quota.{what} is {_written(what, asked)}, above the department's ceiling of {limit}"
        elif total > ceiling and not told:
            together = _written(what, total)
            said = (
                f"with this quota.{what} the tenants of {department.name} have {together}, above its ceiling of {limit}"
            )
            told = True
        else:
            continue
        fix = f"lower it, or have the ceiling of {department.name} raised"
        yield completed.problem("TEN-104", said, fix, "quota", what)


def _written(what: str, amount: int) -> str:
    if what == "cpu":
        return format_cpu(Millicores(amount))
    return str(amount) if what == "pods" else format_bytes(Bytes(amount))


def _at(request: Document) -> str:
    return f"{request.file}:{request.start.line}"


def _unique(requests: Sequence[Document], path: Path) -> Iterator[Problem]:
    """Refuse a second request with the same id, or with the same name in the same department."""
    first: dict[tuple[str, str], Document] = {}
    for request in requests:
        by_id = path == ("spec", "id")
        key = ("", request.spec["id"]) if by_id else (request.spec["department"], request.name)
        other = first.setdefault(key, request)
        if other is request:
            continue
        if by_id:
            what, fix = f"the id {key[1]} is taken by {other.name}, in {_at(other)}", "make one with `tenantry new`"
            yield request.problem("TEN-130", what, fix, path)
        else:
            what = f"{key[0]} already has a tenant named {key[1]}, in {_at(other)}"
            yield request.problem("TEN-131", what, "give it another name", path)


def _hosts(requests: Sequence[Document]) -> Iterator[Problem]:
    """Refuse a host that another tenant owns, itself or by a wildcard; a wildcard owns every name below it.

    Of two requests at odds, the later is told.
    """
    claims: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, request in enumerate(requests):
        for index, host in enumerate(_asked_hosts(request)):
            claims[host].append((at, index))
    told: set[tuple[int, int]] = set()
    for host, mine in claims.items():
        for claim in (host, *_wildcards_over(host)):
            for one in mine:
                for other in claims.get(claim, ()):
                    first, second = min(one, other), max(one, other)
                    if second in told or requests[one[0]].spec["id"] == requests[other[0]].spec["id"]:
                        continue
                    told.add(second)
                    yield _host_taken(requests[first[0]], first[1], requests[second[0]], second[1])


def _wildcards_over(host: str) -> list[str]:
    """Give the wildcards that own a host; those over a wildcard begin one label up, so `*.a.b` is below `*.b`."""
    labels = host.removeprefix("*.").split(".")
    return [f"*.{'.'.join(labels[cut:])}" for cut in range(1, len(labels))]


def _host_taken(owner: Document, owned: int, request: Document, index: int) -> Problem:
    host, claim = _asked_hosts(request)[index], _asked_hosts(owner)[owned]
    who = f"{owner.name} of {owner.spec['department']}"
    what = f"the host {host} is at odds with {claim}, which {who} owns, in {_at(owner)}"
    fix = "choose another host, or have its owner give it up"
    return request.problem("TEN-132", what, fix, ("spec", "ingress", "hosts", index))


def _asked_hosts(request: Document) -> Sequence[str]:
    hosts: Sequence[str] = request.spec.get("ingress", {}).get("hosts", ())
    return hosts


def _peers(requests: Sequence[Document]) -> Iterator[Problem]:
    known = {request.spec["id"] for request in requests}
    for request in requests:
        for index, intent in enumerate(request.spec.get("intents", ())):
            peer = intent.get("tenant")
            if peer is None:
                continue
            path: Path = ("spec", "intents", index, "tenant")
            if peer == request.spec["id"]:
                what = "the intent's peer is the tenant itself, whose namespaces reach each other anyway"
                yield request.problem("TEN-139", what, "remove the intent", path)
            elif peer not in known:
                what = f"the intent's peer {peer} is no tenant that is known here"
                fix = "correct the id, or name the folder of its request too (`--context`)"
                yield request.problem("TEN-139", what, fix, path)
