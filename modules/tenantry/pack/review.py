"""Judges what a stack asks for, all together or as it comes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tenantry.check.judging import judge_manifests, load_baseline_policies
from tenantry.check.reading.assumed import assume_namespaces
from tenantry.check.reading.gather import gather
from tenantry.check.report import NOBODY, Result
from tenantry.check.waivers import find_waivers
from tenantry.contract.documents import read_documents
from tenantry.contract.load import load_baseline
from tenantry.contract.model import Baseline, Waiver
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.pack.asked import Asked, find_words, read_resource
from tenantry.policy import Placed, PolicySet, Source, Verdict
from tenantry.policy.documents.model import Manifest
from tenantry.policy.objects.cluster import read_metadata
from tenantry.problems import InputError, problem

_SECRET = "what it says isn't shown, for it has a secret value in it"  # noqa: S105  (a message)
_UNPINNED_FIX = "set the configuration tenantry:government to the absolute path of the folder that has it"


def _read_policies() -> PolicySet:
    return load_baseline_policies(None)


@dataclass(slots=True)
class Review:
    """What a stack's resources ask for so far, by URN, and what it is judged by.

    Each result's `file` is the URN of the resource that it is about.
    """

    policies: PolicySet = field(default_factory=_read_policies)
    baseline: Baseline = field(default_factory=load_baseline)
    context: Sequence[Manifest] = ()
    waivers: Sequence[Waiver] = ()
    asked: dict[str, Asked] = field(default_factory=dict)

    def note(self, urn: str, token: str, properties: Mapping[str, object]) -> None:
        """Note what a resource asks for."""
        asked = read_resource(token, properties)
        if asked is not None:
            self.asked[urn] = asked

    def judge_stack(self, there: Iterable[tuple[str, str, Mapping[str, object]]]) -> list[Result]:
        """Judge all that was noted of a stack's resources.

        Args:
            there: URN, type and properties of what the stack holds at the end. What wasn't noted isn't the stack's
                to make, such as an object that is only read: it is context.
        """
        read = {urn: self.asked.get(urn) or read_resource(token, properties) for urn, token, properties in there}
        around = [asked for urn, asked in read.items() if asked and urn not in self.asked]
        return self._judge([urn for urn in read if urn in self.asked], around)

    def judge_before(self, urn: str) -> list[Result]:
        """Judge one resource before it is made; give what denies it or leaves it undecided, whatever may still come.

        The quota, the limits and the closed network of a namespace may come later: they are taken to be there. Not so
        the Namespace: an update that makes it makes it before what lies in it.
        """
        if urn not in self.asked:
            return []
        before = [asked for other, asked in self.asked.items() if other != urn]
        named = {_name(one) for asked in before for one in asked.manifests if one["kind"] == "Namespace"}
        later = tuple(one for one in assume_namespaces(named, self.baseline) if one["kind"] != "Namespace")
        results = self._judge([urn], [Asked(later), *before])
        return [one for one in results if one.verdict in (Verdict.DENY, Verdict.UNDECIDABLE)]

    def _judge(self, urns: Sequence[str], around: Sequence[Asked]) -> list[Result]:
        chosen = {urn: self.asked[urn] for urn in urns}
        # An object stands in no file; a resource's URN takes its place, and the number within its list the line's.
        placed = [
            Placed(one, Source(urn, number))
            for urn, asked in chosen.items()
            for number, one in enumerate(asked.manifests, 1)
        ]
        context = [*self.context, *(one for asked in around for one in asked.manifests)]
        judged = judge_manifests(placed, context, self.baseline, self.policies, self.waivers, marked=True)
        shared = self._find_shared_secrets([*around, *chosen.values()])
        told = [self._hide(one, shared.union(chosen[one.file].secrets)) for one in judged.results if one.file in chosen]
        return [*told, *(_tell_opaque(urn, asked.opaque) for urn, asked in chosen.items() if asked.opaque)]

    def _hide(self, result: Result, secrets: Collection[str]) -> Result:
        """Say nothing of a secret value: a message with a word of one, which isn't the policy's own, is left out."""
        fix = _UNPINNED_FIX if result.policy == "policies" else result.fix
        own = (one.policy for one in self.policies.policies if one.policy.name == result.policy)
        words = find_words(result.message) - find_words([str((one.variables, one.validations)) for one in own])
        return replace(result, fix=fix, message=result.message if words.isdisjoint(secrets) else _SECRET)

    def _find_shared_secrets(self, every: Iterable[Asked]) -> frozenset[str]:
        """Give the secret words of objects that policies look at when they judge others."""
        params = (one.policy.param_kind for one in self.policies.policies)
        kinds = {"Namespace", "LimitRange"} | {kind.kind for kind in params if kind}
        return frozenset().union(*(one.secrets for one in every if {m["kind"] for m in one.manifests} & kinds))


def read_government(folder: Path) -> tuple[list[Manifest], tuple[Waiver, ...]]:
    """Read what a government's folder says besides its requests: baselines, manifests of its sites; waivers in force.

    Raises InputError, also where there is no such folder (TEN-656).
    """
    if not folder.is_absolute() or not folder.is_dir():
        what = f"the configuration tenantry:government names {folder}, where the policy pack finds no folder"
        raise InputError(problem("TEN-656", what, "give the absolute path of the government's folder"))
    found = gather([folder])
    documents, unsound = read_documents(found.paths, foreign=found.foreign, mixed=found.mixed, others=STORE_KINDS)
    if problems := [*unsound, *found.problems]:
        raise InputError(problems)
    context = [*documents.data_of("Baseline"), *(one.manifest for one in found.manifests)]
    return context, find_waivers(documents)


def _name(manifest: Manifest) -> str:
    return str(read_metadata(manifest).get("name") or "")


def _tell_opaque(urn: str, what: str) -> Result:
    fix = "register the objects themselves, as a Helm Chart or with all that they are to be"
    message = f"it can't be decided: {what}"
    return Result("policies", "policy", Verdict.UNDECIDABLE, "TEN-655", message, fix, NOBODY, urn)
