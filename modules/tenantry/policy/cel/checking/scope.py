"""What a check of an expression knows so far: names in scope, types found, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tenantry.policy.cel.checking.declarations import OPTIONALS_MINOR, Overload, declare_functions
from tenantry.policy.cel.checking.signatures import TYPE_NAMES
from tenantry.policy.cel.checking.types import (
    DYN,
    Substitutions,
    Type,
    choose_more_general,
    parse_type,
    substitute_type,
    type_of,
    unify_types,
    unwrap_optional,
)
from tenantry.policy.cel.syntax.tree import Node


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with an expression, at the node with this id."""

    node: int
    reason: str


@dataclass(frozen=True)
class Declarations:
    """The names that an expression may use, with their types, and the library's minor version."""

    names: Mapping[str, Type]
    minor: int
    variables: Mapping[str, Type] | None = None


@dataclass
class Checked:
    """What checking an expression found.

    `minor` is the version of Kubernetes 1.x whose library first has all that the expression uses; `resolved` is the
    tree with names and functions resolved.
    """

    type: Type
    resolved: Node
    minor: int
    findings: list[Finding] = field(default_factory=list)


class Scope:
    """The state of one walk over a tree.

    `elements` keeps the types within each literal, which must agree in the end.
    """

    def __init__(self, declarations: Declarations) -> None:
        self.declarations = declarations
        self.functions = declare_functions()
        self.scopes: list[dict[str, Type]] = []
        self.found: Substitutions = {}
        self.findings: list[Finding] = []
        self.minor = 0
        self.free = 0
        self.elements: list[list[tuple[Node, Type]]] = []
        self.formatting = 0

    def report(self, node: Node, reason: str) -> None:
        """Note what is wrong at a node."""
        self.findings.append(Finding(node.id, reason))

    def need(self, minor: int) -> None:
        """Note a version whose library is needed."""
        self.minor = max(self.minor, minor)

    def fresh(self) -> Type:
        """Make a type that nothing is known of yet."""
        self.free += 1
        return Type("param", f"_var{self.free}")

    def unify(self, *pairs: tuple[Type, Type]) -> bool:
        """Make pairs of types one, where they can be."""
        found = unify_types(self.found, pairs)
        if found is None:
            return False
        self.found = found
        return True

    def settle(self, type_: Type) -> Type:
        """Give a type with all that was found of it."""
        return substitute_type(self.found, type_)

    def find_local(self, name: str) -> Type | None:
        """Find a name that a comprehension around declares."""
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def resolve_name(self, name: str) -> Type | None:
        """Find a name that the policy or the language declares."""
        if name in self.declarations.names:
            return self.declarations.names[name]
        return type_of(parse_type(TYPE_NAMES[name])) if name in TYPE_NAMES else None

    def match(self, overload: Overload, types: list[Type]) -> Type | None:
        """The result's type, where the arguments fit."""
        if len(types) != len(overload.arguments):
            return None
        fresh = {parameter: self.fresh() for parameter in overload.parameters}
        arguments = [substitute_type(fresh, argument) for argument in overload.arguments]
        if not self.unify(*zip(types, arguments, strict=True)):
            return None
        return self.settle(substitute_type(fresh, overload.result))

    def describe_mismatch(self, function: str, types: list[Type], *, member: bool) -> str:
        """Say that no overload takes these types."""
        shown = [str(substitute_type(self.found, type_, free_is_dyn=True)) for type_ in types]
        applied = f"{shown[0]}.({', '.join(shown[1:])})" if member else f"({', '.join(shown)})"
        return f"found no matching overload for '{function}' applied to '{applied}'"

    def join(self, previous: Type | None, current: Type) -> Type:
        """Give the type of elements so far with one more."""
        if previous is None:
            return current
        # What doesn't agree is dynamic here, and refused in the end.
        return choose_more_general(previous, current) if self.unify((previous, current)) else DYN

    def note_elements(self, elements: list[tuple[Node, Type]]) -> None:
        """Keep the types of a literal's elements, to be compared in the end."""
        if not self.formatting:
            self.elements.append(elements)

    def compare_elements(self) -> None:
        """Refuse literals of which the elements differ in type, as the API server does since Kubernetes 1.29."""
        for elements in self.elements:
            types = [substitute_type(self.found, type_, free_is_dyn=True) for _, type_ in elements]
            for (node, _), type_ in zip(elements, types, strict=True):
                if type_ != types[0]:
                    self.report(node, f"expected type '{types[0]}' but found '{type_}'")
                    break

    def unwrap(self, node: Node, type_: Type) -> Type:
        """The type that an entry written with a question mark adds."""
        self.need(OPTIONALS_MINOR)
        inner, was_optional = unwrap_optional(self.settle(type_))
        if not was_optional and inner.kind != "dyn":
            self.report(node, f"expected type 'optional_type({inner})' but found '{inner}'")
        return inner
