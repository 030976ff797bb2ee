"""Judging: every policy with its bindings on every request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cel_expr_python import cel

from tenantry.policy.admission.cluster import Cluster, collect_params, read_metadata
from tenantry.policy.admission.evaluate import Decision, Evaluator, Outcome
from tenantry.policy.admission.match import Matched, Surroundings, match_request
from tenantry.policy.admission.model import Binding, Manifest, Match, Policy
from tenantry.policy.admission.prepare import Prepared, iterate_subjects
from tenantry.policy.admission.programs import Programs
from tenantry.policy.admission.request import Request, Resource, build_request_value, build_user_value
from tenantry.policy.admission.verdict import Finding, Judgement, ObjectName, Verdict
from tenantry.policy.cel.engine import Engine
from tenantry.policy.cel.library.authorization import Grant, build_authorizer, build_resource_check

# The API server asks no policy about these: a policy could lock everyone out.
_EXEMPT_GROUP = "admissionregistration.k8s.io"
_EXEMPT_KINDS = frozenset(
    {
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
    }
)
_REVIEWS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})
SERVER = "kubernetes"
"""The name under which findings of the API server's own checks go."""


@dataclass(frozen=True, slots=True)
class BoundPolicy:
    """A policy with its programs and its bindings."""

    policy: Policy
    programs: Programs
    bindings: tuple[Binding, ...]


class Judge:
    """Holds what is worth keeping between requests: planned programs, and which policies are for which kinds."""

    def __init__(
        self, policies: Sequence[BoundPolicy], cluster: Cluster, grants: Sequence[Grant] | None = None
    ) -> None:
        self._cluster = cluster
        self._around = cluster.surround()
        self._engine = Engine(grants)
        self._policies = [(one, _Lazy(one, self._engine)) for one in policies if one.bindings]
        self._candidates: dict[tuple[str, str], list[tuple[BoundPolicy, _Lazy]]] = {}
        self._names = frozenset(name for one in policies for name in one.programs.names)
        self._templates = any(one.policy.judges_templates for one in policies)

    def judge(self, prepared: Prepared) -> Judgement:
        """All that the policies say of one request."""
        request = prepared.request
        findings = list(_report_server(prepared))
        annotations: list[tuple[str, str]] = []
        judged = 0
        if not prepared.refused and not _is_exempt(request.resource):
            for subject in iterate_subjects(request, self._cluster, templates=self._templates):
                judged += self._judge_subject(subject, findings, annotations)
        metadata = read_metadata(request.shown)
        name = str(metadata.get("name") or metadata.get("generateName") or "")
        namespace = str(metadata.get("namespace") or "")
        subject_name = ObjectName(request.resource.api_version, request.resource.kind, namespace, name)
        return Judgement(
            subject_name, request.source, request.operation, tuple(findings), judged, tuple(dict.fromkeys(annotations))
        )

    def _judge_subject(self, request: Request, findings: list[Finding], annotations: list[tuple[str, str]]) -> int:
        run = _Run(request, self._cluster, self._around, self._engine, self._names)
        count = 0
        for bound, lazy in self._find_candidates(request.resource):
            if request.path and not bound.policy.judges_templates:
                continue
            matched = match_request(bound.policy.match, request, self._around)
            if matched.resource is None:
                continue
            count += 1
            run.judge_policy(bound, lazy, matched, findings, annotations)
        return count

    def _find_candidates(self, resource: Resource) -> list[tuple[BoundPolicy, _Lazy]]:
        """The policies that name a resource at all, by any of its names."""
        key = (resource.api_version, resource.kind)
        found = self._candidates.get(key)
        if found is None:
            names = [resource, *self._around.find_equivalents(resource)]
            found = [pair for pair in self._policies if any(_may_match(pair[0].policy.match, one) for one in names)]
            self._candidates[key] = found
        return found


def _may_match(match: Match, resource: Resource) -> bool:
    return any(
        ({"*", resource.group} & rule.groups) and any(plural in ("*", resource.plural) for plural, _ in rule.resources)
        for rule in match.rules
    )


def _is_exempt(resource: Resource) -> bool:
    if resource.group == _EXEMPT_GROUP:
        return resource.kind in _EXEMPT_KINDS
    return resource.group in _REVIEWS and resource.kind.endswith("Review")


def _report_server(prepared: Prepared) -> Iterator[Finding]:
    for path, reason in prepared.refused:
        message = f"the API server refuses it: {path or 'the object'} {reason}"
        yield Finding(SERVER, "", Verdict.DENY, message, reason="BadRequest", path=path)
    for path in prepared.dropped:
        message = f"the API server doesn't know {path}: it drops it, or refuses the object under strict validation"
        yield Finding(SERVER, "", Verdict.WARN, message, path=path)


class _Lazy:
    """A policy's evaluator, made when it's first needed."""

    __slots__ = ("_bound", "_engine", "_made")

    def __init__(self, bound: BoundPolicy, engine: Engine) -> None:
        self._bound, self._engine = bound, engine
        self._made: Evaluator | None = None

    def get(self) -> Evaluator:
        if self._made is None:
            self._made = Evaluator(self._bound.policy, self._bound.programs, self._engine)
        return self._made


@dataclass
class _Run:
    """One request on its way through the policies."""

    request: Request
    cluster: Cluster
    around: Surroundings
    engine: Engine
    names: frozenset[str]
    activations: dict[tuple[int, str], cel.Activation] = field(default_factory=dict)

    def judge_policy(
        self,
        bound: BoundPolicy,
        lazy: _Lazy,
        matched: Matched,
        findings: list[Finding],
        annotations: list[tuple[str, str]],
    ) -> None:
        outcomes: dict[int, Outcome] = {}
        for binding in bound.bindings:
            binds = Matched(self.request.resource)
            if binding.match is not None:
                binds = match_request(binding.match, self.request, self.around)
            if binds.resource is None:
                continue
            params = collect_params(self.cluster, bound.policy, binding, self.request.namespace)
            unknown = matched.undecidable or binds.undecidable or params.undecidable
            if unknown:
                findings.append(_find_undecidable(bound.policy, binding, self.request, unknown))
                continue
            if params.error:
                findings.extend(_report_misconfigured(bound.policy, binding, self.request, params.error))
            for value in params.values:
                outcome = outcomes.get(id(value))
                if outcome is None:
                    assert matched.resource is not None
                    outcome = lazy.get().evaluate(self._activate(matched.resource, value))
                    outcomes[id(value)] = outcome
                for decision in outcome.decisions:
                    findings.append(_find(bound.policy, binding, self.request, decision, value))
                annotations.extend((f"{bound.policy.name}/{key}", text) for key, text in outcome.annotations)

    def _activate(self, matched: Resource, params: Manifest | None) -> cel.Activation:
        key = (id(params), matched.api_version)
        found = self.activations.get(key)
        if found is None:
            found = self.activations[key] = self.engine.activate(self._bind_names(matched, params))
        return found

    def _bind_names(self, matched: Resource, params: Manifest | None) -> Mapping[str, Any]:
        """What expressions see. A name that isn't bound is one that isn't known: to read it is undecidable."""
        request = self.request
        bound: dict[str, Any] = {
            "object": _show_as(request.object, request.resource, matched),
            "oldObject": _show_as(request.old, request.resource, matched),
            "params": params,
        }
        if self.names & {"request", "request.userInfo"}:
            bound["request"] = build_request_value(request, matched)
        if "namespaceObject" in self.names:
            bound |= self._bind_namespace()
        if request.subject is not None:
            bound["request.userInfo"] = build_user_value(request.subject)
            bound["authorizer"] = build_authorizer(request.subject)
            rest = {"subresource": request.subresource, "namespace": request.namespace, "name": request.name}
            resource = request.resource
            check = build_resource_check(request.subject, resource.group, resource.plural, **rest)
            bound["authorizer.requestResource"] = check
        return bound

    def _bind_namespace(self) -> Mapping[str, Any]:
        request = self.request
        if not request.namespace or request.resource.kind == "Namespace":
            return {"namespaceObject": None}
        document = self.cluster.find_namespace(request.namespace)
        if document is None:
            return {}
        metadata = dict(read_metadata(document))
        metadata["labels"] = dict(self.cluster.find_labels(request.namespace) or {})
        shown = {key: metadata[key] for key in ("name", "labels", "annotations", "finalizers") if metadata.get(key)}
        return {
            "namespaceObject": {
                "metadata": shown,
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            }
        }


def _show_as(manifest: Manifest | None, resource: Resource, matched: Resource) -> Manifest | None:
    """An object in the version that a rule matched."""
    if manifest is None or resource == matched:
        return manifest
    return manifest | {"apiVersion": matched.api_version, "kind": matched.kind}


# --- findings


def _weigh(binding: Binding, decision: Decision) -> Verdict:
    if decision.undecidable:
        return Verdict.UNDECIDABLE
    if decision.always_denies or "Deny" in binding.actions:
        return Verdict.DENY
    return Verdict.WARN if "Warn" in binding.actions else Verdict.ALLOW


def _find(policy: Policy, binding: Binding, request: Request, decision: Decision, params: Manifest | None) -> Finding:
    message = decision.message
    if decision.undecidable:
        message = f"it can't be decided without {_name_unknown(decision.message)}"
    return Finding(
        policy.name,
        binding.name,
        _weigh(binding, decision),
        message,
        decision.reason,
        decision.expression,
        binding.actions,
        policy.controls,
        policy.layer,
        "" if params is None else str(read_metadata(params).get("name") or ""),
        request.path,
        decision.errored,
        decision.index,
    )


_UNKNOWNS = {
    "namespaceObject": "the object's namespace: give its Namespace document",
    "request.userInfo": "who makes the request",
    "authorizer": "who makes the request, and what they may do",
    "authorizer.requestResource": "who makes the request, and what they may do",
}


def _name_unknown(what: str) -> str:
    return _UNKNOWNS.get(what, what)


def _find_undecidable(policy: Policy, binding: Binding, request: Request, unknown: str) -> Finding:
    decision = Decision(unknown, "", undecidable=True, errored=True)
    return _find(policy, binding, request, decision, None)


def _report_misconfigured(policy: Policy, binding: Binding, request: Request, error: str) -> Iterator[Finding]:
    """A binding that can't be used denies whatever its actions are, unless the policy ignores failures."""
    if policy.ignore_failure:
        return
    decision = Decision(f"failed to configure binding: {error}", errored=True, always_denies=True)
    yield _find(policy, binding, request, decision, None)


def judge_requests(judge: Judge, requests: Iterable[Prepared]) -> Iterator[Judgement]:
    """The judgement of each request, in order."""
    return map(judge.judge, requests)
