"""Whether a policy or a binding is for a request.

Sources: k8s.io/apiserver/pkg/admission/plugin/policy/matching and the predicates in plugin/webhook/predicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tenantry.contract.model import NAMESPACE_NAME
from tenantry.policy.cel.library.marks import is_marked
from tenantry.policy.documents.model import Match, Rule, Selector
from tenantry.policy.objects.request import Request, Resource

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matched:
    """What a rule matched; `undecidable` says what would have to be known to tell."""

    resource: Resource | None = None
    undecidable: str = ""


NO_MATCH = Matched()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What matching asks of the cluster: a namespace's labels (None where it isn't known), a kind's other versions."""

    find_labels: Callable[[str], Labels | None]
    find_equivalents: Callable[[Resource], Sequence[Resource]]
    can_convert: Callable[[Resource], bool]


def read_labels(manifest: Mapping[str, object] | None) -> Labels:
    """The labels of an object."""
    metadata = (manifest or {}).get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}


def may_match(match: Match, group: str, plural: str) -> bool:
    """Whether any rule names a resource, whatever the operation, the version and the object."""
    return any(
        ({"*", group} & rule.groups) and any(named in ("*", plural) for named, _ in rule.resources)
        for rule in match.rules
    )


def match_request(match: Match, request: Request, around: Surroundings) -> Matched:
    """Which resource of the request a match takes, if any."""
    of_object = _match_object(match.object_selector, request)
    if of_object is False:
        return NO_MATCH
    in_namespace = _match_namespace(match.namespace_selector, request, around)
    if in_namespace is False:
        return NO_MATCH
    resource = _choose_resource(match, request, around)
    if resource is None:
        return NO_MATCH
    if of_object is None:
        return Matched(resource, "the object's labels, which aren't known yet")
    return Matched(resource, _name_unknown(resource, request, around, knows_namespace=in_namespace is not None))


def _choose_resource(match: Match, request: Request, around: Surroundings) -> Resource | None:
    if match.excludes and _match_rules(match.excludes, match.equivalent, request, around) is not None:
        return None
    if not match.rules:
        return request.resource
    return _match_rules(match.rules, match.equivalent, request, around)


def _name_unknown(resource: Resource, request: Request, around: Surroundings, *, knows_namespace: bool) -> str:
    """What would have to be known to tell whether, or how, a match holds."""
    if resource != request.resource and not around.can_convert(request.resource):
        return f"the object in version {resource.api_version}, which the policy names: give it in that version"
    return "" if knows_namespace else f"the labels of namespace {request.namespace}: give its Namespace document"


def _match_labels(selector: Selector, labels: Labels) -> bool | None:
    """Whether labels meet a selector; None where it hangs on what isn't known of them."""
    asked = (labels.get(one.key) for one in selector.requirements if one.operator in ("In", "NotIn"))
    return None if is_marked(labels) or any(map(is_marked, asked)) else selector.matches(labels)


def _match_object(selector: Selector, request: Request) -> bool | None:
    if not selector.requirements:
        return True
    found = [_match_labels(selector, read_labels(one)) for one in (request.object, request.old) if one is not None]
    return True if True in found else None if None in found else False


def _match_namespace(selector: Selector, request: Request, around: Surroundings) -> bool | None:
    if not selector.requirements:
        return True
    is_namespace = request.resource.is_namespace
    if is_namespace and not request.subresource and request.object is not None:
        return _match_labels(selector, read_labels(request.object))
    if not request.namespace:
        return not is_namespace
    labels = around.find_labels(request.namespace)
    if labels is not None:
        return _match_labels(selector, labels)
    if all(requirement.key == NAMESPACE_NAME for requirement in selector.requirements):
        return selector.matches({NAMESPACE_NAME: request.namespace})
    return None


def _match_rules(rules: Sequence[Rule], equivalent: bool, request: Request, around: Surroundings) -> Resource | None:
    for rule in rules:
        if _match_rule(rule, request, request.resource):
            return request.resource
    if not equivalent:
        return None
    for rule in rules:
        for other in around.find_equivalents(request.resource):
            if _match_rule(rule, request, other):
                return other
    return None


def _match_rule(rule: Rule, request: Request, resource: Resource) -> bool:
    return (
        _includes(rule.operations, request.operation)
        and _includes(rule.groups, resource.group)
        and _includes(rule.versions, resource.version)
        and any(name in ("*", resource.plural) and sub in ("*", request.subresource) for name, sub in rule.resources)
        and _match_scope(rule.scope, request, resource)
        and (not rule.names or request.name in rule.names)
    )


def _match_scope(scope: str, request: Request, resource: Resource) -> bool:
    if scope == "*":
        return True
    cluster = not request.namespace or resource.is_namespace
    return cluster == (scope == "Cluster")


def _includes(words: frozenset[str], word: str) -> bool:
    return "*" in words or word in words
