"""Custom objects by the schema of their CustomResourceDefinition: pruned and defaulted as the API server does it.

Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{pruning,defaulting}.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tenantry.policy.documents.model import Manifest
from tenantry.policy.objects.request import Resource

Schema = dict[str, Any]
_META = frozenset({"apiVersion", "kind", "metadata"})


@dataclass(frozen=True, slots=True)
class CustomKind:
    """One version of a custom kind; without a schema all is kept."""

    resource: Resource
    schema: Schema | None
    # Whether another version of the kind is the same but for its name.
    converts: bool


def read_definition(definition: Manifest) -> Iterator[CustomKind]:
    """The kinds that a CustomResourceDefinition defines, one a served version."""
    spec = definition.get("spec") or {}
    names = spec.get("names") or {}
    converts = (spec.get("conversion") or {}).get("strategy", "None") == "None"
    for version in spec.get("versions") or []:
        if not version.get("served", True):
            continue
        resource = Resource(
            spec.get("group", ""),
            version.get("name", ""),
            names.get("plural", ""),
            names.get("kind", ""),
            spec.get("scope") == "Namespaced",
        )
        yield CustomKind(resource, (version.get("schema") or {}).get("openAPIV3Schema"), converts)


def complete_custom(manifest: Manifest, schema: Schema, dropped: list[str]) -> Manifest:
    """A custom object without what its schema doesn't have, and with its defaults; `dropped` gets what went."""
    body = {key: value for key, value in manifest.items() if key not in _META}
    shape = schema | {"properties": {k: v for k, v in (schema.get("properties") or {}).items() if k not in _META}}
    completed = _complete(body, shape, "", dropped)
    assert isinstance(completed, dict)
    return {key: value for key, value in manifest.items() if key in _META} | completed


def _complete(value: object, schema: Schema, path: str, dropped: list[str]) -> object:
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [_complete(one, items, f"{path}[{index}]", dropped) for index, one in enumerate(value)]
    return _complete_mapping(value, schema, path, dropped) if isinstance(value, dict) else value


def _complete_mapping(value: Manifest, schema: Schema, path: str, dropped: list[str]) -> Manifest:
    properties: dict[str, Schema] = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    keeps = schema.get("x-kubernetes-preserve-unknown-fields") or additional is True
    completed: Manifest = {}
    for key, one in value.items():
        where = f"{path}.{key}" if path else key
        inner = properties.get(key, additional if isinstance(additional, dict) else None)
        if inner is None and not keeps and not (schema.get("x-kubernetes-embedded-resource") and key in _META):
            dropped.append(where)
        elif one is not None or (inner or {}).get("nullable") or inner is None:
            completed[key] = _complete(one, inner or {"x-kubernetes-preserve-unknown-fields": True}, where, dropped)
    for key, inner in properties.items():
        if key not in completed and "default" in inner:
            completed[key] = _complete(deepcopy(inner["default"]), inner, key, [])
    return completed
