"""Functions that the engine lacks, written in CEL itself.

They keep the types of what they touch and run in the engine, where a function in Python would copy lists to and fro and
couldn't return a duration. `arg0` and on stand for the arguments, the receiver first; `fold` is our own macro.
Sources: cel-go's `ext/lists.go` and `ext/sets.go`, k8s.io/apiserver/pkg/cel/library/lists.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import count

from tenantry.policy.cel.library.authorization import TAG
from tenantry.policy.cel.syntax.macros import map_children
from tenantry.policy.cel.syntax.parse import parse_expression
from tenantry.policy.cel.syntax.tree import Call, Const, Entry, Ident, ListLiteral, MapLiteral, Node, bind_name

_IN = "arg1.all(e_, e_ in arg0)"
_INDEX_OF = "fold(arg0, i_, e_, r_, -1, r_ == -1 && e_ == arg1 ? i_ : r_)"
_LAST_INDEX_OF = "fold(arg0, i_, e_, r_, -1, e_ == arg1 ? i_ : r_)"
_SLICE = (
    "arg1 < 0 || arg2 < 0 ? fail('negative indexes not supported') :"
    " arg1 > arg2 ? fail('start index must be less than or equal to end index') :"
    " size(arg0) < arg2 ? fail('list is shorter than the end index') :"
    " fold(arg0, i_, e_, r_, [], i_ >= arg1 && i_ < arg2 ? r_ + [e_] : r_)"
)


def _extreme(name: str, operator: str) -> str:
    step = f"fold(arg0, i_, e_, r_, arg0[0], e_ {operator} r_ ? e_ : r_)"
    return f"size(arg0) == 0 ? fail('{name} called on empty list') : {step}"


_LOWERED: dict[str, str] = {
    "sets.contains": _IN,
    "sets.intersects": "arg1.exists(e_, e_ in arg0)",
    "sets.equivalent": f"arg0.all(e_, e_ in arg1) && {_IN}",
    "min": _extreme("min", "<"),
    "max": _extreme("max", ">"),
    "isSorted": "fold(arg0, i_, e_, r_, true, r_ && (i_ == 0 || arg0[i_ - 1] <= e_))",
    "slice": _SLICE,
    "reverse": "fold(arg0, i_, e_, r_, [], [e_] + r_)",
    "distinct": "fold(arg0, i_, e_, r_, [], e_ in r_ ? r_ : r_ + [e_])",
    "includes": "type(arg0) == list ? arg1 in arg0 : arg0 == arg1",
    "first": "arg0[?0]",
    "last": "size(arg0) == 0 ? optional.none() : optional.of(arg0[size(arg0) - 1])",
    "validate": "optional.ofNonZeroValue(validateFormat(arg0, arg1))",
    "format.named": "optional.ofNonZeroValue(nameFormat(arg0))",
}
_FLATTEN = "fold(arg0, i_, e_, r_, [], type(e_) == list ? r_ + e_ : r_ + [e_])"
_SUMS = {"int": "0", "uint": "0u", "double": "0.0", "duration": "duration('0s')"}
# Functions that the engine has for one kind and not, or otherwise, for others: each kind's name, how it's named as a
# type, and what stands for the function there. Where the kind isn't known, running tells.
_BY_KIND = {
    "indexOf": [("list", "list", _INDEX_OF)],
    "lastIndexOf": [("list", "list", _LAST_INDEX_OF)],
    "getMilliseconds": [("duration", "google.protobuf.Duration", "durationMilliseconds(arg0)")],
    "string": [
        ("duration", "google.protobuf.Duration", "durationText(arg0)"),
        ("timestamp", "google.protobuf.Timestamp", "trimTime(string(arg0))"),
    ],
}
_names = count()


@cache
def _parse(text: str) -> Node:
    parsed = parse_expression(text, folds=True)
    assert parsed.node is not None, parsed.errors
    return parsed.node


def _fill(node: Node, names: dict[str, Node]) -> Node:
    if isinstance(node, Ident):
        return names.get(node.name, node)
    return map_children(node, lambda child: _fill(child, names))


def parse_template(text: str, names: dict[str, Node]) -> Node:
    """A piece of CEL with names replaced."""
    return _fill(_parse(text), names)


def _apply(text: str, call: Call) -> Node:
    """The template with the call's arguments bound, so that each is evaluated once."""
    arguments = call.args if call.target is None else (call.target, *call.args)
    names: dict[str, Node] = {}
    bound: list[tuple[str, Node]] = []
    for index, argument in enumerate(arguments):
        if isinstance(argument, Const):
            names[f"arg{index}"] = argument
            continue
        name = f"@arg{next(_names)}"
        bound.append((name, argument))
        names[f"arg{index}"] = Ident(call.id, name)
    body = _fill(_parse(text), names)
    if len(bound) > 1:
        body = _force(call, [name for name, _ in bound], body)
    for name, argument in reversed(bound):
        body = bind_name(name, argument, body)
    return body


def _force(call: Call, names: list[str], body: Node) -> Node:
    """The body, after all arguments: a function takes values, and one that errs errs whatever the others are."""
    values = ListLiteral(call.id, tuple(Ident(call.id, name) for name in names))
    size = Call(call.id, None, "size", (values,))
    whole = Call(call.id, None, "_==_", (size, Const(call.id, "int", len(names))))
    never = Call(call.id, None, "fail", (Const(call.id, "string", "an argument is missing"),))
    return Call(call.id, None, "_?_:_", (whole, body, never))


def _lower_by_kind(call: Call, kinds: frozenset[str]) -> Node:
    possible = [(kind, type_, lowered) for kind, type_, lowered in _BY_KIND[call.function] if kind in kinds]
    if not possible:
        return call
    for kind, _, lowered in possible:
        if kinds == {kind}:
            return _apply(lowered, call)
    arguments = ", ".join(f"arg{index + 1}" for index in range(len(call.args)))
    text = f"{call.function}(arg0)" if call.target is None else f"arg0.{call.function}({arguments})"
    for _, type_, lowered in possible:
        text = f"type(arg0) == {type_} ? {lowered} : {text}"
    return _apply(text, call)


def _is_quantity(name: str) -> str:
    return f"type({name}) == map && '{TAG}' in {name} && {name}['{TAG}'] == 'Quantity'"


# By whether the first, and the second, is known to be a quantity. A server errs at `==` where the first is one and the
# second is neither null nor one, and finds other values unequal to one; `!=` holds wherever `==` doesn't give true.
_EQUAL = {
    (True, True): "arg0.compareTo(arg1) == 0",
    (True, False): "arg1 == null ? false : arg0.compareTo(arg1) == 0",
    (False, True): f"type(arg0) == map && '{TAG}' in arg0 ? arg0.compareTo(arg1) == 0 : false",
}
_UNEQUAL = {
    (True, True): "arg0.compareTo(arg1) != 0",
    (True, False): f"{_is_quantity('arg1')} ? arg0.compareTo(arg1) != 0 : true",
    (False, True): f"{_is_quantity('arg0')} ? arg0.compareTo(arg1) != 0 : true",
}


def lower_equality(call: Call, known: tuple[bool, ...]) -> Node:
    """Whether two values are equal, of which one or both are known to be quantities: by their amounts."""
    templates = _EQUAL if call.function == "_==_" else _UNEQUAL
    return _apply(templates[known[0], known[1]], call)


def lower_call(call: Call, kinds: frozenset[str], element: str) -> Node:
    """The call in terms of what the engine has.

    Args:
        call: A checked call.
        kinds: The kinds of receiver that are possible.
        element: The kind of the elements, where that is a list: that of the first overload that fits, as cel-go has it.
    """
    function = call.function
    if function in _BY_KIND and (call.target is not None) == (function != "string"):
        return _lower_by_kind(call, kinds)
    if function in _REBUILT:
        return _REBUILT[function](call)
    if function.startswith("format.") and not call.args:
        named = Const(call.id, "string", function.removeprefix("format."))
        return Call(call.id, None, "nameFormat", (named,))
    text = f"fold(arg0, i_, e_, r_, {_SUMS[element]}, r_ + e_)" if function == "sum" else _LOWERED.get(function)
    return call if text is None else _apply(text, call)


def _rebuild_format(call: Call) -> Node:
    return call if call.target is None else Call(call.id, None, "formatText", (call.target, *call.args))


def _rebuild_matches(call: Call) -> Node:
    """A search by patterns that stay compiled: the engine compiles one anew each time, even where it's a literal."""
    arguments = call.args if call.target is None else (call.target, *call.args)
    return Call(call.id, None, "matchesText", arguments)


def _rebuild_flatten(call: Call) -> Node:
    return call if call.args else _apply(_FLATTEN, call)


def _rebuild_insert(call: Call) -> Node:
    """Insertion of one entry, as that of a map with one."""
    if len(call.args) != 3:
        return call
    entry = MapLiteral(call.id, (Entry(call.id, call.args[1], call.args[2]),))
    return replace(call, args=(call.args[0], entry))


_REBUILT: dict[str, Callable[[Call], Node]] = {
    "format": _rebuild_format,
    "matches": _rebuild_matches,
    "flatten": _rebuild_flatten,
    "cel.@mapInsert": _rebuild_insert,
}
