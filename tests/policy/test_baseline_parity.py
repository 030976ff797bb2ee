"""The baseline's policies say the same offline and in an API server, and of pods what Pod Security admission says."""

import random
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apiserver import ApiServer, Manifest
from baseline import CASES, TENANT, around_case, policy_of, show

from tenantry.data import policy_dir
from tenantry.policy import Finding, Placed, PolicySet, Verdict, build_policies, judge, read_paths

MIXED, SEED = 400, 37
# Pod Security admission says nothing of these policies.
STANDARDS = {path.parent.name for path in policy_dir().glob("workload/pod-*/policy.yaml")}
PLAIN = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
# What every tenant's namespace has. Pods are refused where it is missing, so that no other policy would be heard.
BOUNDARY: list[Manifest] = [
    {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tenantry-quota"},
        "spec": {"hard": {"requests.cpu": "100", "requests.memory": "1Ti", "pods": "1000"}},
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "tenantry-default-deny"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    },
]

# The policies that are about the boundary itself: their cases bring it, or leave it out.
ABOUT = {"namespace-quota": "ResourceQuota", "namespace-default-deny": "NetworkPolicy"}
# What pods of cases name, and a server looks for; the sandbox has the classes that tenants may name.
CLASSES: list[Manifest] = [
    {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "tenant"}, "value": 1},
    *(
        {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": name}
        for name in ("gvisor", "privileged")
    ),
]
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}}

# The server refuses these before it asks any policy.
REFUSED = {"service-external-ips/deny_one", "pod-proc-mount-baseline/deny_deployment"}


def is_for_a_server(case: Path) -> bool:
    """An ephemeral container comes into a running pod, which no dry run makes."""
    (*_, judged) = read_paths([case])
    return judged.manifest["kind"] != "Pod" or "ephemeralContainers" not in judged.manifest["spec"]


SERVED = [case for case in CASES if case.parent.parent.parent.name == "workload" and is_for_a_server(case)]
PODS = [
    placed.manifest
    for case in SERVED
    if policy_of(case) in STANDARDS
    for placed in read_paths([case])
    if placed.manifest["kind"] == "Pod"
]


@dataclass(frozen=True)
class Place:
    """A tenant's namespace with the baseline in force, where as much as can be is only warned of."""

    server: ApiServer
    namespace: Manifest
    policies: PolicySet

    def theirs(self, manifest: Manifest) -> tuple[set[str], bool]:
        """The policies that the server finds failing, and whether Pod Security's restricted level is violated."""
        answer = self.server.try_create(self.placed(manifest))
        if answer.status == 409:
            answer = self.server.try_update(self.placed(manifest))
        denied = answer.message.partition("ValidatingAdmissionPolicy '")[2].partition("'")[0]
        # The quota refuses pods without requests after the policies were heard.
        assert answer.status in (200, 201) or denied or "failed quota" in answer.message, answer.message
        failing = {policy for policy, _, _ in answer.failures()} | ({denied} if denied else set())
        return failing, any("would violate PodSecurity" in warning for warning in answer.warnings)

    def find(self, manifest: Manifest) -> tuple[Finding, ...]:
        """What is found offline."""
        (found,) = judge(self.policies, [Placed(self.placed(manifest))])
        assert all(finding.verdict is not Verdict.UNDECIDABLE for finding in found.findings)
        return found.findings

    def placed(self, manifest: Manifest) -> Manifest:
        metadata = manifest["metadata"]
        stays = metadata.get("namespace") == "default"
        return manifest if stays else {**manifest, "metadata": {**metadata, "namespace": self.name}}

    @property
    def name(self) -> str:
        return str(self.namespace["metadata"]["name"])


@pytest.fixture(scope="module")
def baseline(server: ApiServer) -> Iterator[list[Manifest]]:
    """The workload policies, in force, where nothing is denied and everything is said."""
    documents = [placed.manifest for placed in read_paths(sorted(policy_dir().glob("workload/*/policy.yaml")))]
    warning = [
        {**one, "spec": {**one["spec"], "validationActions": ["Warn"]}} if one["kind"].endswith("Binding") else one
        for one in documents
    ]
    with server.hold(*CLASSES, *warning):
        yield warning


@pytest.fixture(scope="module")
def place(server: ApiServer, baseline: list[Manifest]) -> Iterator[Place]:
    with tenant_namespace(server, baseline) as made:
        yield made


@contextmanager
def tenant_namespace(server: ApiServer, baseline: list[Manifest], case: Path | None = None) -> Iterator[Place]:
    """A namespace as tenantry makes it, with what a case brings; its own policy's boundary is the case's to bring."""
    name = f"case-baseline-{uuid.uuid4().hex[:6]}"
    levels = {"pod-security.kubernetes.io/enforce": "privileged", "pod-security.kubernetes.io/warn": "restricted"}
    labels = {**TENANT["metadata"]["labels"], **levels}
    namespace = {**TENANT, "metadata": {**TENANT["metadata"], "name": name, "labels": labels}}
    brings = around_case(case, name)[0] if case else []
    kinds = {one["kind"] for one in brings}
    kinds.add(ABOUT.get(policy_of(case), "") if case else "")
    usual = [one for one in (*BOUNDARY, ACCOUNT) if one["kind"] not in kinds]
    boundary = [{**one, "metadata": {**one["metadata"], "namespace": name}} for one in usual]
    # The control plane makes this one itself.
    accounts = [one for one in brings if one["metadata"]["name"] == "default"]
    others = [one for one in (*boundary, *brings) if one not in accounts]
    with server.hold(namespace, *others):
        _await_account(server, name)
        for account in accounts:
            answer = server.request("PUT", server.path(account, name=True), account)
            assert answer.status == 200, answer.message
        around = [namespace, PLAIN, *others, *accounts]
        yield Place(server, namespace, build_policies(map(Placed, baseline), around))


def _await_account(server: ApiServer, namespace: str) -> None:
    """Wait for the account that the control plane makes in each namespace: no pod is admitted before."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}
    for _ in range(200):
        if server.request("GET", server.path(account, name=True)).status == 200:
            return
        time.sleep(0.1)
    raise AssertionError(f"{namespace} got no default service account within 20 s")


@pytest.mark.parametrize("case", [case for case in SERVED if not around_case(case, "")[0]], ids=show)
def test_a_case_is_judged_alike(place: Place, baseline: list[Manifest], case: Path) -> None:
    if policy_of(case) in ABOUT:
        with tenant_namespace(place.server, baseline, case) as bare:
            check_case(bare, case)
    else:
        check_case(place, case)


@pytest.mark.parametrize("case", [case for case in SERVED if around_case(case, "")[0]], ids=show)
def test_a_case_that_brings_more_is_judged_alike(server: ApiServer, baseline: list[Manifest], case: Path) -> None:
    with tenant_namespace(server, baseline, case) as place:
        check_case(place, case)


def check_case(place: Place, case: Path) -> None:
    judged = around_case(case, place.name)[1].manifest
    if show(case) in REFUSED:
        assert place.server.try_create(place.placed(judged)).status in (403, 422)
        return
    theirs, violates = place.theirs(judged)
    found = place.find(judged)
    assert as_a_server(found) == theirs
    if policy_of(case) in STANDARDS and judged["kind"] == "Pod":
        assert bool(theirs & STANDARDS) == violates
    assert (policy_of(case) in {finding.policy for finding in found}) != case.stem.startswith("allow_")


def as_a_server(found: Iterable[Finding]) -> set[str]:
    """The policies that fail, without those of a workload's pods: a cluster judges these when they are made."""
    return {finding.policy for finding in found if not finding.path}


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
        assert (as_a_server(place.find(pod)), bool(theirs & STANDARDS)) == (theirs, violates), pod
    assert tried > MIXED // 2


def mix(chance: random.Random) -> Manifest:
    """Make a pod of the containers, volumes and settings of some cases."""
    chosen = [deepcopy(pod) for pod in chance.sample(PODS, 3)]
    spec: dict[str, Any] = {}
    for pod in chosen:
        for key, value in pod["spec"].items():
            if key in ("containers", "initContainers", "volumes"):
                kept = [{**one, "name": f"{one['name']}-{len(spec.get(key) or ())}"} for one in value or ()]
                spec[key] = [*(spec.get(key) or ()), *kept]
            elif chance.random() < 0.7:
                spec[key] = value
    return {**chosen[0], "spec": spec}


def test_what_the_api_server_makes_itself_passes(server: ApiServer, baseline: list[Manifest]) -> None:
    """The names that are kept for its own roles are exactly those that it has."""
    own: list[Manifest] = []
    for plural, kind in (("clusterroles", "ClusterRole"), ("clusterrolebindings", "ClusterRoleBinding")):
        version = "rbac.authorization.k8s.io/v1"
        labelled = {"labelSelector": "kubernetes.io/bootstrapping=rbac-defaults"}
        found = server.request("GET", f"/apis/{version}/{plural}", **labelled).body["items"]
        own += [{"apiVersion": version, "kind": kind, **one} for one in found]
    judged = list(judge(build_policies(map(Placed, baseline)), map(Placed, own)))
    assert [str(finding) for one in judged for finding in one.findings] == []
    (policy,) = (
        one for one in baseline if one["metadata"]["name"] == "rbac-reserved-names" and "variables" in one["spec"]
    )
    (known,) = (one["expression"] for one in policy["spec"]["variables"] if one["name"] == "known")
    assert sorted(re.findall(r"'([^']+)'", known)) == sorted({one["metadata"]["name"] for one in own})
