"""What an expression reads of the value of a name."""

from __future__ import annotations

from collections.abc import Iterator

from tenantry.policy.cel.syntax.tree import Call, Const, Ident, Node, Select, iterate_children


def list_reads(node: Node, name: str) -> Iterator[tuple[str, ...]]:
    """The paths of what is read of a name's value; where one is computed, that of the part in which it's looked for."""
    path = _trace(node, name)
    if path is not None:
        yield path
        return
    for child in iterate_children(node):
        yield from list_reads(child, name)


def _trace(node: Node, name: str) -> tuple[str, ...] | None:
    """The path that a node reads of a name's value, if it does only that."""
    match node:
        case Ident(name=found):
            return () if found == name else None
        case Select(operand=operand, field=key):
            path = _trace(operand, name)
        case Call(
            target=None, function="_?._" | "_[_]" | "_[?_]", args=(operand, Const(kind="string", value=str(key)))
        ):
            path = _trace(operand, name)
        case _:
            return None
    return None if path is None else (*path, key)
