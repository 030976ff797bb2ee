"""What one of a Pulumi stack's resources asks for, as the manifests that policies judge."""

from collections.abc import Mapping
from typing import Any, Final

from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.objectstore.spec import TENANT_LABEL
from tenantry.policy import mark_unknown
from tenantry.policy.cel.library.marks import is_marked
from tenantry.policy.documents.model import Manifest
from tenantry.policy.reading.manifests import normalise_numbers
from tenantry.render.manifest import STORE_API

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands for a value that isn't known yet. Source: Pulumi 3.250.0, pkg/resource/stack/deployment.go."""
BLINDED: Final = "[secret]"
"""What a preview shows of a secret. Source: as above, pkg/backend/display/json.go."""
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key by which a map says that it is none: a secret, a file, a resource. Source: sdk/go/common/resource/sig."""

MAKERS: Final = ("yaml", "kustomize", "helm.sh")
"""Modules whose resources register what they make as resources of its own."""
_HIDDEN = {"Release": "what a Helm release makes isn't in the plan"}


def read_resource(token: str, inputs: object) -> list[Manifest] | str:
    """Give the manifests of a resource of a type, or why nobody can tell them.

    There are none where policies have nothing to say of the type. Secrets are marked as values that aren't known.
    """
    package, _, rest = token.partition(":")
    module, _, kind = rest.rpartition(":")
    is_store = package == "objectstore" and kind in STORE_KINDS
    is_maker = module.partition("/")[0] in MAKERS
    if package == "kubernetes" and (is_maker or kind.endswith("Patch")):
        return _HIDDEN.get(kind, "" if is_maker else "a patch changes an object that isn't in the plan") or []
    if package != "kubernetes" and not is_store:
        return []
    if not isinstance(inputs, dict) or not module or not kind:
        return "the plan doesn't say what it asks for"
    plain = {key: _read(value, key) for key, value in inputs.items() if not key.startswith("__")}
    if is_store:
        return [make_document(kind, plain)]
    return [_without_unknown_namespace(one) for one in make_objects(module, kind, plain)]


def make_objects(module: str, kind: str, inputs: Mapping[str, Any]) -> list[Manifest]:
    """Make the manifest of a Kubernetes resource, or those of a list."""
    return _make_objects({"apiVersion": module.removeprefix("core/"), "kind": kind}, inputs)


def _make_objects(named: Mapping[str, str], inputs: Mapping[str, Any]) -> list[Manifest]:
    made = {**inputs, **{key: inputs[key] if isinstance(inputs.get(key), str) else named[key] for key in named}}
    items = made.get("items")
    if made["kind"].endswith("List") and isinstance(items, list):
        inner = {**named, "kind": made["kind"].removesuffix("List")}
        return [one for item in items if isinstance(item, dict) for one in _make_objects(inner, item)]
    return [made]


def _without_unknown_namespace(manifest: Manifest) -> Manifest:
    """Take out a namespace that isn't known: the object goes to one, as an object does whose manifest names none."""
    metadata = manifest.get("metadata")
    if not (isinstance(metadata, dict) and is_marked(metadata.get("namespace"))):
        return manifest
    return manifest | {"metadata": {key: value for key, value in metadata.items() if key != "namespace"}}


def make_document(kind: str, inputs: Mapping[str, Any]) -> Manifest:
    """Make an object store's document: what its metadata says is among the tags, but for the tenant."""
    spec = inputs.get("spec")
    tags = spec if is_marked(spec) else spec.get("tags") if isinstance(spec, dict) else {}
    tags = tags if isinstance(tags, dict) else {}
    tenant = inputs.get("tenant")
    labels = tags if is_marked(tags) else {**tags, **({TENANT_LABEL: tenant} if tenant else {})}
    metadata = {"name": inputs.get("name", ""), "labels": labels, "annotations": tags}
    return {"apiVersion": STORE_API, "kind": kind, "metadata": metadata, "spec": spec or {}}


def _read(value: object, path: str) -> object:
    """Turn a value as Pulumi writes it into a plain one; what isn't known, is secret or is no plain value is marked."""
    if isinstance(value, str):
        if value == BLINDED:
            return mark_unknown(f"{path} (a secret)")
        return mark_unknown(path) if value == UNKNOWN else value
    if isinstance(value, list):
        return [_read(one, f"{path}[{index}]") for index, one in enumerate(value)]
    if not isinstance(value, dict):
        return normalise_numbers(value)
    if SIGNATURE in value:
        return mark_unknown(f"{path} (a secret, or a file)")
    return {key: _read(one, f"{path}.{key}") for key, one in value.items()}
