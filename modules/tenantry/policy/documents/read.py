"""Policies and bindings from their documents, refused as the API server refuses them: all that is wrong at once.

Source: pkg/apis/admissionregistration/validation/validation.go and the defaults of pkg/apis/admissionregistration/v1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tenantry.policy.cel.library.text import check_qualified_name, check_subdomain
from tenantry.policy.documents.matching import read_match, read_selector
from tenantry.policy.documents.model import Binding, Manifest, Named, ParamKind, ParamRef, Policy, Source, Validation
from tenantry.policy.documents.reader import Reader
from tenantry.problems import Problem

API_VERSION = "admissionregistration.k8s.io/v1"
POLICY_KIND, BINDING_KIND = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED = frozenset(
    {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"}
    | {"let", "loop", "package", "namespace", "return", "var", "void", "while"}
)
_MOST_CONDITIONS, _MOST_ANNOTATIONS, _LONGEST_ANNOTATION = 64, 20, 5 * 1024


def _read_named(reader: Reader, data: Manifest, path: str, key: str, keys: tuple[str, str]) -> tuple[Named, ...]:
    named = []
    for where, item in reader.take_items(data, path, key):
        reader.refuse_unknown(item, where, " ".join(keys))
        name, text = (reader.take_text(item, where, part, required=True) for part in keys)
        named.append(Named(name, text))
    return tuple(named)


def _refuse_doubles(reader: Reader, named: Sequence[Named], path: str) -> None:
    names = [one.name for one in named]
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.report(path, f"has {name} twice", "give each a name of its own")


def _read_validation(reader: Reader, data: Manifest, path: str) -> Validation:
    reader.refuse_unknown(data, path, "expression message messageExpression reason")
    message = reader.take_text(data, path, "message")
    expression = reader.take_text(data, path, "messageExpression")
    if message and not message.strip():
        reader.report(f"{path}.message", "must not be blank")
    if "\n" in message.strip() or "\r" in message.strip():
        reader.report(f"{path}.message", "must not contain line breaks")
    if expression and not expression.strip():
        reader.report(f"{path}.messageExpression", "must not be blank")
    reason = reader.take_text(data, path, "reason") or "Invalid"
    if reason not in _REASONS:
        reader.report(f"{path}.reason", f"must be one of {', '.join(_REASONS)}, not {reason}")
    return Validation(reader.take_text(data, path, "expression", required=True), message, expression, reason)


def _read_param_kind(reader: Reader, spec: Manifest) -> ParamKind | None:
    data = reader.take(spec, "spec", "paramKind", dict, {})
    if not data:
        return None
    reader.refuse_unknown(data, "spec.paramKind", "apiVersion kind")
    version, kind = (reader.take_text(data, "spec.paramKind", key, required=True) for key in ("apiVersion", "kind"))
    return ParamKind(version, kind)


def read_policy(document: Manifest, source: Source) -> Policy | list[Problem]:
    """A policy, or all that is wrong with its document but its expressions."""
    reader = _start(document, source, POLICY_KIND)
    spec = reader.take(document, "", "spec", dict, {})
    known = "auditAnnotations failurePolicy matchConditions matchConstraints paramKind validations variables"
    reader.refuse_unknown(spec, "spec", known)
    constraints = reader.take(spec, "spec", "matchConstraints", dict, {})
    match = read_match(reader, constraints, "spec.matchConstraints")
    if not match.rules:
        reader.report("spec.matchConstraints.resourceRules", "is required")
    conditions = _read_named(reader, spec, "spec", "matchConditions", ("name", "expression"))
    variables = _read_named(reader, spec, "spec", "variables", ("name", "expression"))
    annotations = _read_named(reader, spec, "spec", "auditAnnotations", ("key", "valueExpression"))
    rules = tuple(
        _read_validation(reader, item, where) for where, item in reader.take_items(spec, "spec", "validations")
    )
    _check_policy(reader, conditions, variables, annotations, bool(rules))
    ignore = reader.take_choice(spec, "spec", "failurePolicy", ("Fail", "Ignore")) == "Ignore"
    param_kind = _read_param_kind(reader, spec)
    if reader.problems:
        return reader.problems
    metadata = document["metadata"]
    shown = {str(key): str(value) for key, value in (metadata.get("annotations") or {}).items()}
    return Policy(metadata["name"], match, conditions, variables, rules, annotations, ignore, param_kind, shown, source)


def _check_policy(
    reader: Reader, conditions: Sequence[Named], variables: Sequence[Named], annotations: Sequence[Named], checks: bool
) -> None:
    if not checks and not annotations:
        reader.report("spec", "must have validations or auditAnnotations")
    _check_conditions(reader, conditions)
    _check_annotations(reader, annotations)
    for variable in variables:
        if variable.name and (not _IDENTIFIER.fullmatch(variable.name) or variable.name in _RESERVED):
            reader.report("spec.variables", f"has {variable.name}, which isn't a CEL identifier")


def _check_conditions(reader: Reader, conditions: Sequence[Named]) -> None:
    _refuse_doubles(reader, conditions, "spec.matchConditions")
    for condition in conditions:
        if condition.name and check_qualified_name(condition.name):
            reader.report("spec.matchConditions", f"has {condition.name}, which isn't a valid name")
    if len(conditions) > _MOST_CONDITIONS:
        reader.report("spec.matchConditions", f"has more than {_MOST_CONDITIONS}")


def _check_annotations(reader: Reader, annotations: Sequence[Named]) -> None:
    if len(annotations) > _MOST_ANNOTATIONS:
        reader.report("spec.auditAnnotations", f"has more than {_MOST_ANNOTATIONS}")
    _refuse_doubles(reader, annotations, "spec.auditAnnotations")
    for annotation in annotations:
        if check_qualified_name(f"{reader.name}/{annotation.name}"):
            reader.report("spec.auditAnnotations", f"has {annotation.name}, which isn't a valid key")
        if len(annotation.expression.encode()) > _LONGEST_ANNOTATION:
            reader.report("spec.auditAnnotations", f"has {annotation.name}, which is longer than 5 KiB")


def _start(document: Manifest, source: Source, kind: str) -> Reader:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    shown = name if isinstance(name, str) and name else f"a {kind}"
    reader = Reader(shown, source)
    if not isinstance(name, str) or not name:
        reader.report("metadata.name", "is required", "name it")
    elif check_subdomain(name):
        reader.report("metadata.name", "isn't a valid name")
    reader.refuse_unknown(document, "document", "apiVersion kind metadata spec status")
    return reader


def _read_param_ref(reader: Reader, spec: Manifest) -> ParamRef | None:
    data, path = reader.take(spec, "spec", "paramRef", dict, {}), "spec.paramRef"
    if not data:
        return None
    reader.refuse_unknown(data, path, "name namespace selector parameterNotFoundAction")
    name = reader.take_text(data, path, "name")
    has_selector = isinstance(data.get("selector"), dict)
    if bool(name) == has_selector:
        reader.report(path, "must have either name or selector")
    action = reader.take_text(data, path, "parameterNotFoundAction")
    if action not in ("Allow", "Deny"):
        reader.report(f"{path}.parameterNotFoundAction", "must be Allow or Deny")
    selector = read_selector(reader, data["selector"], f"{path}.selector") if has_selector else None
    return ParamRef(name, reader.take_text(data, path, "namespace"), selector, action == "Deny")


def read_binding(document: Manifest, source: Source) -> Binding | list[Problem]:
    """A binding, or all that is wrong with its document."""
    reader = _start(document, source, BINDING_KIND)
    spec = reader.take(document, "", "spec", dict, {})
    reader.refuse_unknown(spec, "spec", "matchResources paramRef policyName validationActions")
    policy = reader.take_text(spec, "spec", "policyName", required=True)
    actions = reader.take_texts(spec, "spec", "validationActions")
    if not actions:
        reader.report("spec.validationActions", "is required")
    for action in actions:
        if action not in ("Deny", "Warn", "Audit"):
            reader.report("spec.validationActions", f"must be of Deny, Warn, Audit, not {action}")
    if len(set(actions)) < len(actions):
        reader.report("spec.validationActions", "names one twice")
    if {"Deny", "Warn"} <= set(actions):
        reader.report("spec.validationActions", "must not have both Deny and Warn")
    resources = reader.take(spec, "spec", "matchResources", dict, {})
    match = None if spec.get("matchResources") is None else read_match(reader, resources, "spec.matchResources")
    param_ref = _read_param_ref(reader, spec)
    if reader.problems:
        return reader.problems
    return Binding(document["metadata"]["name"], policy, actions, match, param_ref, source)


READERS: dict[str, Callable[[Manifest, Source], Policy | Binding | list[Problem]]] = {
    POLICY_KIND: read_policy,
    BINDING_KIND: read_binding,
}
