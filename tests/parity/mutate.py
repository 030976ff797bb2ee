"""Sound objects, and a few changes to each: most are still sound, some aren't what a server takes."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from apiserver import Manifest
from differing import OBJECTS
from hypothesis import strategies as st
from place import SERVED

from parity.shapes import STRANGE, Draw, Schema, Shapes
from tenantry.policy import read_paths

Path = tuple[str | int, ...]
# What says which object it is, and where; and what no client sets.
_FIXED: dict[Path, set[str]] = {
    (): {"apiVersion", "kind", "metadata", "status"},
    ("metadata",): {"name", "namespace", "managedFields", "resourceVersion", "uid", "selfLink"},
}
# Kinds that hold the most that policies look at stand here more than once.
KINDS = (
    ["Pod"] * 5
    + ["Deployment"] * 2
    + ["StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Service", "Service", "Ingress", "NetworkPolicy"]
    + ["ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"]
    + ["PersistentVolumeClaim", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ResourceQuota", "LimitRange"]
    + ["Namespace"]
)
_OLD_VERSIONS = {"autoscaling/v1"}


@dataclass(frozen=True)
class Edit:
    """One change: a value at a path, or nothing there any more; beyond a list's end a value is added."""

    path: Path
    value: object = None
    drops: bool = False

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return f"{where} removed" if self.drops else f"{where} = {self.value!r}"


@dataclass(frozen=True)
class Change:
    """A sound object, by its place among those of its kind, and what is changed of it."""

    kind: str
    index: int
    edits: tuple[Edit, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.index} with " + ("; ".join(map(str, self.edits)) or "nothing changed")


def list_sound() -> dict[str, list[Manifest]]:
    """Sound objects by kind, the smallest first, which is what examples shrink to."""
    cases = [[one.manifest for one in read_paths([case])][-1] for case in SERVED]
    found: dict[str, list[Manifest]] = {kind: [] for kind in KINDS}
    for manifest in (*cases, *OBJECTS):
        if manifest["kind"] in found and manifest["apiVersion"] not in _OLD_VERSIONS:
            found[manifest["kind"]].append(manifest)
    return {kind: sorted(manifests, key=lambda one: len(str(one))) for kind, manifests in found.items()}


def apply(manifest: Manifest, edits: Sequence[Edit]) -> Manifest:
    """An object with some changes."""
    changed = deepcopy(manifest)
    for edit in edits:
        part: Any = changed
        for key in edit.path[:-1]:
            part = part[key]
        last = edit.path[-1]
        if edit.drops:
            del part[last]
        elif isinstance(part, list) and last == len(part):
            part.append(deepcopy(edit.value))
        else:
            part[last] = deepcopy(edit.value)
    return changed


def changes(shapes: Shapes, sound: dict[str, list[Manifest]], kinds: Sequence[str]) -> st.SearchStrategy[Change]:
    """Objects of some kinds, changed as their schema has it, and as it hasn't."""

    @st.composite
    def draw_change(draw: Draw) -> Change:
        kind = draw(st.sampled_from(kinds))
        index = draw(st.integers(0, len(sound[kind]) - 1))
        manifest = sound[kind][index]
        schema = shapes.find(manifest["apiVersion"], kind)
        edits: list[Edit] = []
        for _ in range(draw(_COUNT)):
            edit = _draw_edit(draw, shapes, schema, manifest)
            manifest = apply(manifest, [edit])
            edits.append(edit)
        return Change(kind, index, tuple(edits))

    return draw_change()


def _iterate_containers(shapes: Shapes, part: object, schema: Schema, path: Path) -> Iterator[tuple[Path, Any, Schema]]:
    """The mappings and lists within an object, each with its path and its schema."""
    if isinstance(part, dict):
        yield path, part, schema
        for key in part:
            yield from _iterate_containers(shapes, part[key], shapes.child(schema, key), (*path, key))
    elif isinstance(part, list):
        yield path, part, schema
        for index, one in enumerate(part):
            yield from _iterate_containers(shapes, one, shapes.child(schema, index), (*path, index))


def _draw_edit(draw: Draw, shapes: Shapes, schema: Schema, manifest: Manifest) -> Edit:
    found = list(_iterate_containers(shapes, manifest, schema, ()))
    path, part, within = draw(st.sampled_from(found))
    return (
        _edit_list(draw, shapes, path, part, within)
        if isinstance(part, list)
        else _edit_mapping(draw, shapes, path, part, within)
    )


_COUNT = st.sampled_from([0, 1, 1, 1, 1, 2, 2, 3])
_MAPPING = ["sound"] * 9 + ["drop"] * 3 + ["null", "null", "strange", "strange", "unknown", "text", "empty"]
_LIST = ["sound"] * 4 + ["drop"] * 2 + ["null", "strange", "double", "double"]


def _edit_mapping(draw: Draw, shapes: Shapes, path: Path, part: Manifest, schema: Schema) -> Edit:
    fixed = _FIXED.get(path, set())
    there = sorted(key for key in part if key not in fixed)
    known = sorted({*schema.get("properties", {}), *there} - fixed) or ["a"]
    what = draw(st.sampled_from(_MAPPING))
    if what == "drop" and there:
        return Edit((*path, draw(st.sampled_from(there))), drops=True)
    if what == "unknown":
        return Edit((*path, "nonsense"), draw(st.sampled_from(STRANGE)))
    if what in ("text", "empty") and there:
        key = draw(st.sampled_from(there))
        return Edit((*path, key), str(part[key]) if what == "text" else type(part[key])())
    key = draw(st.sampled_from(known))
    if what == "null":
        return Edit((*path, key), None)
    if what == "strange":
        return Edit((*path, key), draw(st.sampled_from(STRANGE)))
    return Edit((*path, key), shapes.draw(draw, shapes.child(schema, key), key, len(path)))


def _edit_list(draw: Draw, shapes: Shapes, path: Path, part: list[Any], schema: Schema) -> Edit:
    what = draw(st.sampled_from(_LIST))
    if what == "drop" and part:
        return Edit((*path, draw(st.integers(0, len(part) - 1))), drops=True)
    end = (*path, len(part))
    if what == "null":
        return Edit(end, None)
    if what == "strange":
        return Edit(end, draw(st.sampled_from(STRANGE)))
    if what == "double" and part:
        return Edit(end, deepcopy(part[draw(st.integers(0, len(part) - 1))]))
    return Edit(end, shapes.draw(draw, shapes.child(schema, 0), str(path[-1]), len(path)))
