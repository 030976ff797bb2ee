"""A tenant's namespace on a real API server, with the workload policies in force, where all is only warned of."""

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from apiserver import ApiServer, Manifest
from baseline import CASES, TENANT, around_case, policy_of

from tenantry.data import policy_dir
from tenantry.policy import Finding, Placed, PolicySet, Verdict, build_policies, judge, read_paths

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


def as_a_server(found: Iterable[Finding]) -> set[str]:
    """The policies that fail, without those of a workload's pods: a cluster judges these when they are made."""
    return {finding.policy for finding in found if not finding.path}


def warning_baseline() -> list[Manifest]:
    """The workload policies, bound so that nothing is denied and everything is said."""
    documents = [placed.manifest for placed in read_paths(sorted(policy_dir().glob("workload/*/policy.yaml")))]
    return [
        {**one, "spec": {**one["spec"], "validationActions": ["Warn"]}} if one["kind"].endswith("Binding") else one
        for one in documents
    ]


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
        await_account(server, name)
        for account in accounts:
            answer = server.request("PUT", server.path(account, name=True), account)
            assert answer.status == 200, answer.message
        around = [namespace, PLAIN, *others, *accounts, *list_classes(server)]
        yield Place(server, namespace, build_policies(map(Placed, baseline), around))


def list_classes(server: ApiServer) -> list[Manifest]:
    """The classes of storage and of priority that there are: admission looks into them."""
    found = []
    for version, kind, plural in (
        ("storage.k8s.io/v1", "StorageClass", "storageclasses"),
        ("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses"),
    ):
        items = server.request("GET", f"/apis/{version}/{plural}").body["items"]
        found += [{"apiVersion": version, "kind": kind, **one} for one in items]
    return found


def await_account(server: ApiServer, namespace: str) -> None:
    """Wait for the account that the control plane makes in each namespace: no pod is admitted before."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}
    for _ in range(200):
        if server.request("GET", server.path(account, name=True)).status == 200:
            return
        time.sleep(0.1)
    raise AssertionError(f"{namespace} got no default service account within 20 s")
