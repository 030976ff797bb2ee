"""What an API server fills in that nobody else can know: ids, times and addresses that it makes up or hands out.

They're left out of objects, since hardly a policy asks for them; for one that does, they're marked as not known.
"""

from __future__ import annotations

from tenantry.policy.cel.library.marks import mark_unknown
from tenantry.policy.documents.model import Manifest

_METADATA = ("uid", "creationTimestamp", "generation", "managedFields")
_SERVICE = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
_NODE_PORTS = ("NodePort", "LoadBalancer")
ALLOCATED_FIELDS = frozenset({*_METADATA, *_SERVICE, "nodePort"})
"""The names of such fields: an expression that has one of them is judged with the marks."""


def _mark(fields: tuple[str, ...], part: Manifest, path: str) -> Manifest:
    return {key: mark_unknown(f"{path}.{key}, which the API server sets") for key in fields if key not in part}


def mark_allocated(manifest: Manifest | None) -> Manifest | None:
    """An object with marks where the API server will fill something in."""
    if manifest is None:
        return None
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict):
        return manifest
    marked = manifest | {"metadata": metadata | _mark(_METADATA, metadata, "metadata")}
    spec = manifest.get("spec")
    if (manifest.get("apiVersion"), manifest.get("kind")) == ("v1", "Service") and isinstance(spec, dict):
        marked["spec"] = _mark_service(spec)
    return marked


def _mark_service(spec: Manifest) -> Manifest:
    if spec.get("type") == "ExternalName":
        return spec
    marked = spec | _mark(_SERVICE, spec, "spec")
    if spec.get("type") in _NODE_PORTS:
        marked["ports"] = [port | _mark(("nodePort",), port, "spec.ports") for port in spec.get("ports", ())]
    return marked
