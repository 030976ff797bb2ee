"""What policies and bindings match, from their documents. Source: as read.py."""

from __future__ import annotations

from collections.abc import Sequence

from tenantry.policy.cel.library.text import check_label_value, check_qualified_name
from tenantry.policy.documents.model import Manifest, Match, Requirement, Rule, Selector
from tenantry.policy.documents.reader import Reader

_OPERATIONS = ("*", "CREATE", "UPDATE", "DELETE", "CONNECT")


def read_selector(reader: Reader, data: object, path: str) -> Selector:
    """A label selector; null and absent take all."""
    if not isinstance(data, dict):
        if data is not None:
            reader.report(path, "must be a mapping")
        return Selector()
    reader.refuse_unknown(data, path, "matchLabels matchExpressions")
    requirements = []
    for key, value in reader.take(data, path, "matchLabels", dict, {}).items():
        if not isinstance(value, str) or check_label_value(value):
            reader.report(f"{path}.matchLabels[{key}]", "must be a valid label's value")
        requirements.append(Requirement(key, "In", frozenset({str(value)})))
    for where, item in reader.take_items(data, path, "matchExpressions"):
        requirements.append(_read_requirement(reader, item, where))
    for requirement in requirements:
        if check_qualified_name(requirement.key):
            reader.report(path, f"has {requirement.key!r}, which isn't a valid label")
    return Selector(tuple(requirements))


def _read_requirement(reader: Reader, data: Manifest, path: str) -> Requirement:
    reader.refuse_unknown(data, path, "key operator values")
    operator = reader.take_choice(data, path, "operator", ("In", "NotIn", "Exists", "DoesNotExist"))
    values = reader.take_texts(data, path, "values")
    if operator in ("In", "NotIn") and not values:
        reader.report(f"{path}.values", "must be given where operator is In or NotIn")
    if operator in ("Exists", "DoesNotExist") and values:
        reader.report(f"{path}.values", "may not be given where operator is Exists or DoesNotExist")
    return Requirement(reader.take_text(data, path, "key", required=True), operator, frozenset(values))


def _check_wildcard(reader: Reader, words: Sequence[str], path: str) -> None:
    if not words:
        reader.report(path, "is required")
    elif len(words) > 1 and "*" in words:
        reader.report(path, "must not name others beside '*'")


def _read_rule(reader: Reader, data: Manifest, path: str) -> Rule:
    reader.refuse_unknown(data, path, "apiGroups apiVersions operations resources scope resourceNames")
    groups = reader.take_texts(data, path, "apiGroups")
    versions = reader.take_texts(data, path, "apiVersions")
    operations = reader.take_texts(data, path, "operations")
    resources = reader.take_texts(data, path, "resources")
    for words, key in ((groups, "apiGroups"), (versions, "apiVersions"), (operations, "operations")):
        _check_wildcard(reader, words, f"{path}.{key}")
    if "" in versions:
        reader.report(f"{path}.apiVersions", "must not have an empty one")
    for word in operations:
        if word not in _OPERATIONS:
            reader.report(f"{path}.operations", f"must be of {', '.join(_OPERATIONS)}, not {word}")
    _check_resources(reader, resources, f"{path}.resources")
    pairs = tuple((name, sub) for name, _, sub in (resource.partition("/") for resource in resources))
    return Rule(
        frozenset(groups),
        frozenset(versions),
        pairs,
        frozenset(operations),
        reader.take_choice(data, path, "scope", ("*", "Cluster", "Namespaced")),
        frozenset(reader.take_texts(data, path, "resourceNames")),
    )


def _check_resources(reader: Reader, resources: Sequence[str], path: str) -> None:
    if not resources or "" in resources:
        reader.report(path, "is required")
    if "*/*" in resources and len(resources) > 1:
        reader.report(path, "must not name others beside '*/*'")
    # A server looks at the last one that has no subresource, and takes `[pods, "*"]`.
    whole = [resource for resource in resources if "/" not in resource and resource]
    if "*" in whole and whole[-1] != "*":
        reader.report(path, "must not name others without subresources beside '*'")
    covered: set[str] = set()
    for resource in resources:
        name, slash, sub = resource.partition("/")
        if slash and {f"{name}/*", f"*/{sub}"} & covered:
            reader.report(path, f"must not name {resource} beside what covers it")
        if slash and "*" in (name, sub):
            covered.add(resource)


def read_match(reader: Reader, data: Manifest, path: str) -> Match:
    """What a policy or a binding is for."""
    known = "resourceRules excludeResourceRules matchPolicy namespaceSelector objectSelector"
    reader.refuse_unknown(data, path, known)
    return Match(
        tuple(_read_rule(reader, item, where) for where, item in reader.take_items(data, path, "resourceRules")),
        tuple(_read_rule(reader, item, where) for where, item in reader.take_items(data, path, "excludeResourceRules")),
        reader.take_choice(data, path, "matchPolicy", ("Equivalent", "Exact")) == "Equivalent",
        read_selector(reader, data.get("namespaceSelector"), f"{path}.namespaceSelector"),
        read_selector(reader, data.get("objectSelector"), f"{path}.objectSelector"),
    )
