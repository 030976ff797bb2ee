"""The namespace that a manifest is for where nobody describes it: a tenant's, with all that tenantry makes there."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tenantry.contract.defaults import complete_request
from tenantry.contract.load import stand_in_department
from tenantry.contract.model import Baseline, Site, Tenant
from tenantry.contract.structure import structure
from tenantry.policy import mark_unknown
from tenantry.policy.documents.model import Manifest
from tenantry.policy.policies import NEWEST_KUBERNETES
from tenantry.render import render_tenant
from tenantry.render.naming import HOSTS_NOTE

_REQUEST: Mapping[str, Any] = {
    "metadata": {"name": "unknown"},
    "spec": {
        "id": "t-00000000",
        "department": "unknown",
        "template": "service",
        "environment": "dev",
        "classification": "open",
        "namespaces": [{"name": "main"}],
    },
}
_PODS = {"namespaceLabels": {}, "port": 1}
_SITE: Mapping[str, Any] = {
    "metadata": {"name": "unknown", "labels": {}},
    "spec": {
        "title": "unknown",
        "region": "unknown",
        "sector": "unknown",
        "location": "onPremises",
        "classifications": ["open"],
        "kubernetesMinor": f"1.{NEWEST_KUBERNETES}",
        "capabilities": [],
        "network": {
            "dns": _PODS,
            "ingress": _PODS,
            "monitoring": _PODS,
            "clusterCidrs": [],
            "objectStoreCidrs": [],
            "objectStorePort": 443,
        },
        "nodePools": {},
        "storageClasses": [],
        "capacity": {"cpu": "1", "memory": "1Gi", "storage": "1Gi", "pods": 1},
    },
}
UNNAMED = "namespace-of-a-tenant"
"""Where a manifest goes that names no namespace, as most that Helm and Kustomize make; whoever applies it names one."""
_UNKNOWN_HOSTS = mark_unknown("the list of ingress hosts of its namespace (give the Namespace with --context)")


def assume_namespaces(names: Iterable[str], baseline: Baseline) -> Iterator[Manifest]:
    """Give the objects of a tenant's namespace under each name; the hosts that its request asks for aren't known."""
    tenant = structure(complete_request(_REQUEST, baseline, stand_in_department("unknown")), Tenant)
    rendered = render_tenant(tenant, structure(_SITE, Site), baseline).kubernetes
    for name in names:
        for manifest in rendered:
            metadata = dict(manifest["metadata"])
            if manifest["kind"] == "Namespace":
                metadata["name"] = name
                metadata["annotations"] = {**metadata["annotations"], HOSTS_NOTE: _UNKNOWN_HOSTS}
            else:
                metadata["namespace"] = name
            yield {**manifest, "metadata": metadata}
