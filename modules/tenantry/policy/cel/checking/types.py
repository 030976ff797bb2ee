"""CEL's static types: how they are written, and which may stand for which.

A port of the rules of cel-go's checker (`checker/types.go`), which is the one that the API server runs: what it refuses
is refused here, for the same reason and in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Type:
    """A type: its kind, a name for those kinds that have many, and what it is made of."""

    kind: str
    name: str = ""
    parameters: tuple[Type, ...] = ()

    def __str__(self) -> str:
        """As cel-go prints it in messages."""
        inner = ", ".join(str(parameter) for parameter in self.parameters)
        name = self.name or _SHOWN.get(self.kind, self.kind)
        return f"{name}({inner})" if inner else name


_SHOWN = {"timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}

DYN = Type("dyn")
ERROR = Type("error")
NULL = Type("null")
BOOL = Type("bool")
INT = Type("int")
UINT = Type("uint")
DOUBLE = Type("double")
STRING = Type("string")
BYTES = Type("bytes")
TIMESTAMP = Type("timestamp")
DURATION = Type("duration")

_SIMPLE = {type_.kind: type_ for type_ in (DYN, NULL, BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)}
# Opaque to the checker; every other name with a capital or a dot is a struct without fields.
_OPAQUE = frozenset({"optional_type", "net.IP", "net.CIDR", "kubernetes.NamedFormat"})


def list_of(element: Type) -> Type:
    """`list(element)`."""
    return Type("list", "", (element,))


def map_of(key: Type, value: Type) -> Type:
    """`map(key, value)`."""
    return Type("map", "", (key, value))


def optional_of(inner: Type) -> Type:
    """`optional_type(inner)`."""
    return Type("opaque", "optional_type", (inner,))


def type_of(inner: Type) -> Type:
    """The type of a type."""
    return Type("type", "", (inner,))


def unwrap_optional(type_: Type) -> tuple[Type, bool]:
    """What an optional holds, and whether it was one."""
    if type_.kind == "opaque" and type_.name == "optional_type":
        return type_.parameters[0], True
    return type_, False


_TOKEN = re.compile(r"[A-Za-z_.0-9]+|[(),]")


@lru_cache(maxsize=1024)
def parse_type(text: str) -> Type:
    """A type from `list(string)`, `map(K, V)`, `optional(T)`; one capital letter is a type parameter."""
    tokens = _TOKEN.findall(text)
    type_, rest = _parse(tokens)
    assert not rest, text
    return type_


def _parse(tokens: list[str]) -> tuple[Type, list[str]]:
    name, rest = tokens[0], tokens[1:]
    parameters: list[Type] = []
    if rest and rest[0] == "(":
        rest = rest[1:]
        while rest[0] != ")":
            parameter, rest = _parse(rest)
            parameters.append(parameter)
            if rest[0] == ",":
                rest = rest[1:]
        rest = rest[1:]
    if name in _SIMPLE:
        return _SIMPLE[name], rest
    if name in ("list", "map", "type"):
        return Type(name, "", tuple(parameters)), rest
    if name == "optional":
        return optional_of(parameters[0]), rest
    if len(name) == 1 and name.isupper():
        return Type("param", name), rest
    return Type("opaque" if name in _OPAQUE else "struct", name), rest


Substitutions = dict[Type, Type]


def substitute_type(found: Mapping[Type, Type], type_: Type, *, free_is_dyn: bool = False) -> Type:
    """A type with its parameters replaced by what was found for them."""
    if type_ in found:
        return substitute_type(found, found[type_], free_is_dyn=free_is_dyn)
    if type_.kind == "param":
        return DYN if free_is_dyn else type_
    if not type_.parameters:
        return type_
    inner = tuple(substitute_type(found, parameter, free_is_dyn=free_is_dyn) for parameter in type_.parameters)
    return Type(type_.kind, type_.name, inner)


def unify_types(found: Substitutions, pairs: Iterable[tuple[Type, Type]]) -> Substitutions | None:
    """What must hold for each first type to be assignable to its second; None where it can't."""
    trial = dict(found)
    return trial if all(_is_assignable(trial, one, other) for one, other in pairs) else None


def choose_more_general(one: Type, other: Type) -> Type:
    """The more general of two types that are known to unify."""
    return one if _is_no_more_specific(one, other) else other


def _is_no_more_specific(one: Type, other: Type) -> bool:
    if one.kind in ("dyn", "param"):
        return True
    if other.kind in ("dyn", "param") or one.kind != other.kind:
        return False
    if one.kind == "type":
        return True
    if one.kind in ("opaque", "list", "map"):
        return (
            one.name == other.name
            and len(one.parameters) == len(other.parameters)
            and all(map(_is_no_more_specific, one.parameters, other.parameters))
        )
    return one == other


_NULLABLE = frozenset({"opaque", "struct", "duration", "timestamp", "null"})


def _is_assignable(found: Substitutions, one: Type, other: Type) -> bool:
    if other.kind == "param":
        valid, known = _try_substitution(found, one, other)
        if valid or known:
            return valid
    if one.kind == "param":
        return _try_substitution(found, other, one)[0]
    if one.kind in ("dyn", "error") or other.kind in ("dyn", "error"):
        return True
    return _is_concretely_assignable(found, one, other)


def _is_concretely_assignable(found: Substitutions, one: Type, other: Type) -> bool:
    """The same for two types of which neither is a parameter or dynamic."""
    if "null" in (one.kind, other.kind):
        return (other if one.kind == "null" else one).kind in _NULLABLE
    if (one.kind, one.name) != (other.kind, other.name):
        return False
    if one.kind == "type":
        return True
    return len(one.parameters) == len(other.parameters) and all(
        _is_assignable(found, mine, theirs) for mine, theirs in zip(one.parameters, other.parameters, strict=True)
    )


def _try_substitution(found: Substitutions, one: Type, parameter: Type) -> tuple[bool, bool]:
    """Whether `one` may stand for the parameter, and whether something stood for it already."""
    if one == parameter:
        return True, True
    known = found.get(parameter)
    if known is not None:
        if one == known:
            return True, True
        if _is_assignable(found, one, known):
            general = choose_more_general(one, known)
            if _is_free_of(found, parameter, general):
                found[parameter] = general
            return True, True
        return False, True
    if _is_free_of(found, parameter, one):
        found[parameter] = one
        return True, False
    return False, False


def _is_free_of(found: Substitutions, parameter: Type, within: Type) -> bool:
    """Whether a parameter doesn't occur in a type: nothing may be made of itself."""
    if parameter == within:
        return False
    if within.kind == "param":
        known = found.get(within)
        return known is None or _is_free_of(found, parameter, known)
    return all(_is_free_of(found, parameter, inner) for inner in within.parameters)
