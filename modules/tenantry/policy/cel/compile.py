"""An expression from its text: parsed, checked as the API server checks it, and ready to be planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tenantry.policy.cel.checking.check import VARIABLES, check_tree
from tenantry.policy.cel.checking.cost import PER_CALL_LIMIT, estimate_cost
from tenantry.policy.cel.checking.scope import Checked, Declarations, Finding
from tenantry.policy.cel.checking.types import Type
from tenantry.policy.cel.engine import Failure, plain_engine, run_program
from tenantry.policy.cel.library.formatting import split_format
from tenantry.policy.cel.library.text import compile_pattern
from tenantry.policy.cel.syntax.parse import ExpressionError, Parsed, allow_deep_recursion, parse_expression
from tenantry.policy.cel.syntax.tree import Call, Const, Ident, ListLiteral, Node, iterate_nodes
from tenantry.policy.cel.syntax.wire import encode_parsed


@dataclass(frozen=True)
class Compiled:
    """An expression that the API server would take.

    `minor` is that of the library it needs; `uses` are the variables that it names, without those that they name.
    """

    text: str
    type: Type
    minor: int
    node: Node
    uses: frozenset[str]


def compile_expression(
    text: str, declarations: Declarations, results: Iterable[Type] | None = None
) -> Compiled | tuple[ExpressionError, ...]:
    """A checked expression, or all that is wrong with it.

    Args:
        text: The expression.
        declarations: The names that it may use, and the minor version of the library.
        results: The types that it may give; None allows any.
    """
    parsed = parse_expression(text)
    if parsed.node is None:
        return parsed.errors
    try:
        with allow_deep_recursion():
            return _check(parsed, parsed.node, declarations, None if results is None else tuple(results))
    except RecursionError:
        return (ExpressionError("the expression is nested too deep"),)


def _check(
    parsed: Parsed, node: Node, declarations: Declarations, results: tuple[Type, ...] | None
) -> Compiled | tuple[ExpressionError, ...]:
    checked = check_tree(node, declarations)
    findings = checked.findings or [*_check_literals(checked.resolved)]
    if findings:
        return tuple(dict.fromkeys(_place(parsed, finding) for finding in findings))
    problem = _check_result(checked, results) or _check_minor(checked, declarations) or _check_cost(checked)
    if problem is not None:
        return (ExpressionError(problem),)
    prefix = f"{VARIABLES}."
    names = {found.name for found in iterate_nodes(checked.resolved) if isinstance(found, Ident)}
    uses = frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return Compiled(parsed.text, checked.type, checked.minor, checked.resolved, uses)


def _place(parsed: Parsed, finding: Finding) -> ExpressionError:
    place = parsed.locate(finding.node)
    return ExpressionError(finding.reason, place.line, place.column)


def _check_result(checked: Checked, results: tuple[Type, ...] | None) -> str | None:
    if results is None or checked.type in results:
        return None
    if len(results) == 1:
        return f"must evaluate to {results[0]} but got {checked.type}"
    return f"must evaluate to one of [{' '.join(str(result) for result in results)}] but got {checked.type}"


def _check_minor(checked: Checked, declarations: Declarations) -> str | None:
    if checked.minor <= declarations.minor:
        return None
    # A server takes into new policies what its predecessor knew too, so that it can be rolled back.
    return (
        f"needs Kubernetes 1.{checked.minor + 1}: what it uses came with 1.{checked.minor}, and new policies may use "
        f"it one version later"
    )


def _check_cost(checked: Checked) -> str | None:
    cost = estimate_cost(checked.resolved)
    if cost <= PER_CALL_LIMIT:
        return None
    return f"costs at least {cost:,} units, above the API server's limit of {PER_CALL_LIMIT:,} for one evaluation"


# --- literals that can't be right, which the API server finds when a policy is created

_PATTERNS = {"matchesText": "matches", "find": "find", "findAll": "findAll"}
# What the API server computes beforehand where the argument is a literal.
_CONVERSIONS = frozenset({"bool", "bytes", "double", "duration", "int", "string", "timestamp", "uint"})


def _check_literals(node: Node) -> Iterator[Finding]:
    for call in iterate_nodes(node):
        if not isinstance(call, Call):
            continue
        if call.function in _PATTERNS:
            yield from _check_pattern(call)
        elif call.function in _CONVERSIONS and call.target is None:
            yield from _check_conversion(call)
        elif call.function == "formatText":
            yield from _check_format(call)


def _check_pattern(call: Call) -> Iterator[Finding]:
    pattern = call.args[1] if call.target is None else call.args[0]
    if isinstance(pattern, Const) and isinstance(pattern.value, str):
        try:
            compile_pattern(pattern.value)
        except ValueError as error:
            yield Finding(pattern.id, f"invalid {_PATTERNS[call.function]} argument: {error}")


def _is_constant(node: Node) -> bool:
    converts = isinstance(node, Call) and node.function in _CONVERSIONS and node.target is None
    return isinstance(node, Const) or (converts and isinstance(node, Call) and all(map(_is_constant, node.args)))


def _check_conversion(call: Call) -> Iterator[Finding]:
    if not _is_constant(call):
        return
    engine = plain_engine()
    result = run_program(engine.plan(encode_parsed(call)), engine.activate({}))
    if isinstance(result, Failure):
        yield Finding(call.args[0].id, f"invalid {call.function} argument")


def _check_format(call: Call) -> Iterator[Finding]:
    text, values = call.args
    if not isinstance(text, Const) or not isinstance(text.value, str):
        return
    try:
        clauses = split_format(text.value)[:-1]
    except ValueError as error:
        yield Finding(text.id, str(error))
        return
    if isinstance(values, ListLiteral):
        given, wanted = len(values.elements), len(clauses)
        if given > wanted:
            what = f"too many arguments supplied to string.format (expected {wanted}, got {given})"
            yield Finding(values.id, what)
        for (_, _, letter), value in zip(clauses, values.elements, strict=False):
            if isinstance(value, Const) and value.kind not in _TAKES[letter]:
                yield Finding(value.id, f"error during formatting: %{letter} can't be used on a {value.kind}")
        if given < wanted:
            yield Finding(text.id, f"index {given} out of range")


_TAKES = {
    "s": frozenset({"string", "bool", "bytes", "int", "uint", "double", "null"}),
    "d": frozenset({"int", "uint"}),
    "f": frozenset({"double"}),
    "e": frozenset({"double"}),
    "b": frozenset({"int", "uint", "bool"}),
    "x": frozenset({"int", "uint", "string", "bytes"}),
    "X": frozenset({"int", "uint", "string", "bytes"}),
    "o": frozenset({"int", "uint"}),
}
