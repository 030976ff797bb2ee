"""Every function of Kubernetes' CEL environment, with its types and the minor version of 1.x that brought it.

What there is stands in signatures.py; families that differ in one type are made here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from tenantry.policy.cel.checking.signatures import (
    AUTHORIZER,
    EXTENSIONS,
    FORMATS,
    KUBERNETES,
    OPERATORS,
    STANDARD,
)
from tenantry.policy.cel.checking.types import Type, parse_type

# The first minor version with ValidatingAdmissionPolicy at all.
FIRST_MINOR = 26
TWO_VARIABLES_MINOR = 32
OPTIONALS_MINOR = 28


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function."""

    function: str
    member: bool
    arguments: tuple[Type, ...]
    result: Type
    minor: int
    parameters: frozenset[Type]


# In cel-go's order: where the type of a list isn't known, the first that fits decides.
_ORDERED = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_NUMBERS = ("int", "uint", "double")

_TIME_PARTS = (
    "getFullYear",
    "getMonth",
    "getDayOfYear",
    "getDayOfMonth",
    "getDate",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
)


def _generate_lines() -> list[str]:
    """The families that differ in one type only."""
    lines = []
    for operator in ("_<_", "_<=_", "_>_", "_>=_"):
        lines += [f"0 {operator}({kind}, {kind}) -> bool" for kind in _ORDERED]
        lines += [f"28 {operator}({a}, {b}) -> bool" for a in _NUMBERS for b in _NUMBERS if a != b]
    for part in _TIME_PARTS:
        lines += [f"0 timestamp.{part}() -> int", f"0 timestamp.{part}(string) -> int"]
    for kind in _ORDERED:
        lines.append(f"0 list({kind}).isSorted() -> bool")
        lines += [f"0 list({kind}).{name}() -> {kind}" for name in ("min", "max")]
        lines.append(f"34 list({kind}).sort() -> list({kind})")
        lines.append(f"34 list(T).@sortByAssociatedKeys(list({kind})) -> list(T)")
    lines += [f"0 list({kind}).sum() -> {kind}" for kind in (*_NUMBERS, "duration")]
    lines += [f"31 format.{name}() -> kubernetes.NamedFormat" for name in FORMATS]
    return lines


_AUTHORIZATION = "kubernetes.authorization."
# Names with a dot that are functions of a namespace, not of a value.
_NAMESPACES = frozenset({"optional", "strings", "sets", "lists", "ip", "format", "cel"})


def _split_arguments(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def _collect_parameters(type_: Type) -> set[Type]:
    if type_.kind == "param":
        return {type_}
    return {found for inner in type_.parameters for found in _collect_parameters(inner)}


def _parse_line(line: str) -> Overload:
    minor, rest = line.split(" ", 1)
    call, result = rest.rsplit(" -> ", 1)
    opening = _find_arguments(call)
    head, arguments = call[:opening], _split_arguments(call[opening + 1 : -1])
    target, dot, name = head.rpartition(".")
    member = bool(dot) and target not in _NAMESPACES
    types = [parse_type(text) for text in ([target, *arguments] if member else arguments)]
    parameters = frozenset(found for type_ in (*types, parse_type(result)) for found in _collect_parameters(type_))
    return Overload(name if member else head, member, tuple(types), parse_type(result), int(minor), parameters)


def _find_arguments(call: str) -> int:
    """Where the argument list opens: the parenthesis that closes at the end."""
    depth = 0
    for at in range(len(call) - 1, -1, -1):
        depth += (call[at] == ")") - (call[at] == "(")
        if depth == 0:
            return at
    raise ValueError(call)


@cache
def declare_functions() -> dict[str, tuple[Overload, ...]]:
    """All overloads by the name of their function."""
    authorizer = re.sub(
        r"\b(Authorizer|PathCheck|GroupCheck|ResourceCheck|Decision)\b", _AUTHORIZATION + r"\1", AUTHORIZER
    )
    text = OPERATORS + STANDARD + EXTENSIONS + KUBERNETES + authorizer
    functions: dict[str, list[Overload]] = {}
    for line in (*text.strip().splitlines(), *_generate_lines()):
        if line:
            overload = _parse_line(line)
            functions.setdefault(overload.function, []).append(overload)
    return {name: tuple(overloads) for name, overloads in functions.items()}
