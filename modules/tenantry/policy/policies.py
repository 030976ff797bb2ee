"""A set of policies with their bindings, checked and compiled; and judging with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tenantry.contract.model import Waiver
from tenantry.policy.admission.judge import Judge
from tenantry.policy.admission.kept import KeptPrograms
from tenantry.policy.admission.plan import BoundPolicy
from tenantry.policy.admission.verdict import Judgement
from tenantry.policy.cel.library.authorization import Grant, Subject
from tenantry.policy.cel.library.marks import find_mark
from tenantry.policy.documents.model import Binding, Manifest, Placed, Policy
from tenantry.policy.documents.read import API_VERSION, READERS
from tenantry.policy.objects.cluster import Cluster, build_cluster
from tenantry.policy.objects.prepare import prepare_request
from tenantry.policy.reading.manifests import read_paths
from tenantry.problems import InputError, Problem, problem

NEWEST_KUBERNETES = 37
"""The minor version of Kubernetes 1.x whose library is known in full."""


@dataclass(frozen=True)
class PolicySet:
    """Policies ready to judge with.

    `unbound` are the policies that have no binding, and with it no effect; `notes` say so, and what else is worth
    knowing. `cluster` holds the documents that policies refer to; `documents` are those of them that stand among the
    policies themselves.
    """

    policies: tuple[BoundPolicy, ...]
    unbound: tuple[Policy, ...]
    cluster: Cluster
    notes: tuple[Problem, ...] = ()
    kept: KeptPrograms | None = None
    documents: tuple[Manifest, ...] = ()

    def surround(self, context: Iterable[Manifest]) -> PolicySet:
        """The same policies with other documents around them, beside those that stand among the policies."""
        return replace(self, cluster=build_cluster([*context, *self.documents]))

    def keep(self) -> None:
        """Keep the programs that were made, where there is a place for them."""
        if self.kept is not None:
            self.kept.save()

    @property
    def kubernetes(self) -> int:
        """The first minor version of Kubernetes 1.x that takes all of the policies."""
        return max((bound.programs.minor for bound in self.policies), default=0)


def is_policy_document(manifest: Manifest) -> bool:
    """Whether a manifest is a policy or a binding."""
    return manifest.get("apiVersion") == API_VERSION and manifest.get("kind") in READERS


def build_policies(
    documents: Iterable[Placed],
    context: Iterable[Manifest] = (),
    kubernetes: int = NEWEST_KUBERNETES,
    *,
    kept: KeptPrograms | None = None,
) -> PolicySet:
    """A set of policies from documents.

    Args:
        documents: Policies and bindings; other documents among them are context.
        context: What policies refer to: parameters, namespaces, CustomResourceDefinitions.
        kubernetes: The minor version of the API servers that are to take the policies.
        kept: What was made of them in earlier runs. Only for policies whose expressions are known to be right, as those
            that ship are by their tests: one is then looked at with the first object that it is for.

    Raises:
        InputError: All that an API server would refuse of the policies (TEN-600, TEN-601).
    """
    policies: dict[str, Policy] = {}
    bindings: list[Binding] = []
    problems: list[Problem] = []
    others: list[Manifest] = []
    for document in documents:
        if not is_policy_document(document.manifest):
            others.append(document.manifest)
            continue
        found = READERS[document.manifest["kind"]](document.manifest, document.source)
        if isinstance(found, list):
            problems += found
        elif isinstance(found, Binding):
            bindings.append(found)
        elif found.name in policies:
            problems.append(_note_double(found))
        else:
            policies[found.name] = found
    bound = [
        BoundPolicy(policy, tuple(one for one in bindings if one.policy == policy.name), kubernetes, kept)
        for policy in policies.values()
    ]
    if kept is None:
        problems += _check_expressions(bound)
    if problems:
        raise InputError(sorted(problems))
    unbound = tuple(one.policy for one in bound if not one.bindings)
    notes = [_note_unbound(policy) for policy in unbound]
    notes += [_note_dangling(binding) for binding in bindings if binding.policy not in policies]
    cluster = build_cluster([*context, *others])
    return PolicySet(tuple(bound), unbound, cluster, tuple(notes), kept, tuple(others))


def load_policies(
    paths: Iterable[Path], context: Iterable[Path] = (), kubernetes: int = NEWEST_KUBERNETES
) -> PolicySet:
    """A set of policies from files and folders; `context` are more, of which only what policies refer to is taken.

    Raises:
        InputError: What can't be read (TEN-604, TEN-605), and what an API server would refuse (TEN-600, TEN-601).
    """
    around = [placed.manifest for placed in read_paths(context) if not is_policy_document(placed.manifest)]
    return build_policies(read_paths(paths), around, kubernetes)


def _check_expressions(policies: Iterable[BoundPolicy]) -> Iterator[Problem]:
    for one in policies:
        try:
            _ = one.programs
        except InputError as error:
            yield from error.problems


def _note_double(policy: Policy) -> Problem:
    what = f"{policy.name} is the name of two policies"
    fix = "give it a name of its own"
    return problem("TEN-600", what, fix, file=policy.source.file, line=policy.source.line, column=1)


def _note_unbound(policy: Policy) -> Problem:
    what = f"policy {policy.name} has no binding, and with it no effect"
    fix = "add a ValidatingAdmissionPolicyBinding that names it"
    return problem("TEN-602", what, fix, file=policy.source.file, line=policy.source.line, column=1)


def _note_dangling(binding: Binding) -> Problem:
    what = f"binding {binding.name} names policy {binding.policy}, which isn't there, and has no effect"
    fix = "correct spec.policyName, or add the policy"
    return problem("TEN-603", what, fix, file=binding.source.file, line=binding.source.line, column=1)


def judge(
    policies: PolicySet,
    manifests: Iterable[Placed],
    *,
    namespace: str = "default",
    subject: Subject | None = None,
    grants: Sequence[Grant] | None = None,
    waivers: Sequence[Waiver] = (),
    planned: bool = False,
) -> Iterator[Judgement]:
    """What the policies say of each manifest, as if it were created, changed or deleted now.

    Args:
        policies: What to judge by.
        manifests: Objects of any kind.
        namespace: Where an object goes that names no namespace.
        subject: Who creates them, where that is known.
        grants: What may be done by whom, for policies that ask the authorizer; None where it isn't known.
        waivers: The waivers in force.
        planned: Whether values may be ones that aren't known yet, marked with `mark_unknown`.
    """
    judging = Judge(policies.policies, policies.cluster, grants, waivers)
    for placed in manifests:
        yield judging.judge(
            prepare_request(
                placed.manifest,
                policies.cluster,
                operation=placed.operation,
                old=placed.old,
                namespace=namespace,
                subject=subject,
                source=placed.source,
                unknown=planned and find_mark(placed.manifest) is not None,
            )
        )
