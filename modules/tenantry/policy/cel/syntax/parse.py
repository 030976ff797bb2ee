"""Text to tree, by the engine's own parser."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional

from tenantry.policy.cel.syntax.macros import MacroError, expand_macros
from tenantry.policy.cel.syntax.tree import Node
from tenantry.policy.cel.syntax.wire import TooDeepError, decode_parsed


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an expression something is: line and column, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ExpressionError:
    """Why an expression is refused, and where in it."""

    reason: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """The place before the reason, as compilers print it."""
        return f"{self.line}:{self.column}: {self.reason}"


@dataclass(frozen=True)
class Parsed:
    """The tree of an expression, or what keeps it from having one."""

    text: str
    node: Node | None
    places: dict[int, int]
    errors: tuple[ExpressionError, ...] = ()

    def locate(self, node: int) -> Place:
        """The place of a node by its id."""
        return locate_offset(self.text, self.places.get(node, 0))


def locate_offset(text: str, offset: int) -> Place:
    """Line and column of a character."""
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


@contextmanager
def allow_deep_recursion() -> Iterator[None]:
    """Room for the deepest tree that is read: some frames a level, where Python stops at 1,000 by itself."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 12_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@cache
def _parser() -> cel.Env:
    return cel.NewEnv(extensions=[ext_optional.ExtOptional()])


_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


def _read_errors(message: str) -> tuple[ExpressionError, ...]:
    if "recursion" in message:
        return (ExpressionError("it is nested deeper than the 32 levels that are read here, though an API server may"),)
    found = [ExpressionError(m[3], int(m[1]), int(m[2])) for m in _ERROR.finditer(message)]
    return tuple(found) or (ExpressionError(message.splitlines()[0] if message else "it can't be parsed"),)


def parse_expression(text: str, *, folds: bool = False) -> Parsed:
    """The tree of an expression with all macros expanded."""
    try:
        serialized = _parser().compile(text, disable_check=True).serialize()
    except (RuntimeError, ValueError) as error:
        return Parsed(text, None, {}, _read_errors(str(error)))
    try:
        with allow_deep_recursion():
            node, places = decode_parsed(serialized)
            return Parsed(text, expand_macros(node, folds=folds), places)
    except TooDeepError:
        return Parsed(text, None, {}, (ExpressionError("the expression is nested too deep"),))
    except MacroError as error:
        place = locate_offset(text, places.get(error.node, 0))
        return Parsed(text, None, places, (ExpressionError(error.reason, place.line, place.column),))
