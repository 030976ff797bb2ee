"""Policies that would lock out the control plane or tenantry: found before any is installed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tenantry.check.reading.assumed import assume_namespaces
from tenantry.contract.model import Baseline
from tenantry.fleet.site.record import RECORD_NAMESPACE
from tenantry.policy import Judgement, Placed, PolicySet, Subject, Verdict, judge
from tenantry.policy.documents.model import Manifest
from tenantry.policy.objects.cluster import build_cluster
from tenantry.problems import Problem, problem

_BOOTSTRAP_LABEL = "kubernetes.io/bootstrapping"
_SAMPLE = "t-00000000-main"
_CONTROL_PLANE = Subject("system:kube-controller-manager", groups=("system:authenticated",))


def find_lockouts(policies: PolicySet, live: Sequence[Manifest], baseline: Baseline, us: Subject) -> list[Problem]:
    """Find the policies that would deny what the control plane or tenantry has to write, or may do so.

    Judged are what lives in the system's own namespaces, made anew and changed; what every control plane writes, even
    if it isn't there at this moment; tenantry's records; and the objects of a standard tenant.

    Args:
        policies: What is to be installed.
        live: The live objects.
        baseline: What a standard tenant is made by.
        us: Who tenantry is at the site.
    """
    protected = [one for one in live if _is_systems_own(one)]
    own = [*_list_records(), *assume_namespaces([_SAMPLE], baseline)]
    policies = replace(policies, cluster=build_cluster([*live, *own]))
    theirs = [*map(Placed, protected), *(Placed(one, old=one) for one in protected), *map(Placed, _list_essentials())]
    judged = [*judge(policies, theirs, subject=_CONTROL_PLANE), *judge(policies, map(Placed, own), subject=us)]
    return _name_policies(judged)


def _name_policies(judgements: Iterable[Judgement]) -> list[Problem]:
    first: dict[str, tuple[str, str]] = {}
    for judgement in judgements:
        for finding in judgement.findings:
            if finding.binding and finding.verdict in (Verdict.DENY, Verdict.UNDECIDABLE):
                first.setdefault(finding.policy, (str(judgement.object), finding.message))
    fix = "narrow what its bindings match, to tenants' namespaces by the label tenantry.dev/tenant for example"
    return [
        problem("TEN-670", f"{policy} would lock out what the site itself needs: {named}: {message}", fix)
        for policy, (named, message) in sorted(first.items())
    ]


def _is_systems_own(live: Manifest) -> bool:
    metadata = live["metadata"]
    name, namespace = str(metadata["name"]), str(metadata.get("namespace", ""))
    place = name if live["kind"] == "Namespace" else namespace
    if place:
        return place.startswith("kube-") or place == RECORD_NAMESPACE
    return name.startswith("system:") or _BOOTSTRAP_LABEL in (metadata.get("labels") or {}) or live["kind"] == "Node"


def _list_essentials() -> Iterator[Manifest]:
    """Give what a control plane writes to stay alive."""
    yield _make("coordination.k8s.io/v1", "Lease", "kube-controller-manager", "kube-system")
    yield _make("coordination.k8s.io/v1", "Lease", "node-1", "kube-node-lease")
    yield _make("v1", "Node", "node-1")
    yield _make("v1", "ConfigMap", "extension-apiserver-authentication", "kube-system")
    yield _make("v1", "ServiceAccount", "default", "kube-system")
    yield _make("v1", "Endpoints", "kubernetes", "default")
    addresses = {"addressType": "IPv4", "endpoints": []}
    yield _make("discovery.k8s.io/v1", "EndpointSlice", "kubernetes", "default") | addresses
    container = {"name": "kube-apiserver", "image": "kube-apiserver"}
    mirrored = {"containers": [container], "hostNetwork": True, "priorityClassName": "system-node-critical"}
    yield _make("v1", "Pod", "kube-apiserver-node-1", "kube-system") | {"spec": mirrored}


def _list_records() -> Iterator[Manifest]:
    """Give what tenantry writes to know what it did."""
    yield _make("v1", "Namespace", RECORD_NAMESPACE)
    yield _make("v1", "ConfigMap", "t-00000000", RECORD_NAMESPACE)


def _make(api_version: str, kind: str, name: str, namespace: str = "") -> Manifest:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}
