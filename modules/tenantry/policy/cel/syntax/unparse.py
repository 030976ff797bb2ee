"""Trees as text again, for people: near to what was written, with the macros folded back where they're known."""

from __future__ import annotations

import json

from tenantry.policy.cel.syntax.tree import (
    Call,
    Comprehension,
    Const,
    Ident,
    ListLiteral,
    MapLiteral,
    Message,
    Node,
    Select,
)

_INFIX = {f"_{sign}_": sign for sign in ("&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%")}
_INFIX["@in"] = "in"
_LEVELS = ("||", "&&", "== != < <= > >= in", "+ -", "* / %")
_ORDER = {sign: rank for rank, signs in enumerate(_LEVELS) for sign in signs.split()}
_HIGHEST = 9
Names = dict[str, str]


def _write_const(node: Const) -> str:
    if node.kind == "string":
        text = json.dumps(node.value, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"'{text}'"
    if node.kind in ("null", "bool", "double"):
        return json.dumps(node.value)
    return f"b{node.value!r}"[1:] if node.kind == "bytes" else f"{node.value}{'u' if node.kind == 'uint' else ''}"


def _write_infix(call: Call, sign: str, names: Names, rank: int) -> str:
    mine = _ORDER[sign]
    # The parser balances chains of && and ||; it makes no difference to what they mean.
    right = mine if sign in ("&&", "||") else mine + 1
    text = f"{_write(call.args[0], names, mine)} {sign} {_write(call.args[1], names, right)}"
    return f"({text})" if mine < rank else text


# What methods became, so that they're told by the names that they were written with.
_METHODS = {"formatText": "format", "matchesText": "matches"}


def _write_call(call: Call, names: Names, rank: int) -> str:
    sign = _INFIX.get(call.function)
    if sign is not None and len(call.args) == 2:
        return _write_infix(call, sign, names, rank)
    method = _METHODS.get(call.function)
    if method is not None and call.args:
        call = Call(call.id, call.args[0], method, call.args[1:])
    args = [_write(arg, names, 0) for arg in call.args]
    special = {
        "!_": lambda: f"!{_write(call.args[0], names, _HIGHEST)}",
        "-_": lambda: f"-{_write(call.args[0], names, _HIGHEST)}",
        "_[_]": lambda: f"{_write(call.args[0], names, _HIGHEST)}[{args[1]}]",
        "_[?_]": lambda: f"{_write(call.args[0], names, _HIGHEST)}[?{args[1]}]",
        "_?._": lambda: f"{_write(call.args[0], names, _HIGHEST)}.?{args[1][1:-1]}",
        "_?_:_": lambda: f"({args[0]} ? {args[1]} : {args[2]})",
    }.get(call.function)
    if special is not None:
        return special()
    target = "" if call.target is None else f"{_write(call.target, names, _HIGHEST)}."
    return f"{target}{call.function}({', '.join(args)})"


def _write_comprehension(node: Comprehension, names: Names) -> str:
    if node.variable == "#unused":
        hidden = node.accumulator.startswith("@")
        inner = names | {node.accumulator: _write(node.initial, names, _HIGHEST)} if hidden else names
        return _write(node.result, inner, 0)
    source = _write(node.range, names, _HIGHEST)
    variables = ", ".join(name for name in (node.variable, node.variable2) if name)
    name, arguments = _name_macro(node)
    return f"{source}.{name}({', '.join([variables, *(_write(one, names, 0) for one in arguments)])})"


def _name_macro(node: Comprehension) -> tuple[str, list[Node]]:
    """The macro that a comprehension came from, and its arguments after the variables."""
    step = node.step
    if not isinstance(step, Call) or len(step.args) < 2:
        return "fold", [step]
    if step.function in ("_&&_", "_||_"):
        return ("all" if step.function == "_&&_" else "exists"), [step.args[1]]
    if not isinstance(node.initial, ListLiteral):
        return ("exists_one", [step.args[0]]) if step.function == "_?_:_" else ("fold", [step])
    conditions = [step.args[0]] if step.function == "_?_:_" else []
    added = _find_added(step.args[1] if conditions else step)
    if node.variable2:
        return "transformList", [*conditions, added]
    return ("filter", conditions) if conditions else ("map", [added])


def _find_added(step: Node) -> Node:
    """What a step adds to a list."""
    last = step.args[1] if isinstance(step, Call) and len(step.args) == 2 else step
    return last.elements[0] if isinstance(last, ListLiteral) and last.elements else last


def _write(node: Node, names: Names, rank: int) -> str:
    text = ""
    match node:
        case Const():
            text = _write_const(node)
        case Ident(name=name):
            text = names.get(name, name)
        case Select(test=True):
            text = f"has({_write(node.operand, names, _HIGHEST)}.{node.field})"
        case Select():
            text = f"{_write(node.operand, names, _HIGHEST)}.{node.field}"
        case Call():
            text = _write_call(node, names, rank)
        case ListLiteral():
            text = "[" + ", ".join(_write(element, names, 0) for element in node.elements) + "]"
        case MapLiteral():
            pairs = (f"{_write(entry.key, names, 0)}: {_write(entry.value, names, 0)}" for entry in node.entries)
            text = "{" + ", ".join(pairs) + "}"
        case Comprehension():
            text = _write_comprehension(node, names)
        case Message(name=name):
            text = f"{name}{{}}"
    return text


def write_expression(node: Node, names: Names | None = None) -> str:
    """An expression as text; `names` are texts to put for names."""
    return _write(node, names or {}, 0)
