"""The values that a policy's expressions see.

A name that isn't bound is one that isn't known: to read it is undecidable.
"""

from __future__ import annotations

from typing import Any

from tenantry.policy.cel.library.authorization import build_authorizer, build_resource_check
from tenantry.policy.documents.model import Manifest
from tenantry.policy.objects.allocated import mark_allocated
from tenantry.policy.objects.cluster import Cluster, read_metadata
from tenantry.policy.objects.request import Request, Resource, build_request_value, build_user_value

REQUEST_NAMES = frozenset({"request", "request.userInfo"})


def bind_names(
    request: Request,
    matched: Resource,
    params: Manifest | None,
    cluster: Cluster,
    names: frozenset[str],
    *,
    marked: bool,
) -> dict[str, Any]:
    """What is known of a request, of the names that any policy asks for.

    `marked` marks in the object what only an API server fills in.
    """
    shown = mark_allocated(request.object) if marked else request.object
    bound: dict[str, Any] = {
        "object": _show_as(shown, request.resource, matched),
        "oldObject": _show_as(request.old, request.resource, matched),
        "params": params,
    }
    if names & REQUEST_NAMES:
        bound["request"] = build_request_value(request, matched)
    if "namespaceObject" in names:
        bound |= _bind_namespace(request, cluster)
    if request.subject is not None:
        bound["request.userInfo"] = build_user_value(request.subject)
        bound["authorizer"] = build_authorizer(request.subject)
        rest = {"subresource": request.subresource, "namespace": request.namespace, "name": request.name}
        resource = request.resource
        bound["authorizer.requestResource"] = build_resource_check(
            request.subject, resource.group, resource.plural, **rest
        )
    return bound


def _bind_namespace(request: Request, cluster: Cluster) -> dict[str, Any]:
    if not request.namespace or request.resource.is_namespace:
        return {"namespaceObject": None}
    document = cluster.find_namespace(request.namespace)
    if document is None:
        return {}
    metadata = dict(read_metadata(document))
    metadata["labels"] = dict(cluster.find_labels(request.namespace) or {})
    shown = {key: metadata[key] for key in ("name", "labels", "annotations", "finalizers") if metadata.get(key)}
    return {
        "namespaceObject": {"metadata": shown, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    }


def _show_as(manifest: Manifest | None, resource: Resource, matched: Resource) -> Manifest | None:
    """An object in the version that a rule matched."""
    if manifest is None or resource == matched:
        return manifest
    return manifest | {"apiVersion": matched.api_version, "kind": matched.kind}
