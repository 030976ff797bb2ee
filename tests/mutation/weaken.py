"""All that an expression becomes by one small change, as somebody would make it by mistake or to get something past."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeVar

from mutation.trees import read_tree
from tenantry.policy.cel.syntax.tree import Call, Const, ListLiteral, MapLiteral, Node, Select
from tenantry.policy.cel.syntax.unparse import write_expression

_CHAINS = ("_&&_", "_||_", "_+_")
_FLIPPED = {"_&&_": "_||_", "_||_": "_&&_"}
_OTHERS = {
    "_==_": ("_!=_",),
    "_!=_": ("_==_",),
    "_<_": ("_<=_", "_>_"),
    "_<=_": ("_<_", "_>=_"),
    "_>_": ("_>=_", "_<_"),
    "_>=_": ("_>_", "_<=_"),
    "all": ("exists",),
    "exists": ("all",),
    "startsWith": ("endsWith",),
    "endsWith": ("startsWith",),
}
_MACROS = ("all", "exists", "exists_one", "map", "filter", "optMap")
_LONGEST = 100
_TRUE, _FALSE = Const(0, "bool", True), Const(0, "bool", False)
_T = TypeVar("_T")
# The piece before, the piece after or None where it is dropped, and the whole with it.
_Mutant = tuple[Node, Node | None, Node]
_Part = tuple[Node, Callable[[Node], Node]]


@dataclass(frozen=True, slots=True)
class Change:
    """A weakened expression, and the piece that makes the difference, before and after."""

    text: str
    before: str
    after: str


def weaken(text: str) -> list[Change]:
    """Change an expression in all the ways that are known, one at a time; none is given twice."""
    tree = read_tree(text)
    found = {write_expression(tree): Change(text, "", "")}
    for before, after, whole in _mutate(tree):
        written = write_expression(whole)
        found.setdefault(written, Change(written, _show(before), "nothing" if after is None else _show(after)))
    return list(found.values())[1:]


def _show(node: Node) -> str:
    text = write_expression(node)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}...{text[-_LONGEST // 2 :]}"


def _mutate(node: Node, around: Node | None = None) -> Iterator[_Mutant]:
    yield from _change(node, around)
    for part, rebuild in _split(node):
        # What was around a constant tells more than the constant.
        lifts = isinstance(part, Const) and isinstance(node, Call) and node.function not in _CHAINS
        for before, after, changed in _mutate(part, node):
            whole = rebuild(changed)
            yield (node, whole, whole) if lifts else (before, after, whole)


def _split(node: Node) -> Iterator[_Part]:
    """The parts of a node that are changed by themselves, each with how the node is made again of another."""
    match node:
        case Select():
            yield node.operand, lambda part: replace(node, operand=part)
        case ListLiteral(elements=elements):
            for index, one in enumerate(elements):
                yield one, lambda part, i=index: replace(node, elements=_put(elements, i, part))
        case MapLiteral(entries=entries):
            for index, entry in enumerate(entries):
                yield (
                    entry.value,
                    lambda part, i=index: replace(node, entries=_put(entries, i, replace(entries[i], value=part))),
                )
        case Call(function=function) if function in _CHAINS:
            links = _unlink(node, function)
            for index, one in enumerate(links):
                yield one, lambda part, i=index: _link(function, _put(links, i, part))
        case Call():
            yield from _split_call(node)


def _split_call(call: Call) -> Iterator[_Part]:
    if call.target is not None:
        yield call.target, lambda part: replace(call, target=part)
    for index, one in enumerate(call.args):
        # A pattern and a text that stands for nothing are changed with the call that they're given to.
        whole = isinstance(one, Const) and isinstance(one.value, str) and call.function in ("matches", "orValue")
        if not _is_name(call, index) and not whole:
            yield one, lambda part, i=index: replace(call, args=_put(call.args, i, part))


def _is_name(call: Call, index: int) -> bool:
    """Whether an argument is the name of a variable or a field, and no value."""
    return (call.function == "_?._" and index == 1) or (call.function in _MACROS and index == 0)


def _put(values: tuple[_T, ...], index: int, value: _T) -> tuple[_T, ...]:
    return (*values[:index], value, *values[index + 1 :])


def _unlink(node: Node, function: str) -> tuple[Node, ...]:
    """The links of a chain of one operator."""
    if isinstance(node, Call) and node.function == function:
        return tuple(link for arg in node.args for link in _unlink(arg, function))
    return (node,)


def _link(function: str, links: tuple[Node, ...]) -> Node:
    return reduce(lambda left, right: Call(0, None, function, (left, right)), links)


def _change(node: Node, around: Node | None) -> Iterator[_Mutant]:
    """What a node itself is weakened to."""
    match node:
        case ListLiteral(elements=elements):
            for index, one in enumerate(elements):
                yield one, None, replace(node, elements=elements[:index] + elements[index + 1 :])
        case Call(function=function) if function in _CHAINS:
            yield from _change_chain(node)
        case Call(function="orValue", args=(Const(value=str()) as default,)):
            changed = replace(node, args=(replace(default, value=_choose_default(node, default, around)),))
            yield node, changed, changed
        case _:
            for changed in _replace(node):
                yield node, changed, changed


def _choose_default(call: Call, default: Const, around: Node | None) -> str:
    """A default that makes a difference where it's compared with constants: that of them which it wasn't."""
    compared: Node | None = None
    if isinstance(around, Call) and around.function in ("_==_", "_!=_", "@in") and around.args[0] == call:
        compared = around.args[1]
    constants = compared.elements if isinstance(compared, ListLiteral) else (compared,)
    values = [one.value for one in constants if isinstance(one, Const)]
    return f"{default.value}x" if default.value in values or not values else str(values[0])


def _replace(node: Node) -> Iterator[Node]:
    match node:
        case Const(value=bool(value)):
            yield replace(node, value=not value)
        case Const(value=int(value)):
            yield replace(node, value=value + 1)
            yield replace(node, value=value - 1)
        case Const(value=str(value)):
            yield replace(node, value=f"{value}x")
        case Select(test=True):
            yield from (_TRUE, _FALSE)
        case Call():
            yield from _replace_call(node)


def _replace_call(call: Call) -> Iterator[Node]:
    for other in _OTHERS.get(call.function, ()):
        yield replace(call, function=other)
    match call.function, call.args:
        case "!_", (negated,):
            yield negated
        case "_?_:_", (condition, one, other):
            yield replace(call, args=(condition, other, one))
            yield from (one, other)
        case "filter", (variable, _):
            yield replace(call, args=(variable, _TRUE))
            yield replace(call, args=(variable, _FALSE))
        case "matches", (Const(value=str(pattern)) as constant,):
            if pattern.startswith("^"):
                yield replace(call, args=(replace(constant, value=pattern[1:]),))
            if pattern.endswith("$"):
                yield replace(call, args=(replace(constant, value=pattern[:-1]),))


def _change_chain(call: Call) -> Iterator[_Mutant]:
    """Each link dropped, and each operator flipped; a sum of text, without a part, only says something else."""
    function = call.function
    links = _unlink(call, function)
    if function != "_+_" or not any(isinstance(link, Const) for link in links):
        for index, one in enumerate(links):
            yield one, None, _link(function, links[:index] + links[index + 1 :])
    if function == "_+_":
        return
    for index in range(1, len(links)):
        near = links[index - 1 : index + 1]
        yield _link(function, near), _link(_FLIPPED[function], near), _flip(function, links, index)


def _flip(function: str, links: tuple[Node, ...], index: int) -> Node:
    """The chain with another operator at one place, as it would be read: && binds before ||."""
    if function == "_&&_":
        return _link("_||_", (_link(function, links[:index]), _link(function, links[index:])))
    middle = _link("_&&_", links[index - 1 : index + 1])
    return _link(function, (*links[: index - 1], middle, *links[index + 1 :]))
