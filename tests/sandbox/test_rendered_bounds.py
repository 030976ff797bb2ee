"""What is rendered binds real users and real workloads: a real API server says what each may do."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import strategies
from examples import minimal
from sites import Sandbox
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete, load_documents
from tenantry.data import example_dir
from tenantry.render import render_tenant, to_yaml

SITE, HOME, JOBS, OTHER = "onprem", "t-bounds01-main", "t-bounds01-jobs", "t-bounds02-main"
RBAC = "rbac.authorization.k8s.io"
CI = {"issuer": "https://ci.gov.example", "repository": "platforms/records", "branch": "main"}


def requests() -> Iterator[dict[str, object]]:
    for name, identifier, group in (("bounds", "t-bounds01", "records"), ("other", "t-bounds02", "others")):
        yield minimal(
            name=name,
            id=identifier,
            department="platforms",
            namespaces=[{"name": "main"}, {"name": "jobs"}],
            serviceAccounts=[{"name": "app"}, {"name": "operator", "apiToken": True}],
            access=[{"group": f"{group}-{role}s", "role": role} for role in ("admin", "developer", "auditor")],
            ci={**CI, "repository": f"platforms/{group}"},
        )


@pytest.fixture(scope="module", autouse=True)
def tenants(sandbox: Sandbox) -> Iterator[None]:
    """Apply two restricted tenants, as far as Kubernetes goes."""
    around = load_documents([example_dir() / "sites", example_dir() / "departments"])
    asked = tuple(strategies.document(each) for each in requests())
    made = complete(Documents(asked, sites=around.sites, departments=around.departments), strategies.baseline())
    namespaces = []
    for tenant in made:
        rendered = render_tenant(tenant, around.sites[SITE], strategies.baseline())
        namespaces += rendered.namespaces
        command = ["apply", "--server-side", "--field-manager=tenantry", "-f", "-"]
        done = sandbox.kubectl(SITE, *command, stdin=to_yaml(rendered.kubernetes))
        assert (done.returncode, done.stderr) == (0, "")
    try:
        for quota in ("tenantry-quota", "tenantry-system-priority"):
            # A quota counts from when the controller has seen it.
            ready = ["--for=jsonpath={.status.hard.pods}", f"resourcequota/{quota}", "-n", HOME, "--timeout=60s"]
            assert sandbox.kubectl(SITE, "wait", *ready).returncode == 0
        yield
    finally:
        # Waits until they are gone, for other tests look at all that there is.
        sandbox.kubectl(SITE, "delete", "namespace", "--ignore-not-found", *namespaces)


Action = tuple[str, str, str]
SEE: list[Action] = [
    ("list", "", "pods"),
    ("get", "", "pods/log"),
    ("get", "", "resourcequotas"),
    ("get", "networking.k8s.io", "networkpolicies"),
    ("get", RBAC, "rolebindings"),
]
WORK: list[Action] = [
    ("create", "apps", "deployments"),
    ("delete", "", "pods"),
    ("update", "networking.k8s.io", "ingresses"),
    ("patch", "", "configmaps"),
]
FORWARD: list[Action] = [("create", "", "pods/portforward")]
HAND_OVER: list[Action] = [("create", "", "secrets"), ("update", "", "secrets")]
KEEP: list[Action] = [("get", "", "secrets"), ("delete", "", "secrets"), ("create", "", "pods/exec")]
NEVER: list[Action] = [
    *((verb, RBAC, kind) for verb in ("create", "update", "patch", "delete") for kind in ("roles", "rolebindings")),
    ("escalate", RBAC, "roles"),
    ("bind", RBAC, "clusterroles"),
    ("impersonate", "", "serviceaccounts"),
    ("create", "", "serviceaccounts/token"),
    *((verb, "", "serviceaccounts") for verb in ("create", "patch")),
    *((verb, "", "namespaces") for verb in ("patch", "delete")),
    *((verb, "", kind) for verb in ("update", "delete") for kind in ("resourcequotas", "limitranges")),
    *((verb, "networking.k8s.io", "networkpolicies") for verb in ("create", "update", "delete")),
]
EVERYTHING = [*SEE, *WORK, *FORWARD, *HAND_OVER, *KEEP, *NEVER]

Who = dict[str, Any]
MEMBERS: dict[str, tuple[Who, list[Action]]] = {
    "auditor": ({"user": "eve", "groups": ["records-auditors"]}, SEE),
    "developer": ({"user": "eve", "groups": ["records-developers"]}, [*SEE, *WORK, *FORWARD]),
    "admin": ({"user": "eve", "groups": ["records-admins"]}, [*SEE, *WORK, *FORWARD, *HAND_OVER, *KEEP]),
    "pipeline": ({"user": "ci:ci.gov.example:platforms/records:main"}, [*SEE, *WORK, *HAND_OVER]),
    "pipeline of another branch": ({"user": "ci:ci.gov.example:platforms/records:x"}, []),
    "default account": (
        {
            "user": f"system:serviceaccount:{HOME}:default",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{HOME}", "system:authenticated"],
        },
        [],
    ),
    "account with a token": (
        {"user": f"system:serviceaccount:{HOME}:operator", "groups": ["system:serviceaccounts"]},
        [],
    ),
    "admin of another tenant": ({"user": "mallory", "groups": ["others-admins", "system:authenticated"]}, []),
}


def allowed(sandbox: Sandbox, who: Who, namespace: str, actions: Sequence[Action]) -> list[Action]:
    """Ask the API server which actions somebody may do. Source: SubjectAccessReview, authorization.k8s.io/v1."""
    reviews = []
    for verb, group, resource in actions:
        kind, _, part = resource.partition("/")
        what = {"namespace": namespace, "verb": verb, "group": group, "resource": kind, "subresource": part}
        kind_of = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
        reviews.append({**kind_of, "spec": {**who, "resourceAttributes": what}})
    answer = ["create", "-f", "-", "-o", 'jsonpath={.status.allowed}{"\\n"}']
    done = sandbox.kubectl(SITE, *answer, stdin=to_yaml(reviews))
    assert done.returncode == 0, done.stderr
    said = done.stdout.split()
    assert len(said) == len(actions)
    return [action for action, word in zip(actions, said, strict=True) if word == "true"]


@pytest.mark.parametrize("member", MEMBERS)
def test_each_may_do_what_its_role_says_and_no_more(sandbox: Sandbox, member: str) -> None:
    who, expected = MEMBERS[member]
    for namespace in (HOME, JOBS):
        assert allowed(sandbox, who, namespace, EVERYTHING) == expected
    if member != "admin of another tenant":
        assert allowed(sandbox, who, OTHER, EVERYTHING) == []
    assert allowed(sandbox, who, "kube-system", EVERYTHING) == []


def pod(**spec: object) -> dict[str, Any]:
    closed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "main", "image": "registry.gov.example/app:1", "securityContext": closed}
    secure = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    metadata = {"name": "app", "namespace": HOME}
    whole = {"containers": [container], "securityContext": secure, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": whole}


def create(sandbox: Sandbox, manifest: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Have a developer make an object, all but stored; give it as it would be, or why it is refused."""
    who = ["--as=eve", "--as-group=records-developers"]
    done = sandbox.kubectl(
        SITE, "create", "--dry-run=server", "-o", "json", *who, "-f", "-", stdin=json.dumps(manifest)
    )
    return (json.loads(done.stdout) if done.returncode == 0 else {}), done.stderr


def test_a_pod_that_says_little_gets_limits_its_pool_and_no_token(sandbox: Sandbox) -> None:
    made, refused = create(sandbox, pod())
    assert refused == ""
    (container,) = made["spec"]["containers"]
    assert container["resources"] == {
        "limits": {"cpu": "250m", "memory": "256Mi"},
        "requests": {"cpu": "25m", "memory": "64Mi"},
    }
    assert "volumeMounts" not in container
    assert made["spec"]["nodeSelector"] == {"tenantry.dev/pool": "restricted"}
    assert ("tenantry.dev/pool", "restricted") in [(t["key"], t.get("value")) for t in made["spec"]["tolerations"]]


@pytest.mark.parametrize(("account", "mounted"), [("app", False), ("operator", True)])
def test_an_account_gives_a_token_only_where_it_was_asked_for(sandbox: Sandbox, account: str, mounted: bool) -> None:
    made, refused = create(sandbox, pod(serviceAccountName=account))
    assert refused == ""
    assert ("volumeMounts" in made["spec"]["containers"][0]) is mounted


def sized(cpu: str) -> dict[str, Any]:
    made = pod()
    made["spec"]["containers"][0]["resources"] = {"limits": {"cpu": cpu}, "requests": {"cpu": "10m"}}
    return made


def service(kind: str) -> dict[str, Any]:
    metadata = {"name": "app", "namespace": HOME}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": kind, "ports": [{"port": 1}]}}


def claim(size: str) -> dict[str, Any]:
    metadata = {"name": "data", "namespace": HOME}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "the node's network": (pod(hostNetwork=True), "violates PodSecurity"),
    "a root user": (pod(securityContext={"runAsUser": 0}), "violates PodSecurity"),
    "others' nodes": (
        pod(tolerations=[{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]),
        "tolerations",
    ),
    "another pool": (
        pod(nodeSelector={"tenantry.dev/pool": "shared"}),
        "conflicts with its namespace node label selector",
    ),
    "the cluster's own priority": (pod(priorityClassName="system-node-critical"), "quota"),
    "more than its namespace's quota": (sized("2"), "maximum cpu usage per Container is 1"),
    "a load balancer": (service("LoadBalancer"), "exceeded quota"),
    "a port of each node": (service("NodePort"), "exceeded quota"),
    "more storage than its quota": (claim("11Gi"), "exceeded quota"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_tenant_may_not_have_is_refused(sandbox: Sandbox, what: str) -> None:
    manifest, reason = REFUSED[what]
    made, refused = create(sandbox, manifest)
    assert not made
    assert reason in refused


def test_what_a_tenant_may_have_is_taken(sandbox: Sandbox) -> None:
    """The other side of what is refused, so that it isn't refused for something else."""
    for manifest in (
        sized("1"),
        service("ClusterIP"),
        claim("10Gi"),
        pod(priorityClassName="tenant-high"),
        pod(nodeSelector={"tenantry.dev/pool": "restricted"}),
    ):
        made, refused = create(sandbox, manifest)
        assert refused == ""
        assert made["kind"] == manifest["kind"]


def test_nobody_gives_itself_more(sandbox: Sandbox) -> None:
    """What the reviews say holds when it is tried."""
    for group in ("records-admins", "records-developers"):
        who = ["--as=eve", f"--as-group={group}", "-n", HOME]
        for command in (
            ["create", "rolebinding", "mine", "--clusterrole=cluster-admin", "--user=eve"],
            ["create", "role", "mine", "--verb=*", "--resource=*"],
            ["delete", "networkpolicy", "tenantry-default-deny"],
            ["delete", "resourcequota", "tenantry-quota"],
            ["label", "namespace", HOME, "pod-security.kubernetes.io/enforce=privileged", "--overwrite"],
            ["create", "token", "operator"],
        ):
            done = sandbox.kubectl(SITE, *command, *who)
            assert done.returncode != 0
            assert "Forbidden" in done.stderr or "forbidden" in done.stderr
