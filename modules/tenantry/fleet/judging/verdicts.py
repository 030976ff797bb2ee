"""Judges tenants by the policies and waivers of `tenantry check`, before anything of theirs is changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tenantry.contract.reading.document import Document
from tenantry.fleet.judging.weakening import find_weakened
from tenantry.fleet.selection import Planned, Selection
from tenantry.fleet.site.compare import State
from tenantry.fleet.survey import Seen
from tenantry.problems import Problem, problem

if TYPE_CHECKING:
    from tenantry.check.report import Result


def split_denied(
    waiting: Sequence[Seen], selection: Selection, policies: Path | None
) -> tuple[list[Seen], list[tuple[Seen, tuple[Problem, ...]]]]:
    """Give those of the tenants that are to be changed that may be, and those that policies deny, with why.

    Denied is also a tenant that isn't there yet and whose lease is over, or whose id is a retired one's, and a change
    that would weaken what protects data, without its approvals. `policies` is a folder of policies instead of the
    baseline's own. Raises InputError for policies that can't be used.
    """
    found = find_denied([seen.planned for seen in waiting], selection, policies) if waiting else {}
    found |= {one.planned.tenant.id: (_say_over(one.planned, selection),) for one in waiting if _comes_too_late(one)}
    for tenant, problems in find_weakened(waiting, selection).items():
        found[tenant] = (*found.get(tenant, ()), *problems)
    found |= {one.planned.tenant.id: (say_retired(one),) for one in waiting if one.retired is not None}
    denied = [(seen, found[seen.planned.tenant.id]) for seen in waiting if seen.planned.tenant.id in found]
    return [seen for seen in waiting if seen.planned.tenant.id not in found], denied


def find_denied(
    planned: Sequence[Planned], selection: Selection, policies: Path | None = None
) -> dict[str, tuple[Problem, ...]]:
    """Give what policies deny, or can't decide, of tenants' requests and objects, by tenant id; nothing of the others.

    Args:
        planned: The tenants to judge.
        selection: The documents around them: their baselines, and the waivers, of which those in force hold.
        policies: A folder of policies instead of the baseline's own.

    Raises:
        InputError: Policies that can't be used.
    """
    # Imported here: where nothing is to be done, nobody waits for the policies' engine.
    from tenantry.check.judging import judge_manifests
    from tenantry.check.reading.rendered import list_parameters, place_objects
    from tenantry.check.waivers import find_waivers
    from tenantry.policy import Source, Verdict

    documents = selection.documents
    # A rendered object stands in no file; the tenant's id takes its place, and tells whose each result is.
    placed = [one for each in planned for one in place_objects(each.tenant, each.rendered, Source(each.tenant.id))]
    waivers = find_waivers(documents)
    around = list_parameters(documents)
    judged = judge_manifests(placed, around, selection.baseline, policies, waivers)
    requests = {request.spec["id"]: request for request in documents.requests}
    found: dict[str, list[Problem]] = {}
    for one in judged.results:
        if one.verdict in (Verdict.DENY, Verdict.UNDECIDABLE) and one.file in requests:
            found.setdefault(one.file, []).append(_say(one, requests[one.file]))
    return {tenant: tuple(problems) for tenant, problems in found.items()}


def say_retired(seen: Seen) -> Problem:
    """Say that a tenant's id is that of one that ended (TEN-556)."""
    tenant, retired = seen.planned.tenant, seen.retired
    assert retired is not None
    name = f"tenant {tenant.name} ({tenant.id})"
    if not retired.finished:
        what, fix = f"the retirement of {name}, begun {retired}, isn't finished", f"run `tenantry retire {tenant.id}`"
        return problem("TEN-556", what, fix)
    fix = "remove its request; what is to follow it gets an id of its own by `tenantry new`"
    return problem("TEN-556", f"{name} was retired {retired}, and an id isn't used twice", fix)


def _comes_too_late(seen: Seen) -> bool:
    return seen.planned.rendered.cordoned and seen.comparison is not None and seen.comparison.state is State.ABSENT


def _say_over(planned: Planned, selection: Selection) -> Problem:
    tenant, lease = planned.tenant, planned.tenant.spec.lease
    (request,) = (one for one in selection.documents.requests if one.spec["id"] == tenant.id)
    what = f"tenant {tenant.name} ({tenant.id}) isn't there yet, and its lease ended on {lease and lease.ends}"
    return request.problem("TEN-679", what, "give it a lease that ends in the future", ("spec", "lease", "ends"))


def _say(result: "Result", request: Document) -> Problem:
    what = f"{result.object} is refused by {result.policy}: {result.message}"
    return problem(result.code, what, result.fix, file=request.file, line=request.start.line, column=1)
