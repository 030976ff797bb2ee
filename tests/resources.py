"""Manifests as the Pulumi resources that ask for them, as they come over the wire."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

from tenantry.components.register import kubernetes_type
from tenantry.objectstore.spec import TENANT_LABEL, complete

Manifest = Mapping[str, Any]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
GOOD = {
    "name": "app",
    "image": "registry.gov.example/app@sha256:" + "0" * 64,
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}},
    "livenessProbe": {"exec": {"command": ["true"]}},
    "readinessProbe": {"exec": {"command": ["true"]}},
}


def resource_of(manifest: Manifest) -> tuple[str, dict[str, Any]]:
    """Give the type and the inputs of the resource that registers a manifest, as they come over the wire."""
    if manifest["apiVersion"] != "tenantry.dev/v1":
        return kubernetes_type(manifest), on_the_wire(manifest)
    metadata = manifest["metadata"]
    labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
    tags = {key: value for key, value in {**notes, **labels}.items() if key != TENANT_LABEL}
    spec = complete(manifest["kind"], {**(manifest.get("spec") or {}), "tags": tags})
    inputs = {"site": "here", "tenant": labels.get(TENANT_LABEL, ""), "name": metadata["name"], "spec": spec}
    return f"objectstore:index:{manifest['kind']}", on_the_wire(inputs)


def on_the_wire(value: Manifest) -> dict[str, Any]:
    sent = struct_pb2.Struct()
    sent.update(value)
    return dict(json_format.MessageToDict(sent))


def pod(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{**GOOD, **changes}],
    }
    labels = {"app.kubernetes.io/name": "app"}
    metadata = {"name": "web", "namespace": "main", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
