"""The least that an expression costs, in the units in which the API server counts.

The API server doesn't estimate the expressions of admission policies: it counts while they run, and stops them. What is
above its limit whatever the object is, is wrong in the policy already. Sizes that an object decides count as nothing.
Source: cel-go's `checker/cost.go` and `common/cost.go`; the limit is PerCallLimit in k8s.io/apiserver/pkg/apis/cel.
"""

from __future__ import annotations

from tenantry.policy.cel.syntax.tree import (
    Call,
    Comprehension,
    Const,
    Ident,
    ListLiteral,
    MapLiteral,
    Node,
    Select,
    iterate_children,
)

PER_CALL_LIMIT = 1_000_000
_LIST, _MAP, _STRINGS = 10, 30, 10
# What is past any limit needn't be counted exactly.
_CEILING = 1 << 62
_SHORT_CIRCUIT = {"_&&_", "_||_"}


def estimate_cost(node: Node) -> int:
    """The least cost of an expression."""
    return min(_cost(node), _CEILING)


def _cost(node: Node) -> int:
    if isinstance(node, Call):
        return _cost_call(node)
    if isinstance(node, Comprehension):
        once = _cost(node.condition) + _cost(node.step)
        return _cost(node.range) + _cost(node.initial) + _count_rounds(node) * once + _cost(node.result)
    return _cost_itself(node) + sum(map(_cost, iterate_children(node)))


def _cost_itself(node: Node) -> int:
    match node:
        case Ident() | Select(test=False):
            return 1
        case ListLiteral():
            return _LIST
        case MapLiteral():
            return _MAP
    return 0


def _cost_call(node: Call) -> int:
    target = 0 if node.target is None else _cost(node.target)
    if node.function in _SHORT_CIRCUIT:
        return _cost(node.args[0])
    if node.function == "_?_:_":
        return _cost(node.args[0]) + min(_cost(node.args[1]), _cost(node.args[2]))
    made = _count_elements(node) if node.function == "lists.range" else 0
    return 1 + target + made + sum(map(_cost, node.args)) + _count_text(node) // _STRINGS


def _count_text(node: Call) -> int:
    """The characters of the literals that a function goes through."""
    return sum(len(arg.value) for arg in node.args if isinstance(arg, Const) and isinstance(arg.value, (str, bytes)))


def _count_rounds(node: Comprehension) -> int:
    """How often a loop runs at least; a quantifier may stop at its first element."""
    size = _count_elements(node.range)
    stops_early = not (isinstance(node.condition, Const) and node.condition.value is True)
    return min(size, 1) if stops_early else size


def _count_elements(node: Node) -> int:
    """The least size of a list or a map."""
    match node:
        case ListLiteral():
            return len(node.elements) - len(node.optional)
        case MapLiteral():
            return sum(not entry.optional for entry in node.entries)
        case Call(function="lists.range", args=(Const(value=int() as size),)):
            return size
        case Call(function="_+_", args=(one, other)):
            return _count_elements(one) + _count_elements(other)
        case Comprehension() if _keeps_all(node):
            return _count_elements(node.range)
    return 0


def _keeps_all(node: Comprehension) -> bool:
    """Whether a comprehension makes a list of an element for each of its range, as `map` does."""
    step = node.step
    return (
        isinstance(node.initial, ListLiteral)
        and isinstance(step, Call)
        and step.function == "_+_"
        and step.args[0] == Ident(step.args[0].id, node.accumulator)
        and isinstance(step.args[1], ListLiteral)
    )
