"""A waiver excuses the same objects offline and in an API server, with what they make, and no others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from apiserver import ApiServer, Manifest, bind, make

from tenantry.contract.model import Metadata, ObjectSelector, Waiver, WaiverSpec
from tenantry.policy import Judgement, Placed, Verdict, build_policies, judge
from tenantry.policy.admission.waive import add_condition

TENANT, OTHER = "t-waiver01", "t-waiver02"
HOME, SECOND, ABROAD = f"{TENANT}-main", f"{TENANT}-second", f"{OTHER}-main"
RULES = [
    {"apiGroups": groups, "apiVersions": ["v1"], "operations": ["CREATE"], "resources": resources}
    for groups, resources in (
        ([""], ["pods", "configmaps", "namespaces"]),
        (["apps"], ["deployments", "replicasets", "statefulsets"]),
        (["batch"], ["jobs", "cronjobs"]),
        (["scheduling.k8s.io"], ["priorityclasses"]),
    )
]


def choose(
    tenant: str, namespace: str | None = None, kind: str | None = None, name: str | None = None
) -> ObjectSelector:
    return ObjectSelector(tenant, namespace, kind, name, host=None)


SELECTORS = {
    "tenant": choose(TENANT),
    "namespace": choose(TENANT, "main"),
    "kind": choose(TENANT, "main", "Deployment"),
    "deployment": choose(TENANT, "main", "Deployment", "web"),
    "statefulset": choose(TENANT, "main", "StatefulSet", "db"),
    "cronjob": choose(TENANT, None, "CronJob", "nightly"),
    "pod": choose(TENANT, None, "Pod", "web"),
    "name": choose(TENANT, None, None, "web"),
    # A host is no object of a cluster, whatever is called like it there.
    "host": ObjectSelector(None, None, None, None, host="web"),
}


def about(policy: str, *selectors: ObjectSelector, **changes: Any) -> Waiver:  # noqa: ANN401
    given: dict[str, Any] = {
        "reason": "The vendor mends it.",
        "owner": "records@health.gov.example",
        "approver": "ciso@interior.gov.example",
        "ticket": "SEC-311",
        "approved": date(2026, 11, 2),
        "expires": date(2027, 3, 31),
    }
    spec = WaiverSpec(policy=policy, objects=selectors, **given | changes)
    return Waiver(Metadata(name=f"for-{policy}", labels={}), spec)


def refuse_all(name: str, action: str = "Warn") -> list[Manifest]:
    """Give a policy that no object meets, and its binding."""
    message = [{"expression": "false", "message": "no"}]
    spec = {"matchConstraints": {"resourceRules": RULES}, "validations": message}
    limits = {"namespaceSelector": {"matchExpressions": [{"key": "tenantry-tests", "operator": "Exists"}]}}
    bound = bind(name, validationActions=[action], matchResources=limits)
    policy = make("ValidatingAdmissionPolicy", name, spec)
    policy["metadata"]["annotations"] = {"tenantry.dev/pod-templates": "true"}
    return [policy, make("ValidatingAdmissionPolicyBinding", name, bound)]


def thing(api_version: str, kind: str, name: str, namespace: str = HOME, **more: Any) -> Manifest:  # noqa: ANN401
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {}) | more.pop("metadata", {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def owned(api_version: str, kind: str, name: str, *, controller: bool = True) -> Manifest:
    owner = {"apiVersion": api_version, "kind": kind, "name": name, "uid": "0-1", "controller": controller}
    return {"ownerReferences": [owner]}


POD = {"containers": [{"name": "app", "image": "app"}]}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": POD}
WORKLOAD = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}
JOB = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}
HASHED = {"labels": {"pod-template-hash": "5d4f8c"}}


def pod(name: str, namespace: str = HOME, **metadata: Any) -> Manifest:  # noqa: ANN401
    return thing("v1", "Pod", name, namespace, metadata=metadata, spec=POD)


# Each object with the selectors that are for it, besides "tenant" and, in its first namespace, "namespace".
OBJECTS = [
    (thing("apps/v1", "Deployment", "web", spec=WORKLOAD), {"kind", "deployment", "name"}),
    (thing("apps/v1", "Deployment", "web-2", spec=WORKLOAD), {"kind"}),
    (thing("apps/v1", "Deployment", "web", SECOND, spec=WORKLOAD), {"name"}),
    (
        thing("apps/v1", "ReplicaSet", "web-5d4f8c", metadata=owned("apps/v1", "Deployment", "web"), spec=WORKLOAD),
        {"kind", "deployment", "name"},
    ),
    (pod("web-5d4f8c-x", **HASHED, **owned("apps/v1", "ReplicaSet", "web-5d4f8c")), {"kind", "deployment", "name"}),
    (pod("web-2-5d4f8c-x", **HASHED, **owned("apps/v1", "ReplicaSet", "web-2-5d4f8c")), {"kind"}),
    # A ReplicaSet of nobody's has no hash in its pods' labels; an owner that doesn't control made nothing.
    (pod("web-5d4f8c-y", **owned("apps/v1", "ReplicaSet", "web-5d4f8c")), set()),
    (pod("web-5d4f8c-z", **HASHED, **owned("apps/v1", "ReplicaSet", "web-5d4f8c", controller=False)), set()),
    (pod("db-0", **owned("apps/v1", "StatefulSet", "db")), {"statefulset"}),
    (pod("db-1", **owned("apps/v1", "StatefulSet", "db-1")), set()),
    (
        thing("batch/v1", "Job", "nightly-29384756", metadata=owned("batch/v1", "CronJob", "nightly"), spec=JOB),
        {"cronjob"},
    ),
    (pod("nightly-29384756-x", **owned("batch/v1", "Job", "nightly-29384756")), {"cronjob"}),
    (pod("nightly-mail-x", **owned("batch/v1", "Job", "nightly-mail")), set()),
    (pod("web"), {"pod", "name"}),
    (pod("web", ABROAD), set()),
    (thing("v1", "ConfigMap", "web"), {"name"}),
    (thing("v1", "ConfigMap", "other", SECOND), set()),
    (thing("v1", "Namespace", HOME, "", metadata={"labels": {"tenantry-tests": "x"}}), set()),
    (thing("v1", "Namespace", ABROAD, "", metadata={"labels": {"tenantry-tests": "x"}}), set()),
    # What lies in no namespace is a tenant's by its name.
    (thing("scheduling.k8s.io/v1", "PriorityClass", f"{TENANT}-high", "", value=1), set()),
    (thing("scheduling.k8s.io/v1", "PriorityClass", f"{OTHER}-high", "", value=1), set()),
]


def expected(manifest: Manifest, named: set[str]) -> set[str]:
    metadata = manifest["metadata"]
    place = metadata.get("namespace") or metadata["name"]
    return (
        named | ({"tenant"} if place.startswith(f"{TENANT}-") else set()) | ({"namespace"} if place == HOME else set())
    )


def show(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return "-".join((manifest["kind"], metadata.get("namespace", ""), metadata["name"]))


def find_waivers(judgement: Judgement) -> dict[str, str]:
    """Which waiver excuses each policy's findings of the object itself, and of the pods within it."""
    found: dict[str, str] = {}
    for finding in judgement.findings:
        assert found.setdefault(finding.policy, finding.waiver) == finding.waiver
    return found


@dataclass(frozen=True)
class World:
    server: ApiServer
    waivers: list[Waiver]
    policies: list[Manifest]
    namespaces: list[Manifest]


@pytest.fixture(scope="module")
def world(server: ApiServer) -> Iterator[World]:
    waivers = [about(name, selector) for name, selector in SELECTORS.items()]
    policies = [one for name in SELECTORS for one in refuse_all(name)]
    namespaces = [
        thing("v1", "Namespace", name, "", metadata={"labels": {"tenantry-tests": "x"}})
        for name in (HOME, SECOND, ABROAD)
    ]
    installed = [add_condition(one, waivers) for one in policies]
    with server.hold(*namespaces, *installed):
        time.sleep(1)
        yield World(server, waivers, policies, namespaces)


@pytest.mark.parametrize(("manifest", "named"), OBJECTS, ids=[show(one) for one, _ in OBJECTS])
def test_a_waiver_excuses_alike(world: World, manifest: Manifest, named: set[str]) -> None:
    offline = build_policies(map(Placed, world.policies), world.namespaces)
    (judgement,) = judge(offline, [Placed(manifest)], waivers=world.waivers)
    excused = {policy for policy, waiver in find_waivers(judgement).items() if waiver == f"for-{policy}"}
    assert excused == expected(manifest, named)
    # And offline, the policy that an API server gets says of the object itself what the waiver says.
    served = build_policies([Placed(add_condition(one, world.waivers)) for one in world.policies], world.namespaces)
    (conditioned,) = judge(served, [Placed(manifest)])
    failing = set(SELECTORS) - excused
    assert {finding.policy for finding in conditioned.findings if not finding.path} == failing
    assert says(world.server, manifest) == failing


def says(server: ApiServer, manifest: Manifest) -> set[str]:
    """The policies that the server warns of; an object of that name may be there."""
    answer = server.try_create(manifest)
    assert answer.status in (201, 409) or "serviceaccount" in answer.message, answer.message
    return {policy for policy, _, _ in answer.failures()}


def test_waived_findings_weigh_nothing() -> None:
    policies = build_policies(
        map(Placed, [*refuse_all("deployment", "Deny"), *refuse_all("other", "Deny")]), [labelled(HOME)]
    )
    waiver = about("deployment", SELECTORS["deployment"])
    web, _ = OBJECTS[0]
    (judgement,) = judge(policies, [Placed(web)], waivers=[waiver])
    assert find_waivers(judgement) == {"deployment": waiver.name, "other": ""}
    assert judgement.verdict is Verdict.DENY
    (judgement,) = judge(policies, [Placed(web)], waivers=[waiver, about("other", SELECTORS["name"])])
    assert judgement.verdict is Verdict.ALLOW


def labelled(name: str) -> Manifest:
    return thing("v1", "Namespace", name, "", metadata={"labels": {"tenantry-tests": "x"}})


@contextmanager
def denied_pods(server: ApiServer, namespace: str, waiver: Waiver) -> Iterator[None]:
    policy, binding = refuse_all(waiver.spec.policy, "Deny")
    rules = [{**RULES[0], "resources": ["pods"]}]
    policy["spec"]["matchConstraints"]["resourceRules"] = rules
    with server.hold(labelled(namespace), add_condition(policy, [waiver]), binding):
        yield


def test_the_pods_of_a_waived_deployment_are_made(server: ApiServer) -> None:
    """The control plane's own controllers make them; those of its neighbour are refused."""
    tenant = "t-waiver03"
    namespace = f"{tenant}-main"
    waiver = about("real-pods", choose(tenant, "main", "Deployment", "web"))
    made = [
        thing(
            "apps/v1",
            "Deployment",
            name,
            namespace,
            spec={
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": POD},
            },
        )
        for name in ("web", "neighbour")
    ]
    with denied_pods(server, namespace, waiver), server.hold(*made):
        pods = await_pods(server, namespace, "web")
        assert {one["metadata"]["labels"]["app"] for one in pods} == {"web"}
        refused = await_refusal(server, namespace)
        assert "neighbour" in refused
        assert "real-pods" in refused
        for one in pods:
            server.delete({"apiVersion": "v1", "kind": "Pod", **one})


def await_pods(server: ApiServer, namespace: str, app: str) -> list[Manifest]:
    return await_items(server, f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"app={app}")


def await_refusal(server: ApiServer, namespace: str) -> str:
    query = "reason=FailedCreate,involvedObject.kind=ReplicaSet"
    (event, *_) = await_items(server, f"/api/v1/namespaces/{namespace}/events", fieldSelector=query)
    return f"{event['involvedObject']['name']}: {event['message']}"


def await_items(server: ApiServer, path: str, **query: str) -> list[Manifest]:
    for _ in range(300):
        found: list[Manifest] = server.request("GET", path, **query).body["items"]
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"there is nothing at {path} within 30 s")
