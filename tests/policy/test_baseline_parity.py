"""The baseline's policies say the same offline, in an API server, and of pods what Pod Security admission says."""

import random
import uuid
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apiserver import ApiServer, Manifest

from tenantry.data import policy_dir
from tenantry.policy import Judgement, Placed, PolicySet, Verdict, build_policies, judge, read_paths

PODS = [
    (path, placed.manifest)
    for path in sorted(policy_dir().glob("workload/*/cases/*.yaml"))
    for placed in read_paths([path])
    # An ephemeral container comes into a running pod, which no dry run makes.
    if placed.manifest["kind"] == "Pod" and "ephemeralContainers" not in placed.manifest["spec"]
]
MIXED, SEED = 400, 37


@dataclass(frozen=True)
class Place:
    """A tenant's namespace with the baseline in force, where nothing is denied and everything is said."""

    server: ApiServer
    namespace: Manifest
    policies: PolicySet

    def theirs(self, pod: Manifest) -> tuple[set[str], bool]:
        """The policies that the server finds failing, and whether Pod Security's restricted level is violated."""
        answer = self.server.try_create(self.placed(pod))
        assert answer.status == 201, answer.message
        failing = {policy for policy, _, _ in answer.failures()}
        return failing, any("would violate PodSecurity" in warning for warning in answer.warnings)

    def ours(self, pod: Manifest) -> set[str]:
        (found,) = judge(self.policies, [Placed(self.placed(pod))])
        assert all(finding.verdict is not Verdict.UNDECIDABLE for finding in found.findings)
        return failing(found)

    def placed(self, pod: Manifest) -> Manifest:
        return {**pod, "metadata": {**pod["metadata"], "namespace": self.namespace["metadata"]["name"]}}


def failing(judgement: Judgement) -> set[str]:
    return {finding.policy for finding in judgement.findings}


@pytest.fixture(scope="module")
def place(server: ApiServer) -> Iterator[Place]:
    labels = {
        "tenantry.dev/tenant": "t-00000000",
        "pod-security.kubernetes.io/enforce": "privileged",
        "pod-security.kubernetes.io/warn": "restricted",
    }
    name = f"case-baseline-{uuid.uuid4().hex[:6]}"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    documents = [placed.manifest for placed in read_paths(sorted(policy_dir().glob("workload/*/policy.yaml")))]
    warning = [
        {**one, "spec": {**one["spec"], "validationActions": ["Warn"]}} if one["kind"].endswith("Binding") else one
        for one in documents
    ]
    with server.hold(namespace), server.hold(*warning):
        yield Place(server, namespace, build_policies(map(Placed, warning), [namespace]))


def show(value: object) -> str:
    return f"{value.parent.parent.name}/{value.stem}" if isinstance(value, Path) else ""


@pytest.mark.parametrize(("path", "pod"), PODS, ids=show)
def test_a_case_is_judged_alike(place: Place, path: Path, pod: Manifest) -> None:
    theirs, violates = place.theirs(pod)
    assert place.ours(pod) == theirs
    assert bool(theirs) == violates
    assert (path.parent.parent.name in theirs) == path.stem.startswith("deny_")


def test_mixed_pods_are_judged_alike(place: Place) -> None:
    """Pods that have parts of several cases, sound and unsound."""
    chance = random.Random(SEED)
    tried = 0
    for _ in range(MIXED):
        pod = mix(chance)
        answer = place.server.try_create(place.placed(pod))
        if answer.status == 422:
            continue  # parts that an API server doesn't take together
        tried += 1
        theirs, violates = place.theirs(pod)
        assert (place.ours(pod), bool(theirs)) == (theirs, violates), pod
    assert tried > MIXED // 2


def mix(chance: random.Random) -> Manifest:
    """Make a pod of the containers, volumes and settings of some cases."""
    chosen = [deepcopy(pod) for _, pod in chance.sample(PODS, 3)]
    spec: dict[str, Any] = {}
    for pod in chosen:
        for key, value in pod["spec"].items():
            if key in ("containers", "initContainers", "volumes"):
                kept = [{**one, "name": f"{one['name']}-{len(spec.get(key) or ())}"} for one in value or ()]
                spec[key] = [*(spec.get(key) or ()), *kept]
            elif chance.random() < 0.7:
                spec[key] = value
    return {**chosen[0], "spec": spec}
