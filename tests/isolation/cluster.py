"""What is tried at the API servers: every verb on every kind that holds something, and all ways to more rights."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import urllib3

from isolation.identities import CI, PARTY, PEOPLE, Identity, open_pool
from isolation.matrix import PLATFORM, Attempt, Surface, Told
from isolation.world import World

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_DRY = "?dryRun=All"
_REFUSED, _UNKNOWN = 403, 401
_WORKERS = 6


class Call(NamedTuple):
    """One request: what it is called, its method, its path, and headers beside those of the credential."""

    action: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()


_KINDS = {
    "/api/v1": (
        "pods",
        "secrets",
        "configmaps",
        "services",
        "serviceaccounts",
        "resourcequotas",
        "limitranges",
        "persistentvolumeclaims",
        "events",
    ),
    "/apis/apps/v1": ("deployments", "statefulsets"),
    "/apis/batch/v1": ("jobs", "cronjobs"),
    "/apis/networking.k8s.io/v1": ("networkpolicies", "ingresses"),
    _RBAC: ("roles", "rolebindings"),
}
_BOUNDARY = ("networkpolicies", "resourcequotas", "limitranges", "roles", "rolebindings", "serviceaccounts")
_PARTS = (
    ("exec", "POST", "/api/v1", "pods/x/exec?command=id&stdout=1"),
    ("exec", "GET", "/api/v1", "pods/x/exec?command=id&stdout=1"),
    ("attach", "POST", "/api/v1", "pods/x/attach"),
    ("port-forward", "POST", "/api/v1", "pods/x/portforward"),
    ("proxy to a pod", "GET", "/api/v1", "pods/x/proxy/"),
    ("proxy to a service", "GET", "/api/v1", "services/x/proxy/"),
    ("logs", "GET", "/api/v1", "pods/x/log"),
    ("debug", "PATCH", "/api/v1", f"pods/x/ephemeralcontainers{_DRY}"),
    ("evict", "POST", "/api/v1", f"pods/x/eviction{_DRY}"),
    ("place a pod", "POST", "/api/v1", f"pods/x/binding{_DRY}"),
    ("scale", "PATCH", "/apis/apps/v1", f"deployments/x/scale{_DRY}"),
    ("change a status", "PATCH", "/api/v1", f"pods/x/status{_DRY}"),
)
_CLUSTER = {
    "/api/v1": ("namespaces", "nodes", "persistentvolumes", "secrets", "pods", "configmaps"),
    _RBAC: ("clusterroles", "clusterrolebindings"),
    _ADMISSION: (
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    ),
    "/apis/apiextensions.k8s.io/v1": ("customresourcedefinitions",),
    "/apis/apiregistration.k8s.io/v1": ("apiservices",),
    "/apis/certificates.k8s.io/v1": ("certificatesigningrequests",),
    "/apis/storage.k8s.io/v1": ("storageclasses",),
    "/apis/scheduling.k8s.io/v1": ("priorityclasses",),
}
_REVIEWS = (
    ("ask for another's rights", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
    ("have a token looked at", "POST", "/apis/authentication.k8s.io/v1/tokenreviews"),
    ("read a node", "GET", "/api/v1/nodes/x/proxy/"),
    ("approve a certificate", "PATCH", "/apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval"),
    ("read metrics", "GET", "/metrics"),
    ("read logs", "GET", "/logs/"),
)


def _verbs(collection: str, kind: str) -> Iterator[Call]:
    """Try every verb on a kind; what would change something is only tried (dry run)."""
    one = f"{collection}/x"
    yield Call(f"list {kind}", "GET", collection)
    yield Call(f"watch {kind}", "GET", f"{collection}?watch=1&timeoutSeconds=1")
    yield Call(f"get {kind}", "GET", one)
    yield Call(f"create {kind}", "POST", f"{collection}{_DRY}")
    yield Call(f"update {kind}", "PUT", f"{one}{_DRY}")
    yield Call(f"patch {kind}", "PATCH", f"{one}{_DRY}")
    yield Call(f"delete {kind}", "DELETE", f"{one}{_DRY}")
    yield Call(f"delete all {kind}", "DELETE", f"{collection}{_DRY}")


def list_calls(namespace: str) -> Iterator[Call]:
    """Give all that can be tried of what lies in a namespace, and of the namespace itself."""
    for root, kinds in _KINDS.items():
        for kind in kinds:
            yield from _verbs(f"{root}/namespaces/{namespace}/{kind}", kind)
    for action, method, root, rest in _PARTS:
        yield Call(action, method, f"{root}/namespaces/{namespace}/{rest}")
    for method in ("GET", "PATCH", "DELETE"):
        yield Call(f"{method.lower()} the namespace", method, f"/api/v1/namespaces/{namespace}{_DRY}")


def list_raises(tenant: str, namespace: str) -> Iterator[Call]:
    """Give all ways to the rights of somebody in a tenant's namespace, which not even its own people have."""
    account = f"system:serviceaccount:{namespace}:app"
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    yield Call("have a token made", "POST", f"{accounts}/app/token{_DRY}")
    for name, who in (("the workload", account), ("an admin", f"{tenant}-admin"), ("the platform", "tenantry")):
        yield Call(f"impersonate {name}", "GET", f"/api/v1/namespaces/{namespace}", (("Impersonate-User", who),))
    group = (("Impersonate-User", "x"), ("Impersonate-Group", f"{tenant}-admins"))
    yield Call("impersonate a group", "GET", f"/api/v1/namespaces/{namespace}", group)
    yield Call("bind a role", "POST", f"{_RBAC}/namespaces/{namespace}/rolebindings{_DRY}")
    yield Call("escalate a role", "PATCH", f"{_RBAC}/namespaces/{namespace}/roles/tenantry-admin{_DRY}")


def list_own_raises(tenant: str, namespace: str) -> Iterator[Call]:
    """Give what nobody of a tenant may do to what bounds it: the boundary comes from the request alone."""
    yield from list_raises(tenant, namespace)
    for call in list_calls(namespace):
        kind = call.action.rpartition(" ")[2]
        if call.method != "GET" and (kind in _BOUNDARY or "the namespace" in call.action):
            yield call


def list_platform_calls() -> Iterator[Call]:
    """Give all that can be tried of what is no tenant's."""
    for namespace in ("kube-system", "tenantry-system"):
        yield from list_calls(namespace)
    for root, kinds in _CLUSTER.items():
        for kind in kinds:
            yield from _verbs(f"{root}/{kind}", f"the cluster's {kind}")
    yield from (Call(*one) for one in _REVIEWS)
    for who in ("system:masters", "tenantry-platform"):
        headers = (("Impersonate-User", "x"), ("Impersonate-Group", who))
        yield Call(f"impersonate {who}", "GET", "/api/v1/namespaces", headers)


def try_cluster(world: World, identities: list[Identity], told: Told) -> list[Attempt]:
    """Try everything at both sites' API servers, with each credential."""
    # An outside party has nothing to show to an API server.
    pairs = [(identity, site) for identity in identities for site in world.sandbox.sites if identity.role != PARTY]
    made: list[Attempt] = []
    with ThreadPoolExecutor(_WORKERS) as workers:
        for found in workers.map(lambda pair: _try_one(world, *pair), pairs):
            made += found
            told(len(found))
    return made


def _try_one(world: World, identity: Identity, site: str) -> list[Attempt]:
    """Try all at one site; a credential of the other site's isn't even known here."""
    pool, server, headers = open_pool(world, identity, site)
    here = bool(identity.tenant) and world.site_of(identity.tenant) == site
    made: list[Attempt] = []

    def attempt(target: str, call: Call, allowed_by: str = "") -> None:
        status = _ask(pool, f"{server}{call.path}", call, headers)
        opened = status not in ((_REFUSED,) if here else (_REFUSED, _UNKNOWN))
        action = f"{call.action} at {site}"
        made.append(Attempt(Surface.KUBERNETES, identity.name, target, action, allowed_by, opened, str(status)))

    with pool:
        for name in world.requests:
            namespace = f"{world.id_of(name)}-main"
            if world.site_of(name) != site:
                continue
            calls = [*list_calls(namespace), *list_raises(name, namespace)]
            for call in calls if name != identity.tenant else list_own_raises(name, namespace):
                attempt(name, call)
        for call in list_platform_calls():
            attempt(PLATFORM, call)
        if here:
            attempt(identity.tenant, *_show_that_it_works(world, identity))
    return made


def _show_that_it_works(world: World, identity: Identity) -> tuple[Call, str]:
    """Give what a credential may do: one that were broken would be refused everywhere, too."""
    if identity.role in (*PEOPLE, CI):
        path = f"/api/v1/namespaces/{world.id_of(identity.tenant)}-main/pods"
        return Call("list pods", "GET", path), f"the request's {identity.role}"
    return Call("list what is served", "GET", "/apis"), "its own token"


def _ask(pool: urllib3.PoolManager, url: str, call: Call, headers: dict[str, str]) -> int:
    kind = "application/merge-patch+json" if call.method == "PATCH" else "application/json"
    body = None if call.method in ("GET", "DELETE") else b"{}"
    answer = pool.request(
        call.method, url, body=body, headers={**headers, **dict(call.headers), "Content-Type": kind}, redirect=False
    )
    return int(answer.status)
