"""Who may do what in a tenant: roles that can't escalate, their groups, workloads' identities and the pipeline's."""

from typing import Any

from tenantry.contract.model import AccessRole, ServiceAccount, Tenant
from tenantry.render.manifest import Manifest
from tenantry.render.naming import document, namespace_name
from tenantry.render.pipelines import pipeline_user

RBAC = "rbac.authorization.k8s.io"
CI_ROLE = "ci"

Rule = dict[str, list[str]]

READ = ["get", "list", "watch"]
WRITE = ["create", "update", "patch", "delete", "deletecollection"]

# The boundary (quota, limits, network policies, roles) can be seen by all and changed by none of these roles: it comes
# from the request. No rule has a wildcard, `escalate`, `bind`, `impersonate` or the creation of tokens.
_BOUNDARY = [
    ("", ["resourcequotas", "limitranges", "serviceaccounts", "namespaces"]),
    ("networking.k8s.io", ["networkpolicies"]),
    (RBAC, ["roles", "rolebindings"]),
]
_WORKLOADS = [
    ("", ["configmaps", "persistentvolumeclaims", "pods", "services", "replicationcontrollers"]),
    ("apps", ["daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets", "statefulsets/scale"]),
    ("autoscaling", ["horizontalpodautoscalers"]),
    ("batch", ["cronjobs", "jobs"]),
    ("networking.k8s.io", ["ingresses"]),
    ("policy", ["poddisruptionbudgets"]),
]
_OBSERVED = [("", ["endpoints", "events", "pods/log", "pods/status"]), ("events.k8s.io", ["events"])]


def _rules(resources: list[tuple[str, list[str]]], verbs: list[str]) -> list[Rule]:
    return [{"apiGroups": [group], "resources": names, "verbs": verbs} for group, names in resources]


_READER = _rules(_BOUNDARY, READ) + _rules(_WORKLOADS, READ) + _rules(_OBSERVED, READ)
_DEVELOPER = [
    *_READER,
    *_rules(_WORKLOADS, WRITE),
    *_rules([("", ["pods/portforward"])], ["create"]),
]
ROLE_RULES: dict[str, list[Rule]] = {
    AccessRole.AUDITOR.value: _READER,
    AccessRole.DEVELOPER.value: _DEVELOPER,
    AccessRole.ADMIN.value: [
        *_DEVELOPER,
        *_rules([("", ["secrets"])], READ + WRITE),
        *_rules([("", ["pods/exec", "pods/ephemeralcontainers"])], ["create", "get", "patch", "update"]),
    ],
    CI_ROLE: [*_READER, *_rules(_WORKLOADS, WRITE), *_rules([("", ["secrets"])], ["create", "update", "patch"])],
}


def render_access(tenant: Tenant) -> list[Manifest]:
    """Make the roles, their bindings and the service accounts of each namespace. Source: Kubernetes RBAC."""
    made: list[Manifest] = []
    for request in tenant.spec.namespaces:
        namespace = namespace_name(tenant, request.name)
        # Kubernetes makes `default` in every namespace, and pods that name no account run as it: no token unless asked.
        tokens = {"default": False}
        tokens |= {each.name: each.api_token for each in tenant.spec.service_accounts if each.namespace == request.name}
        made.extend(_service_account(tenant, namespace, name, token=token) for name, token in tokens.items())
        for role in AccessRole:
            groups = sorted({access.group for access in tenant.spec.access if access.role is role})
            made.extend(_role(tenant, namespace, role.value, [_group(group) for group in groups]))
        pipeline = [_user(pipeline_user(tenant.spec.ci))] if tenant.spec.ci else []
        made.extend(_role(tenant, namespace, CI_ROLE, pipeline))
    return made


def account_secret_name(account: ServiceAccount) -> str:
    """Give the name of the Secret that holds a service account's key to its buckets."""
    return f"{account.name}-buckets"


def _service_account(tenant: Tenant, namespace: str, name: str, *, token: bool) -> Manifest:
    content = {"automountServiceAccountToken": token}
    return document(tenant, "v1", "ServiceAccount", name, content, namespace=namespace)


def _role(tenant: Tenant, namespace: str, role: str, subjects: list[dict[str, Any]]) -> list[Manifest]:
    """Make a role, which every namespace has, and its binding, which binds nobody until the request names someone."""
    name, version = f"tenantry-{role}", f"{RBAC}/v1"
    reference = {"apiGroup": RBAC, "kind": "Role", "name": name}
    binding = {"roleRef": reference, "subjects": subjects}
    return [
        document(tenant, version, "Role", name, {"rules": ROLE_RULES[role]}, namespace=namespace),
        document(tenant, version, "RoleBinding", name, binding, namespace=namespace),
    ]


def _group(name: str) -> dict[str, Any]:
    return {"apiGroup": RBAC, "kind": "Group", "name": name}


def _user(name: str) -> dict[str, Any]:
    return {"apiGroup": RBAC, "kind": "User", "name": name}
