"""Trees to and from the protobuf messages that the engine parses into and plans from.

The engine hands out and takes `cel.expr.ParsedExpr` messages. Python's protobuf library takes a quarter of a second to
import, a whole run's budget, so the few fields of `cel/expr/syntax.proto` are read and written here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from tenantry.policy.cel.syntax.tree import (
    Call,
    Comprehension,
    Const,
    Entry,
    Ident,
    ListLiteral,
    MapLiteral,
    Message,
    Node,
    Select,
)

TYPE_URL = b"type.googleapis.com/cel.expr.ParsedExpr"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Deeper trees than this would exhaust Python's own stack; the API server's parser stops at 250.
MAX_DEPTH = 250


class TooDeepError(ValueError):
    """The expression is nested deeper than the API server's parser allows."""


# --- reading


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def _iterate_fields(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, integer value and bytes value of each field; one of the two is meaningful, by the field's type."""
    at, end = 0, len(data)
    while at < end:
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value, b""
        elif kind == _BYTES:
            size, at = _read_varint(data, at)
            yield key >> 3, 0, data[at : at + size]
            at += size
        elif kind == _FIXED64:
            yield key >> 3, 0, data[at : at + 8]
            at += 8
        elif kind == _FIXED32:
            yield key >> 3, 0, data[at : at + 4]
            at += 4
        else:  # pragma: no cover - the engine writes no other
            raise ValueError(f"wire type {kind}")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


_CONSTANTS: dict[int, tuple[str, Callable[[int, bytes], object]]] = {
    1: ("null", lambda _, __: None),
    2: ("bool", lambda value, _: bool(value)),
    3: ("int", lambda value, _: _signed(value)),
    4: ("uint", lambda value, _: value),
    5: ("double", lambda _, raw: struct.unpack("<d", raw)[0]),
    6: ("string", lambda _, raw: raw.decode()),
    7: ("bytes", lambda _, raw: raw),
}


def _read_const(node: int, data: bytes) -> Const:
    number, value, raw = next(_iterate_fields(data), (1, 0, b""))
    kind, read = _CONSTANTS[number]
    return Const(node, kind, read(value, raw))


def _read_select(node: int, data: bytes, depth: int) -> Select:
    operand, field, test = b"", "", False
    for number, value, raw in _iterate_fields(data):
        if number == 1:
            operand = raw
        elif number == 2:
            field = raw.decode()
        elif number == 3:
            test = bool(value)
    return Select(node, _read_node(operand, depth), field, test)


def _read_call(node: int, data: bytes, depth: int) -> Call:
    target: Node | None = None
    function, args = "", []
    for number, _, raw in _iterate_fields(data):
        if number == 1:
            target = _read_node(raw, depth)
        elif number == 2:
            function = raw.decode()
        elif number == 3:
            args.append(_read_node(raw, depth))
    return Call(node, target, function, tuple(args))


def _read_list(node: int, data: bytes, depth: int) -> ListLiteral:
    elements: list[Node] = []
    optional: set[int] = set()
    for number, value, raw in _iterate_fields(data):
        if number == 1:
            elements.append(_read_node(raw, depth))
        elif raw:  # packed
            at = 0
            while at < len(raw):
                index, at = _read_varint(raw, at)
                optional.add(index)
        else:
            optional.add(value)
    return ListLiteral(node, tuple(elements), frozenset(optional))


def _read_entry(data: bytes, depth: int) -> Entry:
    identifier, optional = 0, False
    key: Node = Const(0, "null", None)
    value: Node = key
    for number, integer, raw in _iterate_fields(data):
        if number == 1:
            identifier = integer
        elif number == 3:
            key = _read_node(raw, depth)
        elif number == 4:
            value = _read_node(raw, depth)
        elif number == 5:
            optional = bool(integer)
    return Entry(identifier, key, value, optional)


def _read_struct(node: int, data: bytes, depth: int) -> MapLiteral | Message:
    name, entries = "", []
    for number, _, raw in _iterate_fields(data):
        if number == 1:
            name = raw.decode()
        elif number == 2:
            entries.append(_read_entry(raw, depth))
    return Message(node, name) if name else MapLiteral(node, tuple(entries))


def _read_comprehension(node: int, data: bytes, depth: int) -> Comprehension:
    names = {1: "", 3: "", 8: ""}
    parts: dict[int, Node] = {}
    for number, _, raw in _iterate_fields(data):
        if number in names:
            names[number] = raw.decode()
        else:
            parts[number] = _read_node(raw, depth)
    return Comprehension(node, names[1], names[8], parts[2], names[3], parts[4], parts[5], parts[6], parts[7])


def _read_node(data: bytes, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise TooDeepError
    identifier, kind, body = 0, 0, b""
    for number, value, raw in _iterate_fields(data):
        if number == 2:
            identifier = _signed(value)
        else:
            kind, body = number, raw
    if kind == 4:
        return Ident(identifier, next(_iterate_fields(body))[2].decode())
    if kind not in _READERS:
        return _read_const(identifier, body)
    return _READERS[kind](identifier, body, depth + 1)


_READERS: dict[int, Callable[[int, bytes, int], Node]] = {
    5: _read_select,
    6: _read_call,
    7: _read_list,
    8: _read_struct,
    9: _read_comprehension,
}


def _read_positions(data: bytes) -> dict[int, int]:
    positions = {}
    for number, _, raw in _iterate_fields(data):
        if number == 4:
            fields = {n: v for n, v, _ in _iterate_fields(raw)}
            positions[fields.get(1, 0)] = fields.get(2, 0)
    return positions


def decode_parsed(message: bytes) -> tuple[Node, dict[int, int]]:
    """The tree of a serialised parse, and the place (in code points from the start) of each node by its id.

    Raises:
        TooDeepError: The expression is nested too deep.
    """
    body = next(raw for number, _, raw in _iterate_fields(message) if number == 2)
    node: Node | None = None
    positions: dict[int, int] = {}
    for number, _, raw in _iterate_fields(body):
        if number == 2:
            node = _read_node(raw, 0)
        elif number == 3:
            positions = _read_positions(raw)
    assert node is not None
    return node, positions


# --- writing


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _block(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(body)) + body


def _text(number: int, text: str) -> bytes:
    return _block(number, text.encode())


def _write_const(node: Const) -> bytes:
    value = node.value
    match node.kind:
        case "null":
            return _integer(1, 0)
        case "bool":
            return _integer(2, int(bool(value)))
        case "double":
            return _varint(5 << 3 | _FIXED64) + struct.pack("<d", value)
        case "string":
            assert isinstance(value, str)
            return _text(6, value)
        case "bytes":
            assert isinstance(value, bytes)
            return _block(7, value)
    assert isinstance(value, int)
    return _integer(3 if node.kind == "int" else 4, value)


class _Writer:
    """Numbers the nodes anew: after rewriting, ids may be missing or double, and the engine wants them distinct."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, number: int, node: Node) -> bytes:
        self.count += 1
        head = _integer(2, self.count)
        return _block(number, head + self._body(node))

    def _body(self, node: Node) -> bytes:
        body = b""
        match node:
            case Const():
                body = _block(3, _write_const(node))
            case Ident(name=name):
                body = _block(4, _text(1, name))
            case Select():
                test = _integer(3, 1) if node.test else b""
                body = _block(5, self.write(1, node.operand) + _text(2, node.field) + test)
            case Call():
                target = b"" if node.target is None else self.write(1, node.target)
                body = _block(6, target + _text(2, node.function) + b"".join(self.write(3, arg) for arg in node.args))
            case ListLiteral():
                optional = b"".join(_varint(index) for index in sorted(node.optional))
                elements = b"".join(self.write(1, element) for element in node.elements)
                body = _block(7, elements + (_block(2, optional) if optional else b""))
            case MapLiteral():
                body = _block(8, b"".join(self._entry(entry) for entry in node.entries))
            case Comprehension():
                body = _block(9, self._comprehension(node))
        return body

    def _entry(self, entry: Entry) -> bytes:
        self.count += 1
        head = _integer(1, self.count)
        optional = _integer(5, 1) if entry.optional else b""
        return _block(2, head + self.write(3, entry.key) + self.write(4, entry.value) + optional)

    def _comprehension(self, node: Comprehension) -> bytes:
        second = _text(8, node.variable2) if node.variable2 else b""
        parts = (node.initial, node.condition, node.step, node.result)
        return (
            _text(1, node.variable)
            + self.write(2, node.range)
            + _text(3, node.accumulator)
            + b"".join(self.write(number, part) for number, part in enumerate(parts, start=4))
            + second
        )


def encode_parsed(node: Node) -> bytes:
    """A tree as the engine takes it."""
    body = _Writer().write(2, node) + _block(3, b"")
    return _block(1, TYPE_URL) + _block(2, body)
