"""Runs a check over files: sorts them, asks the contract and the policies, and puts the answers together."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tenantry.check.contract import judge_contract, report_nothing
from tenantry.check.manner import THOROUGH, Manner
from tenantry.check.reading.gather import Gathered, UnforeseenError, gather
from tenantry.check.reading.hosts import place_hosts
from tenantry.check.reading.rendered import list_parameters
from tenantry.check.report import Looked, Report, Result, Summary
from tenantry.check.waivers import find_waivers, list_layers, report_waivers
from tenantry.contract.load import load_baseline
from tenantry.contract.reading.finding import government_root
from tenantry.policy import Placed
from tenantry.policy.reading.manifests import Unread


def check_paths(
    paths: Sequence[Path],
    context: Sequence[Path] | None = None,
    *,
    policies: Path | None = None,
    stdin: str | None = None,
    live: Sequence[Placed] = (),
    manner: Manner = THOROUGH,
) -> Report:
    """Check everything that files and folders hold.

    Args:
        paths: Files and folders; `-` stands for `stdin`.
        context: What requests and manifests refer to; by default the government's folder around each path, and around
            the folder here for what was read at sites.
        policies: A folder of policies instead of the baseline's own.
        stdin: The text of standard input.
        live: What was read at sites.
        manner: How to judge, and whom to tell of it.

    Raises:
        InputError: Policies that can't be used.
    """
    try:
        return _check(gather(paths, stdin, later=True), context, policies, live, manner)
    except UnforeseenError:
        # In this process alone: another one may have been killed, too.
        return _check(gather(paths, stdin), context, policies, live, replace(manner, processes=1))


def _check(
    found: Gathered, context: Sequence[Path] | None, policies: Path | None, live: Sequence[Placed], manner: Manner
) -> Report:
    begun = datetime.now(UTC)
    baseline = load_baseline()
    here = [Path.cwd()] if live else []
    around = context if context is not None else list(filter(None, map(government_root, [*found.paths, *here])))
    documents, rendered, report = judge_contract(found, around, baseline, begun.date())
    placed: list[Placed | Unread] = [*rendered, *found.manifests, *place_hosts(documents.hosts), *live, *found.unread]
    if placed:
        # Imported here: who checks a document that policies don't judge doesn't wait for their engine.
        from tenantry.check.judging import judge_manifests

        known = list_parameters(documents)
        known += [one.manifest for one in gather(context).manifests] if context else []
        waivers = find_waivers(documents, begun.date())
        marked = bool(found.plans or live)
        if marked and found.unread:
            raise UnforeseenError
        judged = judge_manifests(placed, known, baseline, policies, waivers, manner=manner, marked=marked)
        report = replace(
            _add(report, judged.results, judged.summary, judged.looked), judged=judged.summary, policies=judged.policies
        )
    for plan in found.plans:
        report = replace(_add(report, plan.opaque, plan.summary, plan.looked), judged=report.judged + plan.summary)
    if documents.waivers:
        used = {one.waiver for one in report.results if one.waiver}
        told = report_waivers(documents, begun.date(), list_layers(policies), used, report.looked)
        report = replace(report, results=(*report.results, *told))
    if not report.summary.objects and not report.results:
        report = report_nothing()
    return replace(report, begun=begun)


def _add(report: Report, results: Iterable[Result], summary: Summary, looked: Iterable[Looked]) -> Report:
    return replace(
        report,
        results=(*report.results, *results),
        summary=report.summary + summary,
        looked=(*report.looked, *looked),
    )
