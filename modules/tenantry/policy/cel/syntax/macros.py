"""The macros that the engine's parser doesn't know, expanded in the tree.

The two-variable comprehensions and `sortBy` of Kubernetes 1.32 and 1.34 (cel-go's `ext/comprehensions.go`,
`ext/lists.go`), and `fold`, which only our own lowered functions use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
    bind_name,
)

ACCUMULATOR = "@result"
TWO_VARIABLE_MACROS = frozenset(
    {"all", "exists", "existsOne", "exists_one", "transformList", "transformMap", "transformMapEntry"}
)
_SORT_INPUT = "@__sortBy_input__"


class MacroError(ValueError):
    """A macro is used in a way that it can't be expanded, at the node with this id."""

    def __init__(self, node: int, reason: str) -> None:
        super().__init__(reason)
        self.node, self.reason = node, reason


def _call(node: int, function: str, *args: Node) -> Call:
    return Call(node, None, function, args)


def _accumulator(node: int) -> Ident:
    return Ident(node, ACCUMULATOR)


def _choose_name(node: Node) -> str:
    if not isinstance(node, Ident):
        raise MacroError(node.id, "argument must be a simple name")
    if node.name in (ACCUMULATOR, "__result__"):
        raise MacroError(node.id, "iteration variable overwrites accumulator variable")
    return node.name


def _build(call: Call, names: tuple[str, str], loop: tuple[Node, Node, Node], result: Node) -> Node:
    """A comprehension over the call's target; the loop is its start, its condition and its step."""
    assert call.target is not None
    return Comprehension(call.id, names[0], names[1], call.target, ACCUMULATOR, *loop, result)


def _expand_quantifier(call: Call, names: tuple[str, str], body: Node) -> Node:
    i, accumulator = call.id, _accumulator(call.id)
    if call.function == "all":
        step = _call(i, "_&&_", accumulator, body)
        loop: tuple[Node, Node, Node] = (Const(i, "bool", True), _call(i, "@not_strictly_false", accumulator), step)
        return _build(call, names, loop, accumulator)
    if call.function == "exists":
        condition = _call(i, "@not_strictly_false", _call(i, "!_", accumulator))
        loop = (Const(i, "bool", False), condition, _call(i, "_||_", accumulator, body))
        return _build(call, names, loop, accumulator)
    one = Const(i, "int", 1)
    step = _call(i, "_?_:_", body, _call(i, "_+_", accumulator, one), accumulator)
    loop = (Const(i, "int", 0), Const(i, "bool", True), step)
    return _build(call, names, loop, _call(i, "_==_", accumulator, one))


def _expand_transform(call: Call, names: tuple[str, str], condition: Node | None, body: Node) -> Node:
    i, accumulator = call.id, _accumulator(call.id)
    initial: Node = MapLiteral(i, ())
    if call.function == "transformList":
        initial = ListLiteral(i, ())
        step: Node = _call(i, "_+_", accumulator, ListLiteral(i, (body,)))
    elif call.function == "transformMap":
        step = _call(i, "cel.@mapInsert", accumulator, Ident(i, names[0]), body)
    else:
        step = _call(i, "cel.@mapInsert", accumulator, body)
    if condition is not None:
        step = _call(i, "_?_:_", condition, step, accumulator)
    return _build(call, names, (initial, Const(i, "bool", True), step), accumulator)


def _expand_two_variables(call: Call) -> Node:
    names = (_choose_name(call.args[0]), _choose_name(call.args[1]))
    if names[0] == names[1]:
        raise MacroError(call.args[1].id, f"duplicate variable name: {names[0]}")
    if call.function.startswith("transform"):
        return _expand_transform(call, names, call.args[2] if len(call.args) == 4 else None, call.args[-1])
    return _expand_quantifier(call, names, call.args[2])


def _expand_sort(call: Call) -> Node:
    assert call.target is not None
    i, source = call.id, Ident(call.id, _SORT_INPUT)
    step = _call(i, "_+_", _accumulator(i), ListLiteral(i, (call.args[1],)))
    keys = Comprehension(
        i,
        _choose_name(call.args[0]),
        "",
        source,
        ACCUMULATOR,
        ListLiteral(i, ()),
        Const(i, "bool", True),
        step,
        _accumulator(i),
    )
    return bind_name(_SORT_INPUT, call.target, Call(i, source, "@sortByAssociatedKeys", (keys,)))


def _expand_fold(call: Call) -> Node:
    """`fold(list, index, element, accumulator, initial, step)`."""
    source, index, element, accumulator, initial, step = call.args
    names = [_choose_name(name) for name in (index, element, accumulator)]
    always, result = Const(call.id, "bool", True), Ident(call.id, names[2])
    return Comprehension(call.id, names[0], names[1], source, names[2], initial, always, step, result)


def _expand_call(call: Call, *, folds: bool) -> Node:
    if call.target is None:
        return _expand_fold(call) if folds and call.function == "fold" else call
    count = len(call.args)
    if call.function in TWO_VARIABLE_MACROS and (count == 3 or (count == 4 and call.function.startswith("transform"))):
        return _expand_two_variables(call)
    if call.function == "sortBy" and count == 2:
        return _expand_sort(call)
    return call


def map_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with each node directly below it changed."""
    match node:
        case Select():
            return replace(node, operand=change(node.operand))
        case Call():
            target = None if node.target is None else change(node.target)
            return replace(node, target=target, args=tuple(change(arg) for arg in node.args))
        case ListLiteral():
            return replace(node, elements=tuple(change(element) for element in node.elements))
        case MapLiteral():
            return replace(
                node, entries=tuple(Entry(e.id, change(e.key), change(e.value), e.optional) for e in node.entries)
            )
        case Comprehension():
            return replace(
                node,
                range=change(node.range),
                initial=change(node.initial),
                condition=change(node.condition),
                step=change(node.step),
                result=change(node.result),
            )
        case Const() | Ident() | Message():
            return node


def expand_macros(node: Node, *, folds: bool = False) -> Node:
    """A tree with the macros expanded that the parser left as calls.

    Raises:
        MacroError: A macro's variable isn't a simple name.
    """
    changed = map_children(node, lambda child: expand_macros(child, folds=folds))
    return _expand_call(changed, folds=folds) if isinstance(changed, Call) else changed
