"""Expressions as trees near to their text: macros are calls again, as they were written."""

from dataclasses import replace

from tenantry.policy.cel.syntax.macros import map_children
from tenantry.policy.cel.syntax.parse import parse_expression
from tenantry.policy.cel.syntax.tree import Call, Comprehension, Entry, Ident, ListLiteral, MapLiteral, Node
from tenantry.policy.cel.syntax.unparse import write_expression


def read_tree(text: str) -> Node:
    """The tree of an expression; it is written as it was read, or the expression can't be changed piece by piece."""
    tree = _read(text)
    assert _read(write_expression(tree)) == tree, f"it isn't written as it was read: {text}"
    return tree


def _read(text: str) -> Node:
    parsed = parse_expression(text)
    assert parsed.node is not None, (text, parsed.errors)
    return _fold(parsed.node)


def _fold(node: Node) -> Node:
    """A tree with the macros as calls, and no ids: two trees are the same where their texts mean the same."""
    folded = map_children(node, _fold)
    if isinstance(folded, MapLiteral):
        return MapLiteral(0, tuple(Entry(0, one.key, one.value, one.optional) for one in folded.entries))
    if isinstance(folded, Comprehension):
        return _fold_loop(folded)
    if isinstance(folded, Call) and folded.function == "_?_:_":
        return _fold_option(folded)
    return replace(folded, id=0)


def _fold_option(call: Call) -> Node:
    """`x.optMap(v, ...)`, which the parser writes as `x.hasValue() ? optional.of(...) : optional.none()`."""
    condition, value, _ = call.args
    inner = value.args[0] if isinstance(value, Call) and value.function == "optional.of" else None
    if isinstance(condition, Call) and isinstance(inner, Call) and inner.function == "#bind":
        return Call(0, condition.target, "optMap", (inner.args[0], inner.args[2]))
    return replace(call, id=0)


def _fold_loop(loop: Comprehension) -> Node:
    variable, step = Ident(0, loop.variable), loop.step
    assert not loop.variable2, "macros of two variables aren't known here"
    if loop.variable == "#unused":
        return Call(0, None, "#bind", (Ident(0, loop.accumulator), loop.initial, loop.result))
    assert isinstance(step, Call), step
    if step.function in ("_&&_", "_||_"):
        return Call(0, loop.range, "all" if step.function == "_&&_" else "exists", (variable, step.args[1]))
    if step.function == "_+_":
        return Call(0, loop.range, "map", (variable, _added(step)))
    assert step.function == "_?_:_", step
    condition, kept, _ = step.args
    if not isinstance(loop.initial, ListLiteral):
        return Call(0, loop.range, "exists_one", (variable, condition))
    added = _added(kept)
    filters = added == variable
    return Call(0, loop.range, "filter" if filters else "map", (variable, condition, *(() if filters else (added,))))


def _added(step: Node) -> Node:
    """What a step adds to a list."""
    assert isinstance(step, Call), step
    added = step.args[1]
    assert isinstance(added, ListLiteral), step
    return added.elements[0]
