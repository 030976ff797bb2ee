"""Turns validated, completed plain data into the model's frozen values, and these back into plain data.

Property names are camelCase in documents and snake case in the model. What a document may leave out and no default
fills is `None` where the model allows it, and empty for lists and maps.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from tenantry.contract.model import Bytes, Millicores
from tenantry.contract.quantity import format_bytes, format_cpu, parse_bytes, parse_cpu

T = TypeVar("T")


def property_name(field: str) -> str:
    """Give the document's name of a model field: `cost_centre` is `costCentre`."""
    head, *rest = field.split("_")
    return head + "".join(word.capitalize() for word in rest)


def structure(raw: Mapping[str, Any], cls: type[T]) -> T:
    """Build a value of the model from a validated, completed document or part of one."""
    return _converter().structure(raw, cls)


def unstructure(value: object) -> dict[str, Any]:
    """Give a value of the model as a document has it; what is `None` is left out."""
    plain: dict[str, Any] = _converter().unstructure(value)
    return plain


@cache
def _converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    converter.register_structure_hook_func(lambda kind: kind is Millicores, lambda text, _: parse_cpu(text))
    converter.register_structure_hook_func(lambda kind: kind is Bytes, lambda text, _: parse_bytes(text))
    converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)
    converter.register_structure_hook_factory(
        lambda kind: isinstance(kind, type) and is_dataclass(kind), lambda kind: _structurer(kind, converter)
    )
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_unstructure_hook(StrEnum, str)
    converter.register_unstructure_hook_func(lambda kind: kind is Millicores, format_cpu)
    converter.register_unstructure_hook_func(lambda kind: kind is Bytes, format_bytes)
    converter.register_unstructure_hook_factory(
        lambda kind: isinstance(kind, type) and is_dataclass(kind), lambda kind: _unstructurer(kind, converter)
    )
    return converter


def _structurer(cls: type[Any], converter: Converter) -> Callable[[Mapping[str, Any], type[Any]], Any]:
    hints = get_type_hints(cls)
    absent = {property_name(name): _absent(hint) for name, hint in hints.items() if _may_be_absent(hint)}
    build = make_dict_structure_fn(cls, converter, **_renames(cls))
    return lambda raw, kind: build({**absent, **raw}, kind)


def _unstructurer(cls: type[Any], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    take_apart = make_dict_unstructure_fn(cls, converter, **_renames(cls))
    return lambda value: {name: one for name, one in take_apart(value).items() if one is not None}


def _renames(cls: type[Any]) -> dict[str, Any]:
    return {field.name: override(rename=property_name(field.name)) for field in fields(cls)}


def _may_be_absent(hint: object) -> bool:
    return _is_optional(hint) or get_origin(hint) in (tuple, Mapping)


def _is_optional(hint: object) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _absent(hint: object) -> object:
    if _is_optional(hint):
        return None
    return {} if get_origin(hint) is Mapping else ()
