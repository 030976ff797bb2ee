"""Judges manifests by the baseline's policies, as a tenant's namespace would have them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tenantry.check.batches import Batcher, hear_all, read_asked
from tenantry.check.manner import QUIET, Manner
from tenantry.check.report import Looked, Result, Summary
from tenantry.check.results import note_policies
from tenantry.contract.model import Baseline, Waiver
from tenantry.contract.reading.schema import is_of_our_group
from tenantry.data import baseline_file, policy_dir
from tenantry.paths import cache_dir
from tenantry.policy import Placed, build_policies, read_paths
from tenantry.policy.admission.judge import Judge
from tenantry.policy.admission.kept import KeptPrograms
from tenantry.policy.cel.library.marks import find_mark
from tenantry.policy.documents.model import Manifest, Policy
from tenantry.policy.policies import PolicySet, is_policy_document
from tenantry.policy.reading.manifests import Unread
from tenantry.problems import InputError, problem


def load_baseline_policies(folder: Path | None) -> PolicySet:
    """Read the policies of a folder, by default those that ship with this version. Raises InputError.

    A baseline's folder has `<layer>/<policy>/policy.yaml`, beside cases that are nobody's; of any other all is read.
    """
    there = folder or policy_dir()
    files = _policy_files(there)
    kept = KeptPrograms(cache_dir() / "policies.json", files) if folder is None else None
    documents = kept.find_documents() if kept is not None else None
    if documents is None:
        documents = list(read_paths(files))
        if kept is not None:
            kept.add_documents(documents)
    found = build_policies(documents, kept=kept)
    if not found.policies:
        what = f"there is no policy in {there}, so that everything would pass"
        raise InputError(problem("TEN-615", what, "name a folder with ValidatingAdmissionPolicies"))
    return found


def read_policy_documents(folder: Path | None) -> list[Placed]:
    """Read the policies of a folder with their bindings, and what else is written beside them. Raises InputError."""
    return list(read_paths(_policy_files(folder or policy_dir())))


def _policy_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*/policy.yaml")) or [folder]


class Judged(NamedTuple):
    """What is wrong with manifests, the sum, all that was looked at, and the policies that judged, by name."""

    results: list[Result]
    summary: Summary
    looked: list[Looked]
    policies: dict[str, Policy]


def judge_manifests(
    placed: Sequence[Placed | Unread],
    context: Sequence[Manifest],
    baseline: Baseline,
    policies: Path | PolicySet | None,
    waivers: Sequence[Waiver] = (),
    *,
    manner: Manner = QUIET,
    marked: bool = False,
) -> Judged:
    """Judge every manifest.

    Manifests are context for each other: a Namespace, a LimitRange or a parameter among them counts. A namespace that
    nobody describes, or that a manifest doesn't name, is taken for a tenant's, for that is where it is to go. `waivers`
    are those in force; what they excuse is told, and weighs nothing. `policies` is a folder, or what was read of one
    before; `marked` says that values may be unknown, and marked so.

    Raises:
        UnforeseenError: A document that wasn't read yet can't be, or is one that the others can't be judged without.
    """
    own = policies if isinstance(policies, PolicySet) else load_baseline_policies(policies)
    items = list(read_asked(placed, own))
    here = [one.manifest for one in items if isinstance(one, Placed)]
    known = [*context, *(one for one in here if not is_policy_document(one))]
    # Of two documents with the same name the later holds: none takes the place of the baseline that ships.
    chosen = own.surround([*known, *_shipped_baseline(here)])
    judge = Judge(chosen.policies, chosen.cluster, waivers=waivers, traced=manner.traced)
    # Also what isn't known of a parameter or a LimitRange can decide about an object that is itself known.
    unknown = marked and any(find_mark(one) for one in known)
    batcher = Batcher(judge, chosen, baseline, explain=manner.explain, unknown=unknown)
    heard = hear_all(batcher, items, manner)
    chosen.keep()
    by_name = {one.policy.name: one.policy for one in chosen.policies if one.bindings}
    return Judged([*map(note_policies, chosen.notes), *heard.results], heard.summary, heard.looked, by_name)


def _shipped_baseline(manifests: Iterable[Manifest]) -> Iterable[Manifest]:
    """Give the baseline that ships with this version, where there is an object whose policies ask it for figures."""
    if any(is_of_our_group(str(one["apiVersion"])) for one in manifests):
        return [one.manifest for one in read_paths([baseline_file()])]
    return ()
