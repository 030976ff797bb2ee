"""Type checking: what the API server would refuse when a policy is created.

A port of cel-go's checker (`checker/checker.go`) over Kubernetes' declarations. The engine's own checker can't be used:
it has no types beyond CEL's basic ones, another set of functions, and accepts what an older API server rejects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tenantry.policy.cel.checking.declarations import (
    OPTIONALS_MINOR,
    TWO_VARIABLES_MINOR,
    Overload,
)
from tenantry.policy.cel.checking.scope import Checked, Declarations, Scope
from tenantry.policy.cel.checking.signatures import STRUCTS
from tenantry.policy.cel.checking.types import (
    BOOL,
    DYN,
    ERROR,
    INT,
    Type,
    list_of,
    map_of,
    optional_of,
    parse_type,
    substitute_type,
    unwrap_optional,
)
from tenantry.policy.cel.lowering import lower_call, lower_equality
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

VARIABLES = "variables"


def _build_presence(variable: Ident) -> Node:
    """Whether there is a variable: always, but for one that errs. It is evaluated to tell."""
    size = Call(variable.id, None, "size", (ListLiteral(variable.id, (variable,)),))
    return Call(variable.id, None, "_==_", (size, Const(variable.id, "int", 1)))


_QUANTITY = parse_type("kubernetes.Quantity")
_LITERALS = {kind: parse_type(kind) for kind in ("null", "bool", "int", "uint", "double", "string", "bytes")}


def check_tree(node: Node, declarations: Declarations) -> Checked:
    """The type of an expression, and all that is wrong with it."""
    checker = _Checker(declarations)
    type_, resolved = checker.check(node)
    if not checker.findings:
        checker.compare_elements()
    final = substitute_type(checker.found, type_, free_is_dyn=True)
    return Checked(final, resolved, checker.minor, checker.findings)


class _Checker(Scope):
    """Walks a tree once."""

    # --- nodes

    def check(self, node: Node) -> tuple[Type, Node]:
        if isinstance(node, Const):
            return _LITERALS[node.kind], node
        checks: dict[type, Callable[[Any], tuple[Type, Node]]] = {
            Ident: self.check_ident,
            Select: self.check_select,
            Call: self.check_call,
            ListLiteral: self.check_list,
            MapLiteral: self.check_map,
            Comprehension: self.check_comprehension,
            Message: self.check_message,
        }
        return checks[type(node)](node)

    def check_message(self, node: Message) -> tuple[Type, Node]:
        self.report(node, f"undeclared reference to '{node.name}' (in container '')")
        return ERROR, node

    def check_ident(self, node: Ident) -> tuple[Type, Node]:
        type_ = self.find_local(node.name)
        if type_ is None:
            type_ = self.resolve_name(node.name.removeprefix("."))
        if type_ is None and node.name == VARIABLES and self.declarations.variables is not None:
            self.report(node, "'variables' may only be used with the name of a variable, as in variables.name")
            return ERROR, node
        if type_ is None:
            self.report(node, f"undeclared reference to '{node.name}' (in container '')")
            return ERROR, node
        return type_, node

    def check_select(self, node: Select) -> tuple[Type, Node]:
        name = None if node.test else join_name(node)
        if name is not None and self.find_local(name.split(".")[0]) is None:
            type_ = self.resolve_name(name)
            if type_ is not None:
                return type_, Ident(node.id, name)
        if self.is_variables(node.operand):
            return self.check_variable(node)
        type_, operand = self.check_field(node, node.operand, node.field)
        return (BOOL if node.test else self.settle(type_)), replace(node, operand=operand)

    def is_variables(self, node: Node) -> bool:
        return (
            isinstance(node, Ident)
            and node.name == VARIABLES
            and self.declarations.variables is not None
            and self.find_local(VARIABLES) is None
        )

    def check_variable(self, node: Select) -> tuple[Type, Node]:
        assert self.declarations.variables is not None
        type_ = self.declarations.variables.get(node.field)
        if type_ is None:
            self.report(node, f"undefined field '{node.field}'")
            return ERROR, node
        variable = Ident(node.id, f"{VARIABLES}.{node.field}")
        return (BOOL, _build_presence(variable)) if node.test else (type_, variable)

    def check_field(self, node: Node, operand: Node, name: str, *, optional: bool = False) -> tuple[Type, Node]:
        type_, resolved = self.check(operand)
        target, was_optional = unwrap_optional(self.settle(type_))
        result = DYN
        if target.kind == "map":
            result = target.parameters[1]
        elif target.kind == "struct":
            declared = STRUCTS.get(target.name, {}).get(name)
            if declared is None:
                self.report(node, f"undefined field '{name}'")
            result = ERROR if declared is None else parse_type(declared)
        elif target.kind == "param":
            self.unify((DYN, target))
        elif target.kind not in ("dyn", "error"):
            self.report(node, f"type '{target}' does not support field selection")
        return (optional_of(result) if was_optional or optional else result), resolved

    # --- calls

    def check_call(self, node: Call) -> tuple[Type, Node]:
        if node.function == "_?._":
            return self.check_optional_field(node)
        self.formatting += node.function == "format"
        checked = [self.check(arg) for arg in node.args]
        self.formatting -= node.function == "format"
        types, args = [type_ for type_, _ in checked], tuple(arg for _, arg in checked)
        if node.target is None:
            return self.resolve(replace(node, args=args), types, member=False)
        qualified = join_name(node.target)
        if qualified is not None and f"{qualified}.{node.function}" in self.functions:
            return self.resolve(Call(node.id, None, f"{qualified}.{node.function}", args), types, member=False)
        if qualified is not None and node.function not in self.functions and self.is_undeclared(qualified):
            self.report(node, f"undeclared reference to '{qualified}.{node.function}' (in container '')")
            return ERROR, node
        type_, target = self.check(node.target)
        return self.resolve(replace(node, target=target, args=args), [type_, *types], member=True)

    def is_undeclared(self, name: str) -> bool:
        root = name.split(".", maxsplit=1)[0]
        return self.find_local(root) is None and self.resolve_name(root) is None and root != VARIABLES

    def check_optional_field(self, node: Call) -> tuple[Type, Node]:
        self.need(OPTIONALS_MINOR)
        operand, name = node.args
        if not isinstance(name, Const) or not isinstance(name.value, str):
            self.report(name, "unsupported optional field selection")
            return ERROR, node
        if self.is_variables(operand):
            type_, resolved = self.check_variable(Select(node.id, operand, name.value))
            return optional_of(type_), Call(node.id, None, "optional.of", (resolved,))
        type_, resolved = self.check_field(node, operand, name.value, optional=True)
        return self.settle(type_), replace(node, args=(resolved, name))

    def resolve(self, node: Call, types: list[Type], *, member: bool) -> tuple[Type, Node]:
        overloads = [one for one in self.functions.get(node.function, ()) if one.member == member]
        if node.function not in self.functions:
            self.report(node, f"undeclared reference to '{node.function}' (in container '')")
            return ERROR, node
        if node.function in ("_&&_", "_||_"):
            return self.resolve_logic(node, types)
        result: Type | None = None
        fitting = []
        for overload in overloads:
            candidate = self.match(overload, types)
            if candidate is None:
                continue
            fitting.append(overload)
            if result is None:
                result = candidate
            elif result.kind != "dyn" and candidate != result:
                result = DYN
        if result is None:
            self.report(node, self.describe_mismatch(node.function, types, member=member))
            return ERROR, node
        self.need(min(overload.minor for overload in fitting))
        return result, self.lower(node, types, fitting)

    def lower(self, node: Call, types: list[Type], fitting: list[Overload]) -> Node:
        if node.function in ("_==_", "_!=_"):
            known = tuple(self.settle(type_) == _QUANTITY for type_ in types)
            return lower_equality(node, known) if any(known) else lower_call(node, frozenset(), "")
        receivers = [overload.arguments[0] for overload in fitting if overload.arguments]
        if not receivers:
            return lower_call(node, frozenset(), "")
        element = receivers[0].parameters[0].kind if receivers[0].kind == "list" else ""
        return lower_call(node, frozenset(one.kind for one in receivers), element)

    def resolve_logic(self, node: Call, types: list[Type]) -> tuple[Type, Node]:
        for arg, type_ in zip(node.args, types, strict=True):
            if not self.unify((type_, BOOL)):
                self.report(arg, f"expected type 'bool' but found '{self.settle(type_)}'")
                return ERROR, node
        return BOOL, node

    # --- literals and comprehensions

    def check_list(self, node: ListLiteral) -> tuple[Type, Node]:
        common: Type | None = None
        elements = []
        noted: list[tuple[Node, Type]] = []
        for index, element in enumerate(node.elements):
            type_, resolved = self.check(element)
            elements.append(resolved)
            if index in node.optional:
                type_ = self.unwrap(element, type_)
            common = self.join(common, type_)
            noted.append((element, type_))
        self.note_elements(noted)
        return list_of(self.fresh() if common is None else common), replace(node, elements=tuple(elements))

    def check_map(self, node: MapLiteral) -> tuple[Type, Node]:
        keys: Type | None = None
        values: Type | None = None
        entries = []
        noted_keys: list[tuple[Node, Type]] = []
        noted_values: list[tuple[Node, Type]] = []
        for entry in node.entries:
            key_type, key = self.check(entry.key)
            keys = self.join(keys, key_type)
            noted_keys.append((entry.key, key_type))
            value_type, value = self.check(entry.value)
            if entry.optional:
                value_type = self.unwrap(entry.value, value_type)
            values = self.join(values, value_type)
            noted_values.append((entry.value, value_type))
            entries.append(Entry(entry.id, key, value, entry.optional))
        self.note_elements(noted_keys)
        self.note_elements(noted_values)
        type_ = map_of(self.fresh() if keys is None else keys, self.fresh() if values is None else values)
        return type_, replace(node, entries=tuple(entries))

    def check_comprehension(self, node: Comprehension) -> tuple[Type, Node]:
        if node.variable2:
            self.need(TWO_VARIABLES_MINOR)
        range_type, range_ = self.check(node.range)
        accumulated, initial = self.check(node.initial)
        first, second = self.iterate(node.range, self.settle(range_type), two=bool(node.variable2))
        self.scopes.append({node.accumulator: accumulated})
        self.scopes.append({node.variable: first} | ({node.variable2: second} if node.variable2 else {}))
        condition = self.check_as(node.condition, BOOL)
        step = self.check_as(node.step, accumulated)
        self.scopes.pop()
        type_, result = self.check(node.result)
        self.scopes.pop()
        resolved = replace(node, range=range_, initial=initial, condition=condition, step=step, result=result)
        return self.settle(type_), resolved

    def iterate(self, node: Node, type_: Type, *, two: bool) -> tuple[Type, Type]:
        """The types of a comprehension's variables."""
        if type_.kind == "list":
            return (INT, type_.parameters[0]) if two else (type_.parameters[0], ERROR)
        if type_.kind == "map":
            return type_.parameters[0], type_.parameters[1]
        if type_.kind in ("dyn", "error", "param"):
            self.unify((DYN, type_))
            return DYN, DYN
        self.report(
            node, f"expression of type '{type_}' cannot be range of a comprehension (must be list, map, or dynamic)"
        )
        return ERROR, ERROR

    def check_as(self, node: Node, wanted: Type) -> Node:
        type_, resolved = self.check(node)
        if not self.unify((wanted, type_)):
            self.report(node, f"expected type '{self.settle(wanted)}' but found '{self.settle(type_)}'")
        return resolved


def join_name(node: Node) -> str | None:
    """`a.b.c` where a node is names joined by dots, else None."""
    parts: list[str] = []
    while isinstance(node, Select) and not node.test:
        parts.append(node.field)
        node = node.operand
    return ".".join([node.name, *reversed(parts)]) if isinstance(node, Ident) else None
