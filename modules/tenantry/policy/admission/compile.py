"""A policy's expressions, checked and turned into programs.

Nothing of this is needed, nor imported, where the programs are kept from an earlier run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tenantry.policy.admission.join import bind_variables, join_checks
from tenantry.policy.admission.programs import Expression, Programs
from tenantry.policy.cel.checking.declarations import FIRST_MINOR
from tenantry.policy.cel.checking.scope import Declarations
from tenantry.policy.cel.checking.types import BOOL, DYN, NULL, STRING, Type, parse_type
from tenantry.policy.cel.compile import Compiled, compile_expression
from tenantry.policy.cel.reads import list_reads
from tenantry.policy.cel.syntax.macros import map_children
from tenantry.policy.cel.syntax.tree import Call, Const, Ident, Node, Select, iterate_nodes
from tenantry.policy.cel.syntax.wire import encode_parsed
from tenantry.policy.cel.unknowns import guard_unknowns
from tenantry.policy.documents.model import Policy
from tenantry.policy.objects.allocated import ALLOCATED_FIELDS
from tenantry.problems import Problem, problem

_BASE: dict[str, Type] = {
    "object": DYN,
    "oldObject": DYN,
    "request": parse_type("kubernetes.AdmissionRequest"),
    # By itself, since who asks may not be known while the rest of the request is.
    "request.userInfo": parse_type("kubernetes.UserInfo"),
    "namespaceObject": parse_type("kubernetes.Namespace"),
}
_AUTHORIZER = {
    "authorizer": parse_type("kubernetes.authorization.Authorizer"),
    "authorizer.requestResource": parse_type("kubernetes.authorization.ResourceCheck"),
}

# Kubernetes 1.30 was the first with policies in `admissionregistration.k8s.io/v1`.
_FIRST_SERVER = 30


@dataclass(frozen=True, slots=True)
class _Place:
    """Where expressions stand in a policy, and what they may give."""

    path: str
    key: str
    results: tuple[Type, ...]


_CONDITIONS = _Place("matchConditions", "expression", (BOOL,))
_VALIDATIONS = _Place("validations", "expression", (BOOL,))
_ANNOTATIONS = _Place("auditAnnotations", "valueExpression", (STRING, NULL))


@dataclass
class _Compiler:
    policy: Policy
    minor: int
    problems: list[Problem]
    needs: int = 0

    def compile(
        self, text: str, path: str, declarations: Declarations, results: Iterable[Type] | None = None
    ) -> Compiled | None:
        compiled = compile_expression(text, declarations, results)
        if isinstance(compiled, Compiled):
            self.needs = max(self.needs, compiled.minor)
            return compiled
        for error in compiled:
            what = f"{self.policy.name}: spec.{path} at {error.line}:{error.column}: {error.reason}"
            source = self.policy.source
            fix = "mend the expression, which the API server would refuse"
            self.problems.append(problem("TEN-601", what, fix, file=source.file, line=source.line, column=1))
        return None

    def compile_all(self, texts: Sequence[str], place: _Place, names: Declarations) -> list[Compiled]:
        found = [
            self.compile(text, f"{place.path}[{index}].{place.key}", names, place.results)
            for index, text in enumerate(texts)
        ]
        return [one for one in found if one is not None]

    def declare(self, *, authorizer: bool, variables: Mapping[str, Type] | None) -> Declarations:
        names = dict(_BASE)
        if authorizer:
            names |= _AUTHORIZER
        if self.policy.param_kind is not None:
            names["params"] = DYN
        return Declarations(names, self.minor, variables)

    def compile_variables(self) -> dict[str, Compiled | None]:
        """In order: each may use those before it."""
        compiled: dict[str, Compiled | None] = {}
        types: dict[str, Type] = {}
        for index, variable in enumerate(self.policy.variables):
            declarations = self.declare(authorizer=True, variables=types)
            path = f"variables[{index}].expression"
            result = self.compile(variable.expression, path, declarations)
            compiled[variable.name] = result
            types[variable.name] = DYN if result is None else _erase_type(result.type)
        self.types = types
        return compiled


def _erase_type(type_: Type) -> Type:
    """A variable's type as later expressions see it: opaque ones and structs are dynamic."""
    if type_.kind in ("struct", "opaque", "type"):
        return DYN
    return Type(type_.kind, type_.name, tuple(map(_erase_type, type_.parameters)))


def _blank_namespace(node: Node) -> Node:
    """Match conditions see no namespace, whatever it is."""
    if node == Ident(node.id, "namespaceObject"):
        return Const(node.id, "null", None)
    return map_children(node, _blank_namespace)


def _build_all_well(
    conditions: Sequence[Compiled], validations: Sequence[Compiled], variables: Mapping[str, Compiled | None]
) -> Expression:
    checks = join_checks([validation.node for validation in validations])
    always = Const(0, "bool", True)
    whole = Call(0, None, "_?_:_", (join_checks([_blank_namespace(one.node) for one in conditions]), checks, always))
    uses = {name for validation in validations for name in validation.uses}
    node = bind_variables(whole, uses, variables)
    return Expression("", node)


def _is_allocated(node: Node) -> bool:
    """Whether a node is, or may be, the name of something that only a server fills in."""
    if isinstance(node, Select):
        return node.field in ALLOCATED_FIELDS
    return isinstance(node, Const) and node.kind == "string" and node.value in ALLOCATED_FIELDS


def guard_programs(programs: Programs) -> Programs:
    """The programs for objects of which parts aren't known yet."""

    def guard(expression: Expression) -> Expression:
        return Expression(expression.text, guard_unknowns(expression.node))

    return replace(
        programs,
        conditions=tuple(map(guard, programs.conditions)),
        validations=tuple(map(guard, programs.validations)),
        messages=tuple(None if one is None else guard(one) for one in programs.messages),
        annotations=tuple(map(guard, programs.annotations)),
        all_well=guard(programs.all_well),
    )


def compile_condition(text: str) -> bytes:
    """The program of a match condition of tenantry's own making, which every API server that has policies takes."""
    compiled = compile_expression(text, Declarations(_BASE, _FIRST_SERVER - 1), [BOOL])
    assert isinstance(compiled, Compiled), compiled
    return encode_parsed(_blank_namespace(compiled.node))


def compile_policy(policy: Policy, kubernetes: int) -> Programs | list[Problem]:
    """The programs of a policy, or all that an API server of minor version `kubernetes` would refuse.

    A server takes into new policies what its predecessor's library has, so that it can be rolled back.
    """
    compiler = _Compiler(policy, kubernetes - 1, [])
    variables = compiler.compile_variables()
    plain = compiler.declare(authorizer=True, variables=None)
    full = compiler.declare(authorizer=True, variables=compiler.types)
    for_messages = compiler.declare(authorizer=False, variables=compiler.types)

    conditions = compiler.compile_all([one.expression for one in policy.conditions], _CONDITIONS, plain)
    validations = compiler.compile_all([one.expression for one in policy.validations], _VALIDATIONS, full)
    annotations = compiler.compile_all([one.expression for one in policy.audit_annotations], _ANNOTATIONS, full)
    messages = [
        compiler.compile(one.message_expression, f"validations[{index}].messageExpression", for_messages, [STRING])
        if one.message_expression
        else None
        for index, one in enumerate(policy.validations)
    ]
    if compiler.problems:
        return compiler.problems

    def finish(compiled: Compiled) -> Expression:
        node = bind_variables(compiled.node, compiled.uses, variables)
        return Expression(compiled.text, node)

    blanked = [Expression(one.text, _blank_namespace(one.node)) for one in conditions]
    finished = [finish(one) for one in (*validations, *annotations)]
    count = len(validations)
    all_well = _build_all_well(conditions, validations, variables)
    message_programs = tuple(None if one is None else finish(one) for one in messages)
    used = (*blanked, *finished, *(one for one in message_programs if one is not None))
    return Programs(
        max(FIRST_MINOR, compiler.needs) + 1,
        tuple(blanked),
        tuple(finished[:count]),
        message_programs,
        tuple(finished[count:]),
        all_well,
        frozenset(node.name for one in used for node in iterate_nodes(one.node) if isinstance(node, Ident)),
        tuple(sorted({read for one in used for read in list_reads(one.node, "namespaceObject")})),
        any(_is_allocated(node) for one in used for node in iterate_nodes(one.node)),
    )
