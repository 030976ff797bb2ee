"""What a Pulumi resource asks for, as the manifests that policies judge.

Of Kubernetes a resource's inputs are the manifest. Of tenantry's object stores they lack its metadata: labels and
annotations are read from the tags, among which all is that policies ask for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenantry.objectstore.spec import KINDS, TENANT_LABEL
from tenantry.policy import mark_unknown
from tenantry.policy.cel.library.marks import is_marked
from tenantry.policy.documents.model import Manifest
from tenantry.policy.reading.manifests import normalise_numbers
from tenantry.render.manifest import STORE_API

UNKNOWNS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""What stands for a value that isn't known yet, a text for each type of value. Source: Pulumi 3.250.0,
sdk/go/common/resource/plugin/rpc.go."""
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (it marks secrets, and is none)
"""The key, and its value, of a map that isn't a map but a secret. Source: as above, sdk/go/common/resource/sig."""

# What these make is registered by resources of their own.
_MAKERS = ("yaml", "kustomize", "helm.sh")


@dataclass(frozen=True, slots=True)
class Asked:
    """What one resource asks for.

    `manifests` have all values, those that aren't known yet are marked; in `guarded` secrets are marked, too. Where
    nobody can tell from the resource what it will make, `opaque` says so.
    """

    manifests: tuple[Manifest, ...] = ()
    guarded: tuple[Manifest, ...] = ()
    opaque: str = ""


def read_resource(token: str, properties: Mapping[str, Any]) -> Asked | None:
    """Give what a resource of a type asks for; nothing where policies have nothing to say of its type."""
    package, _, rest = token.partition(":")
    module, _, kind = rest.rpartition(":")
    if package == "kubernetes":
        return _read_object(module, kind, properties)
    if package == "objectstore" and kind in KINDS:
        shown, guarded = _read_both(properties)
        return Asked((_make_document(kind, shown),), (_make_document(kind, guarded),))
    return None


def _read_object(module: str, kind: str, properties: Mapping[str, Any]) -> Asked | None:
    if module.startswith("helm.sh") and kind == "Release":
        return Asked(opaque="what a Helm release makes can't be seen in a plan")
    if module.partition("/")[0] in _MAKERS:
        return None
    if kind.endswith("Patch") and properties.get("kind", kind) in (kind, kind.removesuffix("Patch")):
        return Asked(opaque="a patch changes an object that isn't in the plan")
    named = {"apiVersion": module.removeprefix("core/"), "kind": kind}
    shown, guarded = _read_both(properties)
    return Asked(tuple(_make_objects(named, shown)), tuple(_make_objects(named, guarded)))


def _make_objects(named: Mapping[str, str], inputs: Mapping[str, Any]) -> list[Manifest]:
    """Make a resource's manifest, or those of a list."""
    made = {**named, **{key: value for key, value in inputs.items() if not is_marked(value) or key not in named}}
    items = made.get("items")
    if not (str(made["kind"]).endswith("List") and isinstance(items, list)):
        return [made]
    inner = {**named, "kind": str(made["kind"]).removesuffix("List")}
    return [one for item in items if isinstance(item, dict) for one in _make_objects(inner, item)]


def _make_document(kind: str, inputs: Mapping[str, Any]) -> Manifest:
    """Make an object store's document from a resource's inputs."""
    spec = inputs.get("spec", {})
    tags = spec if is_marked(spec) else spec.get("tags") or {}
    tenant = inputs.get("tenant")
    labels = tags if is_marked(tags) else {**tags, **({TENANT_LABEL: tenant} if tenant else {})}
    metadata = {"name": inputs.get("name", ""), "labels": labels, "annotations": tags}
    return {"apiVersion": STORE_API, "kind": kind, "metadata": metadata, "spec": spec}


def _read_both(properties: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give values with secrets, and without."""
    whole = normalise_numbers(dict(properties))
    assert isinstance(whole, dict)
    return tuple(  # type: ignore[return-value]
        {key: _read(value, key, guard=guard) for key, value in whole.items()} for guard in (False, True)
    )


def _read(value: object, path: str, *, guard: bool) -> object:
    """Turn a value as the engine sends it into a plain one; what isn't known, or is no plain value, is marked."""
    if isinstance(value, str):
        return mark_unknown(f"{path}, which isn't known before the update") if value in UNKNOWNS else value
    if isinstance(value, list):
        return [_read(one, f"{path}[{index}]", guard=guard) for index, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if SIGNATURE not in value:
        return {key: _read(one, f"{path}.{key}", guard=guard) for key, one in value.items()}
    if value[SIGNATURE] != SECRET:
        return mark_unknown(f"{path}, which is a file")
    return mark_unknown(f"{path}, which is secret") if guard else _read(value.get("value"), path, guard=guard)
