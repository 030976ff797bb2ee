"""A manifest as the API server sees it once it's decoded: nulls and unknown fields gone, values in their own form,
defaults filled in.

Built-in kinds are decoded into Go structs by the server and shown to CEL as those structs would be written out again:
empty optional fields are absent, and fields that aren't optional are there even when they're empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tenantry.policy.cel.library.marks import MARK, find_mark, is_marked
from tenantry.policy.documents.model import Manifest
from tenantry.policy.kinds.fields import FIELD_DEFAULTS
from tenantry.policy.kinds.gated import GATED
from tenantry.policy.kinds.scalars import SCALARS
from tenantry.policy.kinds.table import get_shapes

Path = tuple[Any, ...]
"""The way to a value, innermost first: (key, the path of its parent)."""

MOST_LEVELS = 200


@dataclass
class Notes:
    """What decoding found: what the server would refuse, and what it would drop."""

    refused: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def show_path(path: Path) -> str:
    """`spec.containers[0].image`."""
    parts: list[str] = []
    while path:
        key, path = path
        parts.append(f"[{key}]" if isinstance(key, int) else f".{key}")
    return "".join(reversed(parts)).removeprefix(".")


Decoder = Callable[[object, Path, Notes], object]


# How a field is decoded, the type of values that are what they should be already (or None), and whether a value that
# says as much as none is left out. A tuple, since it's taken apart for each field of each object.
_Field = tuple[Decoder, type | None, bool]
_AS_THEY_ARE: dict[str, type] = {"string": str, "bool": bool}


def _decode_scalar(kind: str) -> Decoder:
    read, zero = SCALARS[kind]

    def decode(value: object, path: Path, notes: Notes) -> object:
        if isinstance(value, dict) and is_marked(value):
            return value
        try:
            return read(value)
        except ValueError as error:
            notes.refused.append((show_path(path), str(error)))
            return zero

    return decode


def _decode_list(kind: str) -> Decoder:
    item, zero = make_decoder(kind), _make_zero(kind)

    def decode(value: object, path: Path, notes: Notes) -> object:
        if not isinstance(value, list):
            if is_marked(value):
                return value
            notes.refused.append((show_path(path), "must be a list"))
            return []
        return [zero() if one is None else item(one, (index, path), notes) for index, one in enumerate(value)]

    return decode


def _decode_map(kind: str) -> Decoder:
    # Quantities by name are a ResourceList, whose defaults round each.
    kind = "resource" if kind == "quantity" else kind
    item, zero, plain = make_decoder(kind), _make_zero(kind), _AS_THEY_ARE.get(kind)

    def decode(value: object, path: Path, notes: Notes) -> object:
        if not isinstance(value, dict):
            notes.refused.append((show_path(path), "must be a mapping"))
            return {}
        if is_marked(value):
            return value
        if plain is not None and {*map(type, value.values())} <= {plain}:
            return dict(value)
        return {key: zero() if one is None else item(one, (key, path), notes) for key, one in value.items()}

    return decode


def _make_zero(kind: str) -> Callable[[], object]:
    """What an absent value is, where it must be there."""
    if kind.startswith("@"):
        return _make_empty_struct(kind[1:])
    if kind in SCALARS:
        value = SCALARS[kind][1]
        return lambda: value
    return lambda: None


def _copy(value: object) -> object:
    if not value:
        return value.copy() if isinstance(value, (dict, list)) else value
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value


def _make_empty_struct(name: str) -> Callable[[], object]:
    empty: list[object] = []

    def make() -> object:
        # Made once, and not before it's needed: structs may hold themselves.
        if not empty:
            empty.append(_decode_struct(name)({}, (), Notes()))
        return _copy(empty[0])

    return make


@cache
def make_decoder(kind: str) -> Decoder:
    """The decoder of a field's description, such as `[]@core/v1.Container`."""
    if kind.startswith("*"):
        return make_decoder(kind[1:])
    if kind.startswith("[]"):
        return _decode_list(kind[2:])
    if kind.startswith("{}"):
        return _decode_map(kind[2:])
    if kind.startswith("@"):
        name = kind[1:]
        # Structs may hold themselves: found when they're needed, not when they're described.
        return _decode_later(name)
    return _decode_scalar(kind)


def _decode_later(name: str) -> Decoder:
    def decode(value: object, path: Path, notes: Notes) -> object:
        return _decode_struct(name)(value, path, notes)

    return decode


def _read_field(described: str) -> _Field:
    kind = described.removeprefix("!")
    kept = described.startswith("!") or kind.startswith(("*", "@")) or kind in ("any", "quantity", "intOrString")
    return make_decoder(kind), _AS_THEY_ARE.get(kind.removeprefix("*")), not kept


def fill_defaults(change: Callable[[Manifest], None], part: Manifest) -> None:
    """Fill in the defaults of a part; where they hang on values that aren't known yet, as far as that goes."""
    try:
        change(part)
    except (AttributeError, KeyError, TypeError):
        if find_mark(part) is None:
            raise


def _decode_fields(value: Manifest, fields: Mapping[str, _Field], path: Path, notes: Notes) -> Manifest:
    decoded: Manifest = {}
    for key, one in value.items():
        known = fields.get(key)
        if known is None:
            notes.dropped.append(show_path((key, path)))
        elif one is not None:
            read, plain, optional = known
            result = one if type(one) is plain else read(one, (key, path), notes)
            if result or not optional:
                decoded[key] = result
    return decoded


@cache
def _decode_struct(name: str) -> Decoder:
    shape = get_shapes()[name]
    fields = {key: _read_field(described) for key, described in shape.items()}
    always = [(key, _make_zero(one[1:])) for key, one in shape.items() if one.startswith("!")]
    # A struct that isn't a pointer is always written out, whether it's optional or not.
    always += [(key, _make_zero(one)) for key, one in shape.items() if one.startswith("@")]
    default, gated = FIELD_DEFAULTS.get(name), GATED.get(name, ())

    def decode(value: object, path: Path, notes: Notes) -> object:
        if not isinstance(value, dict):
            notes.refused.append((show_path(path), "must be a mapping"))
            value = {}
        if MARK in value:
            return value
        decoded = _decode_fields(value, fields, path, notes)
        for key, make in always:
            if key not in decoded:
                decoded[key] = make()
        if default is not None:
            fill_defaults(default, decoded)
        for key in gated:
            decoded.pop(key, None)
        return decoded

    return decode


def decode_builtin(manifest: Manifest, shape: str, notes: Notes) -> Manifest:
    """A manifest of a built-in kind."""
    decoded = _decode_struct(shape)(manifest, (), notes)
    assert isinstance(decoded, dict)
    return decoded


def make_empty(shape: str) -> Manifest:
    """What is there of an object of a kind when nothing is said of it."""
    return decode_builtin({}, shape, Notes())


def drop_nulls(value: object) -> object:
    """A custom object without its explicit nulls, which the server drops where its schema doesn't allow them."""
    if isinstance(value, dict):
        return {key: drop_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [drop_nulls(one) for one in value]
    return value


def _open(container: object) -> Iterable[object]:
    if isinstance(container, dict):
        return container.values()
    return container if isinstance(container, list) else ()


def is_too_deep(value: object, levels: int = MOST_LEVELS) -> bool:
    """Whether a value is nested deeper than is read."""
    layer = [value]
    for _ in range(levels):
        layer = [one for container in layer for one in _open(container) if isinstance(one, (dict, list))]
        if not layer:
            return False
    return True
