"""The engine: programs from trees, and values from programs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

from tenantry.policy.cel.library.authorization import Grant
from tenantry.policy.cel.library.bindings import Binding, list_bindings
from tenantry.policy.cel.library.marks import UNDECIDABLE
from tenantry.policy.cel.library.meter import reset_meter

# Names that an activation may bind.
NAMES = (
    "object",
    "oldObject",
    "request",
    "params",
    "namespaceObject",
    "authorizer",
    "authorizer.requestResource",
)
STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Failure:
    """An expression that gives no value: an error, or (`undecidable`) something that only a server knows."""

    reason: str
    undecidable: bool = False


# The engine reads messages of a hundred levels, which are fifty of a tree.
MOST_LEVELS = 50
_UNBOUND = re.compile(r'No value with name "([^"]+)" found in Activation')
_BUDGET_MARK = "Iteration budget exceeded"
_TYPES = {
    "map": cel.Type.MAP,
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "list": cel.Type.LIST,
    "bool": cel.Type.BOOL,
    "duration": cel.Type.DURATION,
}


def _declare(bindings: Sequence[Binding]) -> list[cel.FunctionDecl]:
    grouped: dict[str, list[cel.Overload]] = {}
    for binding in bindings:
        identifier = "_".join(("tenantry", binding.name, "m" if binding.member else "g", *binding.kinds))
        parameters = [_TYPES[kind] for kind in binding.kinds]
        overload = cel.Overload(identifier, cel.Type.DYN, parameters, binding.member, binding.implementation)
        grouped.setdefault(binding.name, []).append(overload)
    return [cel.FunctionDecl(name, overloads) for name, overloads in grouped.items()]


class Engine:
    """Plans and runs programs. Make one for a run; it holds the grants that `authorizer` answers from."""

    def __init__(self, grants: Sequence[Grant] | None = None) -> None:
        self._environment = cel.NewEnv(
            variables=dict.fromkeys(NAMES, cel.Type.DYN),
            extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings(2)],
            functions=_declare(list_bindings(grants)),
        )

    def plan(self, program: bytes) -> cel.Expression:
        """A program ready to run, from what `syntax.wire.encode_parsed` made of a resolved tree; bytes may be kept.

        One that is nested too deep to be read gives nothing but that.
        """
        try:
            return self._environment.deserialize(program)
        except RuntimeError:
            # Imported here, with the machinery that makes programs: most runs have all of theirs kept.
            from tenantry.policy.cel.deep import TOO_DEEP
            from tenantry.policy.cel.syntax.wire import encode_parsed

            return self._environment.deserialize(encode_parsed(TOO_DEEP))

    def activate(self, names: Mapping[str, Any]) -> cel.Activation:
        """The values that programs see; the engine reads them as they are used."""
        return self._environment.Activation(names)


@cache
def plain_engine() -> Engine:
    """The engine that knows of no grants: to make one takes as long as to judge some dozen objects."""
    return Engine()


NOT_PLAIN = Failure("it has no plain form")
"""What stands for a value that only the engine knows, such as an optional."""


def run_program(expression: cel.Expression, activation: cel.Activation) -> object:
    """The value of an expression as plain Python, or a Failure."""
    reset_meter()
    try:
        return _to_plain(expression.eval(activation))
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        return describe_error(str(error))


def _to_plain(value: cel.Value) -> object:
    """Give what an evaluation came to; asked for the type or the value of what only the engine knows, it refuses."""
    try:
        return describe_error(str(value.value())) if value.type() == cel.Type.ERROR else value.plain_value()
    except TypeError:
        return NOT_PLAIN


def describe_error(message: str) -> Failure:
    """An engine's error in plain words, and whether it only says that something isn't known."""
    unbound = _UNBOUND.search(message)
    if unbound is not None:
        return Failure(unbound[1], undecidable=True)
    if UNDECIDABLE in message:
        return Failure(message.split(UNDECIDABLE, 1)[1].strip(), undecidable=True)
    if _BUDGET_MARK in message:
        return Failure(f"it takes more than {STEPS:,} steps, which only an API server may run", undecidable=True)
    _, colon, rest = message.partition(": ")
    return Failure(rest if colon and message.split(":", 1)[0].isupper() else message)
