"""Expressions over objects of which parts aren't known yet: to read such a part is undecidable.

A value that a plan will only know later stands in an object as `mark_unknown` makes it. The engine would compare it
like any other map, and find it unequal to all that is forbidden. So where an object has such values, its expressions
are rewritten: each value that is read is looked at, and one that isn't known is an error, which `||` and `&&` absorb
where the rest decides.
"""

from __future__ import annotations

from itertools import count

from tenantry.policy.cel.library.marks import MARK
from tenantry.policy.cel.lowering import parse_template
from tenantry.policy.cel.syntax.macros import map_children
from tenantry.policy.cel.syntax.tree import Call, Comprehension, Ident, Node, Select, bind_name

# What takes a value as a whole, with all that is within it.
_WHOLE = frozenset({"_==_", "_!=_", "@in", "formatText", "sort", "cel.@mapInsert", "@sortByAssociatedKeys"})
_INNER = frozenset({"value", "orValue"})
# What gives an optional: of what isn't known, no part may be taken for absent.
_OPTIONALS = frozenset({"_?._", "_[?_]"})
_SHALLOW = f"type(arg0) == map && '{MARK}' in arg0 ? refuseUnknown(arg0) : arg0"
_OPTIONAL = (
    f"arg0.hasValue() && type(arg0.value()) == map && '{MARK}' in arg0.value()"
    " ? optional.of(refuseUnknown(arg0.value())) : arg0"
)
_DEEP = "type(arg0) == map || type(arg0) == list ? refuseUnknown(arg0) : arg0"
_names = count()


def _guard(node: Node, template: str) -> Node:
    name = f"@known{next(_names)}"
    return bind_name(name, node, parse_template(template, {"arg0": Ident(node.id, name)}))


def guard_unknowns(node: Node, iterated: frozenset[str] = frozenset()) -> Node:
    """An expression that errs where it reads a value that isn't known."""
    if isinstance(node, Comprehension):
        within = iterated | {node.variable, node.variable2} - {""}
        return Comprehension(
            node.id,
            node.variable,
            node.variable2,
            guard_unknowns(node.range, iterated),
            node.accumulator,
            guard_unknowns(node.initial, iterated),
            guard_unknowns(node.condition, within),
            guard_unknowns(node.step, within),
            guard_unknowns(node.result, iterated),
        )
    if isinstance(node, Ident):
        return _guard(node, _SHALLOW) if node.name in iterated else node
    changed = map_children(node, lambda child: guard_unknowns(child, iterated))
    if isinstance(changed, Select) and not changed.test:
        return _guard(changed, _SHALLOW)
    if isinstance(changed, Call):
        return _guard_call(changed)
    return changed


def _guard_call(call: Call) -> Node:
    if call.function == "_[_]" or (call.function in _INNER and call.target is not None):
        return _guard(call, _SHALLOW)
    if call.function in _OPTIONALS:
        return _guard(call, _OPTIONAL)
    if call.function in _WHOLE:
        return map_children(call, lambda child: _guard(child, _DEEP))
    return call
