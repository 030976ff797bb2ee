"""Judges what was rendered by the policies and waivers of `tenantry check`, before anything of a tenant is changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tenantry.check.judging import judge_manifests
from tenantry.check.report import Result
from tenantry.check.waivers import find_waivers
from tenantry.fleet.selection import Planned, Selection
from tenantry.policy import Placed, Source, Verdict
from tenantry.problems import Problem, problem


def find_denied(
    planned: Sequence[Planned], selection: Selection, policies: Path | None = None
) -> dict[str, tuple[Problem, ...]]:
    """Give what policies deny, or can't decide, of tenants' rendered objects, by tenant id; nothing of the others.

    Args:
        planned: The tenants to judge.
        selection: The documents around them: their baselines, and the waivers, of which those in force hold.
        policies: A folder of policies instead of the baseline's own.

    Raises:
        InputError: Policies that can't be used.
    """
    documents = selection.documents
    # A rendered object stands in no file; the tenant's id takes its place, and tells whose each result is.
    placed = [Placed(dict(one), Source(each.tenant.id)) for each in planned for one in each.rendered.documents]
    waivers = find_waivers(documents, datetime.now(UTC).date())
    around = documents.data_of("Baseline")
    judged = judge_manifests(placed, around, selection.baseline, policies, waivers, explain=False)
    requests = {request.spec["id"]: request.file for request in documents.requests}
    found: dict[str, list[Problem]] = {}
    for one in judged.results:
        if one.verdict in (Verdict.DENY, Verdict.UNDECIDABLE) and one.file in requests:
            found.setdefault(one.file, []).append(_say(one, requests[one.file]))
    return {tenant: tuple(problems) for tenant, problems in found.items()}


def _say(result: Result, file: str) -> Problem:
    what = f"{result.object} is refused by {result.policy}: {result.message}"
    return problem(result.code, what, result.fix, file=file)
