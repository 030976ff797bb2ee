"""Brings a site to a baseline: installs its policies with the waivers in force, and removes what it no longer has.

With them comes the policy by which pods find their object store.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from tenantry.contract.model import Baseline, Waiver
from tenantry.fleet.baseline.documents import make_documents, make_injection
from tenantry.fleet.baseline.lockout import find_lockouts
from tenantry.fleet.site.kube import FIELD_MANAGER, POLICY_API, KubeClient
from tenantry.fleet.site.live import READERS
from tenantry.fleet.site.objects import read_objects
from tenantry.policy import Placed, PolicySet, Subject, Verdict, build_policies, judge
from tenantry.policy.documents.model import Manifest
from tenantry.policy.documents.read import BINDING_KIND, POLICY_KIND
from tenantry.policy.objects.cluster import build_cluster
from tenantry.problems import DeniedError, InputError, problem
from tenantry.render.naming import MANAGED_BY_LABEL, MANAGER
from tenantry.render.store.injection import FIRST_MINOR, MUTATING_BINDING_KIND, MUTATING_KIND

_POLICIES = (POLICY_KIND, MUTATING_KIND)
_BINDINGS = (BINDING_KIND, MUTATING_BINDING_KIND)
_VALIDATING = (POLICY_KIND, BINDING_KIND)


class Action(StrEnum):
    """What became of one policy or binding."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Step:
    """One policy or binding at a site, and what a sync did with it, or would do."""

    kind: str
    name: str
    action: Action


@dataclass(frozen=True, slots=True)
class Newly:
    """A live object that the baseline to be installed denies, and what is installed now doesn't."""

    object: str
    policy: str
    message: str


class SiteBaseline:
    """A site's policies as they are and as they are to be.

    Raises InputError for policies that can't be used, or that somebody else has at the site by the same name
    (TEN-672), UnreachableError where the site can't be asked.
    """

    def __init__(self, client: KubeClient, folder: Path | None, waivers: Sequence[Waiver], baseline: Baseline) -> None:
        self._client = client
        self._baseline = baseline
        minor = client.read_minor()
        rules = make_documents(folder, waivers, baseline.version)
        self._wanted = [*rules, *make_injection(baseline.version, minor)]
        kinds = [kind for kind in (*_POLICIES, *_BINDINGS) if minor >= FIRST_MINOR or kind in _VALIDATING]
        self._there = {_key(one): one for kind in kinds for one in client.list_all(POLICY_API, kind, "")}
        self._check_owners()
        policies = build_policies(map(Placed, rules), kubernetes=minor)
        self._live = read_objects(client, [one.policy for one in policies.policies])
        self._policies = replace(policies, cluster=build_cluster(self._live))

    def _check_owners(self) -> None:
        others = [key for key in map(_key, self._wanted) if key in self._there and not _is_ours(self._there[key])]
        if others:
            fix = "rename or remove it, or label it app.kubernetes.io/managed-by: tenantry to let it be taken over"
            raise InputError(
                problem("TEN-672", f"site {self._client.site} has another {kind} named {name}", fix)
                for kind, name in others
            )

    def preview(self) -> list[Newly]:
        """Give the live objects that would newly be denied if they were made, or changed, as they are."""
        installed = [one for one in self._there.values() if _is_ours(one) and one["kind"] in _VALIDATING]
        before = {
            (one.object, one.policy)
            for one in _find_denied(build_policies(map(Placed, installed), self._live), self._live)
        }
        return [one for one in _find_denied(self._policies, self._live) if (one.object, one.policy) not in before]

    def sync(self) -> list[Step]:
        """Install and prune; running it again finishes what was half done.

        Raises DeniedError (TEN-670), before anything is changed, for policies that would lock out the control plane or
        tenantry itself.
        """
        lockouts = find_lockouts(self._policies, self._live, self._baseline, self._ask_who_we_are())
        if lockouts:
            raise DeniedError(lockouts)
        # Policies before bindings: a binding without its policy is an error of the server's.
        steps: list[Step] = []
        with ThreadPoolExecutor(READERS) as writers:
            for kinds in (_POLICIES, _BINDINGS):
                steps += writers.map(self._apply, [one for one in self._wanted if one["kind"] in kinds])
        wanted = set(map(_key, self._wanted))
        gone = [one for key, one in self._there.items() if key not in wanted and _is_ours(one)]
        # A binding goes before its policy, so that none is ever without the other.
        for one in sorted(gone, key=lambda one: one["kind"] not in _BINDINGS):
            self._client.delete(one)
            steps.append(Step(*_key(one), Action.REMOVED))
        return steps

    def _apply(self, document: Manifest) -> Step:
        before = self._there.get(_key(document))
        after = self._client.apply(document)
        if _has_others_parts(after):
            after = self._client.replace(document, after["metadata"]["resourceVersion"])
        if before is None:
            action = Action.CREATED
        else:
            action = Action.UNCHANGED if _read_state(before) == _read_state(after) else Action.CHANGED
        return Step(*_key(document), action)

    def _ask_who_we_are(self) -> Subject:
        said = self._client.ask_who_we_are()
        return Subject(said["username"], groups=tuple(said.get("groups", ())))


def _key(document: Mapping[str, Manifest]) -> tuple[str, str]:
    return str(document["kind"]), str(document["metadata"]["name"])


def _is_ours(live: Manifest) -> bool:
    return (live["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGER


def _has_others_parts(live: Manifest) -> bool:
    """Say whether somebody else decides part of it, which an apply leaves alone: one more match condition, say."""
    managed = (one for one in live["metadata"].get("managedFields", ()) if one.get("subresource", "") == "")
    return any(one["manager"] != FIELD_MANAGER for one in managed)


def _read_state(live: Manifest) -> tuple[object, ...]:
    """Give what tells whether anything but the status changed."""
    metadata = live["metadata"]
    return metadata["generation"], metadata.get("labels"), metadata.get("annotations")


def _find_denied(policies: PolicySet, live: Iterable[Manifest]) -> list[Newly]:
    return [
        Newly(str(judgement.object), finding.policy, finding.message)
        for judgement in judge(policies, map(Placed, live))
        for finding in judgement.findings
        if finding.binding and finding.verdict is Verdict.DENY and not finding.path
    ]
