"""Namespaces with Pod Security labels, quota and container limits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tenantry.contract.model import Baseline, Bytes, Millicores, NodePool, Quota, Site, Tenant
from tenantry.contract.quantity import format_bytes, format_cpu
from tenantry.render.manifest import Manifest
from tenantry.render.naming import DOMAIN, HOSTS_NOTE, document, namespace_name

# A quota is in force once it is there: its status, which Pulumi would wait for, only counts what is used.
NO_WAIT = {"pulumi.com/skipAwait": "true"}
TENANT_QUOTA = "tenantry-quota"
"""The name of the quota of each of a tenant's namespaces."""
_SCHEDULER = "scheduler.alpha.kubernetes.io"
# What Kubernetes itself gives pods to tolerate; no tenant may tolerate more than this and its own pool.
NODE_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{condition}", "operator": "Exists", "effect": effect}
    for effect, conditions in (
        ("NoExecute", ("not-ready", "unreachable")),
        ("NoSchedule", ("memory-pressure", "disk-pressure", "pid-pressure", "unschedulable")),
    )
    for condition in conditions
]
SYSTEM_PRIORITIES = ["system-cluster-critical", "system-node-critical"]


def render_namespaces(tenant: Tenant, site: Site, baseline: Baseline, *, cordoned: bool) -> list[Manifest]:
    """Make each namespace with its quotas and limits; in one that is `cordoned`, no pod is made any more."""
    made: list[Manifest] = []
    for request, quota in zip(tenant.spec.namespaces, split_quota(tenant), strict=True):
        name = namespace_name(tenant, request.name)
        made.append(_namespace(tenant, site, baseline, name))
        made.append(_quota(tenant, site, baseline, name, replace(quota, pods=0) if cordoned else quota))
        made.append(_priority_quota(tenant, name))
        made.append(_limits(tenant, name, quota))
    return made


def split_quota(tenant: Tenant) -> list[Quota]:
    """Divide the tenant's quota among its namespaces by their shares; the parts add up to it exactly."""
    shares = [namespace.share for namespace in tenant.spec.namespaces]
    quota = tenant.spec.quota
    parts = zip(
        _split(quota.cpu, shares),
        _split(quota.memory, shares),
        _split(quota.storage, shares),
        _split(quota.pods, shares),
        strict=True,
    )
    return [
        Quota(cpu=Millicores(cpu), memory=Bytes(memory), storage=Bytes(storage), pods=pods)
        for cpu, memory, storage, pods in parts
    ]


def _split(amount: int, shares: list[int]) -> list[int]:
    """Divide by running totals, so that rounding never loses or adds a unit."""
    total, seen, parts = sum(shares), 0, []
    for share in shares:
        parts.append(amount * (seen + share) // total - amount * seen // total)
        seen += share
    return parts


def _namespace(tenant: Tenant, site: Site, baseline: Baseline, name: str) -> Manifest:
    controls = baseline.controls(tenant.spec.classification)
    standard, version = controls.pod_security, f"v{site.spec.kubernetes_minor}"
    allowed = baseline.spec.allowed
    notes = {
        f"{DOMAIN}/registries": " ".join(allowed.registries),
        f"{DOMAIN}/priority-classes": " ".join(allowed.priority_classes),
        f"{DOMAIN}/runtime-classes": " ".join(allowed.runtime_classes),
        f"{DOMAIN}/storage-classes": " ".join(allowed.storage_classes),
    }
    if tenant.spec.ingress.hosts:
        notes[HOSTS_NOTE] = " ".join(tenant.spec.ingress.hosts)
    pool = site.spec.node_pools.get(tenant.spec.classification) if controls.own_node_pool else None
    notes |= _placement(pool)
    pod_security = {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", standard), ("-version", version))
    }
    return document(tenant, "v1", "Namespace", name, notes=notes, extra_labels=pod_security)


def _placement(pool: NodePool | None) -> dict[str, str]:
    """Keep a tenant's pods on its own pool of nodes, if it has one, and off everyone else's.

    Read by the admission plugins PodNodeSelector and PodTolerationRestriction, which a site with pools has switched on.
    """
    if pool is None:
        return {f"{_SCHEDULER}/tolerationsWhitelist": _compact(NODE_TOLERATIONS)}
    own = {"key": pool.key, "operator": "Equal", "value": pool.value, "effect": "NoSchedule"}
    return {
        f"{_SCHEDULER}/node-selector": f"{pool.key}={pool.value}",
        f"{_SCHEDULER}/defaultTolerations": _compact([own]),
        f"{_SCHEDULER}/tolerationsWhitelist": _compact([own, *NODE_TOLERATIONS]),
    }


def _compact(entries: Sequence[Mapping[str, object]]) -> str:
    return json.dumps(entries, separators=(",", ":"), ensure_ascii=False)


def _quota(tenant: Tenant, site: Site, baseline: Baseline, namespace: str, quota: Quota) -> Manifest:
    """Bound what all pods of the namespace may request together; storage classes that aren't allowed get nothing."""
    hard = {
        "requests.cpu": format_cpu(quota.cpu),
        "requests.memory": format_bytes(quota.memory),
        "requests.storage": format_bytes(quota.storage),
        "pods": str(quota.pods),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    for storage_class in site.spec.storage_classes:
        if storage_class not in baseline.spec.allowed.storage_classes:
            hard[f"{storage_class}.storageclass.storage.k8s.io/requests.storage"] = "0"
    content = {"spec": {"hard": hard}}
    return document(tenant, "v1", "ResourceQuota", TENANT_QUOTA, content, namespace=namespace, notes=NO_WAIT)


def _priority_quota(tenant: Tenant, namespace: str) -> Manifest:
    """Keep tenants' pods out of the priorities that the cluster itself lives by."""
    match = {"scopeName": "PriorityClass", "operator": "In", "values": SYSTEM_PRIORITIES}
    spec = {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [match]}}
    content = {"spec": spec}
    return document(
        tenant, "v1", "ResourceQuota", "tenantry-system-priority", content, namespace=namespace, notes=NO_WAIT
    )


def _limits(tenant: Tenant, namespace: str, quota: Quota) -> Manifest:
    """Give every container that asks for nothing a request and a limit; let none have more than its namespace's quota.

    A quota bounds requests only; without a maximum, a container could take a node's whole memory as its limit.
    Source: Kubernetes LimitRange, core/v1, which refuses a maximum below the default.
    """
    limits = tenant.spec.limits
    container = {
        "type": "Container",
        "default": {"cpu": format_cpu(limits.default_cpu), "memory": format_bytes(limits.default_memory)},
        "defaultRequest": {
            "cpu": format_cpu(limits.default_request_cpu),
            "memory": format_bytes(limits.default_request_memory),
        },
        "max": {
            "cpu": format_cpu(max(quota.cpu, limits.default_cpu)),
            "memory": format_bytes(max(quota.memory, limits.default_memory)),
        },
    }
    content = {"spec": {"limits": [container]}}
    return document(tenant, "v1", "LimitRange", "tenantry-limits", content, namespace=namespace)
