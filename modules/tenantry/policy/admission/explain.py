"""Why an expression isn't true of an object: the part of it that fails, and the values that it looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cel_expr_python import cel

from tenantry.policy.cel.engine import NOT_PLAIN, Engine, Failure, run_program
from tenantry.policy.cel.syntax.tree import (
    Call,
    Comprehension,
    Const,
    Ident,
    ListLiteral,
    MapLiteral,
    Node,
    Select,
    bind_name,
)
from tenantry.policy.cel.syntax.unparse import write_expression
from tenantry.policy.cel.syntax.wire import encode_parsed

_MOST_CLUES = 6
_MOST_ELEMENTS = 200


@dataclass(frozen=True, slots=True)
class Clue:
    """A part of an expression, as text, and its value; a Failure where it has none."""

    text: str
    value: object


@dataclass(frozen=True)
class _Place:
    """Where in an expression we are: the bindings around it, and how hidden names read."""

    engine: Engine
    activation: cel.Activation
    bound: tuple[tuple[str, Node], ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    def evaluate(self, node: Node) -> object:
        for name, value in reversed(self.bound):
            node = bind_name(name, value, node)
        return run_program(self.engine.plan(encode_parsed(node)), self.activation)

    def write(self, node: Node) -> str:
        return write_expression(node, dict(self.names))

    def bind(self, name: str, value: Node) -> _Place:
        names = self.names
        if name.startswith("@"):
            names = (*names, (name, self.write(value)))
        return replace(self, bound=(*self.bound, (name, value)), names=names)


def explain_expression(engine: Engine, node: Node, activation: cel.Activation) -> list[Clue]:
    """The clues to why an expression isn't true: the failing part first, then what it looked at."""
    clues: dict[str, Clue] = {}
    for clue in _explain(_Place(engine, activation), node):
        clues.setdefault(clue.text, clue)
        if len(clues) == _MOST_CLUES:
            break
    return list(clues.values())


def _explain(place: _Place, node: Node) -> Iterator[Clue]:
    if isinstance(node, Comprehension) and node.variable == "#unused":
        yield from _explain(place.bind(node.accumulator, node.initial), node.result)
    elif isinstance(node, Comprehension) and isinstance(node.step, Call) and node.step.function == "_&&_":
        yield from _explain_all(place, node, node.step.args[1])
    elif isinstance(node, Call) and node.function == "_&&_":
        failing = [arg for arg in node.args if place.evaluate(arg) is not True]
        yield from _explain(place, failing[0] if failing else node.args[0])
    elif isinstance(node, Call) and node.function == "_||_":
        for arg in node.args:
            yield from _explain(place, arg)
    elif isinstance(node, Call) and node.function == "_?_:_":
        chosen = place.evaluate(node.args[0])
        yield Clue(place.write(node.args[0]), chosen)
        yield from _explain(place, node.args[1 if chosen is True else 2])
    else:
        yield Clue(place.write(node), place.evaluate(node))
        yield from _look_at(place, node)


def _explain_all(place: _Place, node: Comprehension, body: Node) -> Iterator[Clue]:
    """The first element of which the body isn't true, and why."""
    elements = place.evaluate(node.range)
    if isinstance(elements, Failure) or not isinstance(elements, (list, dict)):
        yield Clue(place.write(node.range), elements)
        return
    for index, key in enumerate(elements if isinstance(elements, dict) else range(len(elements))):
        if index >= _MOST_ELEMENTS:
            break
        at = Const(0, "string" if isinstance(key, str) else "int", key)
        element = Call(0, None, "_[_]", (node.range, at))
        single = at if isinstance(elements, dict) else element
        inner = place.bind(node.variable, at if node.variable2 else single)
        if node.variable2:
            inner = inner.bind(node.variable2, element)
        if inner.evaluate(body) is not True:
            yield from _explain(inner, body)
            yield Clue(f"{node.variable2 or node.variable}", inner.evaluate(Ident(0, node.variable2 or node.variable)))
            return


def _look_at(place: _Place, node: Node) -> Iterator[Clue]:
    """The values of what an expression is directly made of."""
    if isinstance(node, Select):
        parts: tuple[Node, ...] = (node.operand,)
    elif isinstance(node, Call):
        parts = (*((node.target,) if node.target is not None else ()), *node.args)
    else:
        parts = (node.range,) if isinstance(node, Comprehension) else ()
    for part in parts:
        # What is written out in the expression shows itself.
        if not isinstance(part, (Const, ListLiteral, MapLiteral)):
            value = place.evaluate(part)
            if value is not NOT_PLAIN:
                yield Clue(place.write(part), value)
