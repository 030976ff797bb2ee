"""The syntax tree of a CEL expression, as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Const:
    """A literal; `kind` tells an int from a uint and a string from bytes."""

    id: int
    kind: str
    value: object


@dataclass(frozen=True, slots=True)
class Ident:
    """A name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or `has(operand.field)` where `test` holds."""

    id: int
    operand: Node
    field: str
    test: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function or an operator; `target` is what stands before the dot."""

    id: int
    target: Node | None
    function: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """A list; `optional` holds the places of elements written with a question mark."""

    id: int
    elements: tuple[Node, ...]
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a map."""

    id: int
    key: Node
    value: Node
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """A map."""

    id: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message literal, which no type of Kubernetes' environment allows beyond protobuf's own."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Comprehension:
    """What the macros `all`, `exists`, `map` and their like expand to."""

    id: int
    variable: str
    variable2: str
    range: Node
    accumulator: str
    initial: Node
    condition: Node
    step: Node
    result: Node


Node = Const | Ident | Select | Call | ListLiteral | MapLiteral | Message | Comprehension


def iterate_children(node: Node) -> Iterator[Node]:
    """The nodes directly below a node, in the order of the text."""
    match node:
        case Select(operand=operand):
            yield operand
        case Call(target=target, args=args):
            if target is not None:
                yield target
            yield from args
        case ListLiteral(elements=elements):
            yield from elements
        case MapLiteral(entries=entries):
            for entry in entries:
                yield entry.key
                yield entry.value
        case Comprehension():
            yield from (node.range, node.initial, node.condition, node.step, node.result)


def iterate_nodes(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(iterate_children(current))


def bind_name(name: str, value: Node, body: Node) -> Comprehension:
    """`body` with `name` standing for `value`, which is evaluated once, and only where the name is used.

    CEL has no construct for it: a comprehension over nothing whose accumulator is the value is how cel.bind is made.
    """
    return Comprehension(
        0, "#unused", "", ListLiteral(0, ()), name, value, Const(0, "bool", False), Ident(0, name), body
    )
