"""Judging: every policy with its bindings on every request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cel_expr_python import cel

from tenantry.contract.model import Waiver
from tenantry.policy.admission.activate import bind_names
from tenantry.policy.admission.evaluate import Outcome
from tenantry.policy.admission.findings import (
    find_undecidable,
    make_finding,
    report_misconfigured,
    report_server,
)
from tenantry.policy.admission.match import Matched, Surroundings, match_request
from tenantry.policy.admission.plan import BoundPolicy, Candidate, Group, Outcomes, Plan, Planner
from tenantry.policy.admission.verdict import Finding, Judgement, ObjectName
from tenantry.policy.admission.waive import Waivers
from tenantry.policy.cel.engine import Engine, plain_engine, run_program
from tenantry.policy.cel.library.authorization import Grant
from tenantry.policy.cel.library.marks import is_marked
from tenantry.policy.documents.model import Binding, Manifest, Policy
from tenantry.policy.objects.cluster import Cluster, Params, collect_params, read_metadata
from tenantry.policy.objects.prepare import Prepared, iterate_subjects
from tenantry.policy.objects.request import Request, Resource

if TYPE_CHECKING:
    from tenantry.policy.admission.explain import Clue

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
_HIDDEN = "(hidden, for the object is a Secret)"
_REVIEWS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})


class Judge:
    """Holds what is worth keeping between requests: planned programs, and which policies are for which requests."""

    def __init__(
        self,
        policies: Sequence[BoundPolicy],
        cluster: Cluster,
        grants: Sequence[Grant] | None = None,
        waivers: Sequence[Waiver] = (),
        *,
        traced: bool = True,
    ) -> None:
        """Make a judge; one that isn't `traced` doesn't find out which policies with conditions were evaluated."""
        self._cluster = cluster
        self._around = cluster.surround()
        self._engine = plain_engine() if grants is None else Engine(grants)
        self._candidates = [Candidate(one, self._engine) for one in policies if one.bindings]
        self._planner = Planner(self._candidates, cluster, self._engine)
        self._waivers = Waivers(waivers, cluster, self._engine) if waivers else None
        self._traced = traced
        self._templates = any(one.policy.judges_templates for one in policies)

    def judge(self, prepared: Prepared) -> Judgement:
        """All that the policies say of one request."""
        request = prepared.request
        findings = list(report_server(prepared))
        annotations: list[tuple[str, str]] = []
        judged: tuple[str, ...] = ()
        if not prepared.refused and not _is_exempt(request.resource):
            for subject in iterate_subjects(request, self._cluster, templates=self._templates):
                plan = self._planner.find_plan(subject)
                run = _Run(
                    subject, self._cluster, self._around, self._engine, plan.names, findings, annotations, self._traced
                )
                more = run.judge(plan)
                judged = tuple(dict.fromkeys(judged + more)) if judged else more
        if self._waivers is not None and (findings or annotations):
            findings = self._waivers.excuse(request, findings)
            silent = self._waivers.find_all(request) if annotations else {}
            annotations = [one for one in annotations if one[0].partition("/")[0] not in silent]
        published = tuple(dict.fromkeys(annotations))
        return Judgement(_name_object(request), request.source, request.operation, tuple(findings), judged, published)

    def explain(self, prepared: Prepared, finding: Finding) -> list[Clue]:
        """Why a validation failed: the part that did, and the values that it looked at; none of other findings."""
        from tenantry.policy.admission.explain import Clue, explain_expression

        chosen = [one for one in self._candidates if one.bound.policy.name == finding.policy]
        subjects = iterate_subjects(prepared.request, self._cluster, templates=self._templates)
        request = next((one for one in subjects if one.path == finding.path), None)
        if not chosen or request is None or finding.index < 0:
            return []
        bound = chosen[0].bound
        run = _Run(request, self._cluster, self._around, self._engine, bound.programs.names, [], [])
        params = run.find_params(bound, finding)
        activation = run.activate(request.resource, params, marked=bound.programs.asks_server)
        clues = explain_expression(self._engine, bound.programs.validations[finding.index].node, activation)
        if request.resource.kind == "Secret":
            return [Clue(clue.text, _HIDDEN) for clue in clues]
        return clues


def _name_object(request: Request) -> ObjectName:
    metadata = read_metadata(request.shown)
    name, generated, namespace = map(metadata.get, ("name", "generateName", "namespace"))
    named = name if name and not is_marked(name) else generated
    texts = ("" if is_marked(one) else str(one or "") for one in (namespace, named))
    return ObjectName(request.resource.api_version, request.resource.kind, *texts)


def _is_exempt(resource: Resource) -> bool:
    if resource.group == _EXEMPT_GROUP:
        return resource.kind in _EXEMPT_KINDS
    return resource.group in _REVIEWS and resource.kind.endswith("Review")


@dataclass
class _Run:
    """One request on its way through the policies."""

    request: Request
    cluster: Cluster
    around: Surroundings
    engine: Engine
    names: frozenset[str]
    findings: list[Finding]
    annotations: list[tuple[str, str]]
    traced: bool = False
    activations: dict[tuple[int, str, bool], cel.Activation] = field(default_factory=dict)

    def judge(self, plan: Plan) -> tuple[str, ...]:
        """Judge by all policies of a plan, and name those that were evaluated for the request."""
        for group in plan.groups:
            self._judge_group(group)
        judged = plan.judged
        for candidate, caution in plan.conditioned if self.traced else ():
            activation = self.activate(self.request.resource, None, marked=caution.marked)
            if candidate.get_evaluator(wary=caution.wary).is_for(activation):
                judged += (candidate.bound.policy.name,)
        for candidate, bound, outcomes in plan.fixed:
            said = [self._judge_by(candidate, *one, self.request.resource, outcomes) for one in bound]
            judged += (candidate.bound.policy.name,) if any(said) else ()
        for candidate in plan.others:
            matched = match_request(candidate.bound.policy.match, self.request, self.around)
            if matched.resource is not None and self._judge_candidate(candidate, matched.resource, matched):
                judged += (candidate.bound.policy.name,)
        return judged

    def _judge_group(self, group: Group) -> None:
        activation = self.activate(self.request.resource, None, marked=group.caution.marked)
        if run_program(group.all_well, activation) is True:
            return
        for candidate, bindings in group.bound:
            outcome = candidate.get_evaluator(wary=group.caution.wary).evaluate(activation)
            for binding in bindings:
                self._record(candidate.bound.policy, binding, outcome, None)

    def find_params(self, bound: BoundPolicy, finding: Finding) -> Manifest | None:
        """The parameters with which a finding was made."""
        for binding in bound.bindings:
            if binding.name == finding.binding:
                for value in collect_params(self.cluster, bound.policy, binding, self.request.namespace).values:
                    if value is not None and read_metadata(value).get("name") == finding.param:
                        return value
        return None

    def _judge_candidate(self, candidate: Candidate, resource: Resource, matched: Matched) -> bool:
        """Judge by one policy, and say whether any of it was for the request."""
        policy, judged = candidate.bound.policy, False
        outcomes: Outcomes = {}
        for binding in candidate.bound.bindings:
            binds = Matched(self.request.resource)
            if binding.match is not None:
                binds = match_request(binding.match, self.request, self.around)
            if binds.resource is None:
                continue
            params = collect_params(self.cluster, policy, binding, self.request.namespace)
            unknown = matched.undecidable or binds.undecidable
            if unknown:
                self.findings.append(find_undecidable(policy, binding, self.request, unknown))
            elif self._judge_by(candidate, binding, params, resource, outcomes):
                judged = True
        return judged

    def _judge_by(
        self, candidate: Candidate, binding: Binding, params: Params, resource: Resource, outcomes: Outcomes
    ) -> bool:
        """Judge by one policy with the parameters of a binding, and say whether any of it was for the request."""
        policy, judged = candidate.bound.policy, False
        if params.undecidable:
            self.findings.append(find_undecidable(policy, binding, self.request, params.undecidable))
            return False
        if params.error:
            self.findings.extend(report_misconfigured(policy, binding, self.request, params.error))
        for value in params.values:
            if id(value) not in outcomes:
                caution = candidate.bound.choose_caution(self.request, self.cluster)
                evaluator = candidate.get_evaluator(wary=caution.wary)
                activation = self.activate(resource, value, marked=caution.marked)
                outcomes[id(value)] = evaluator.evaluate(activation), self.traced and evaluator.is_for(activation)
            outcome, applies = outcomes[id(value)]
            judged = judged or applies
            self._record(policy, binding, outcome, value)
        return judged

    def _record(self, policy: Policy, binding: Binding, outcome: Outcome, params: Manifest | None) -> None:
        for decision in outcome.decisions:
            self.findings.append(make_finding(policy, binding, self.request, decision, params))
        self.annotations.extend((f"{policy.name}/{key}", text) for key, text in outcome.annotations)

    def activate(self, matched: Resource, params: Manifest | None, *, marked: bool) -> cel.Activation:
        """The values of names, made known to the engine once."""
        key = (id(params), matched.api_version, marked)
        found = self.activations.get(key)
        if found is None:
            names = bind_names(self.request, matched, params, self.cluster, self.names, marked=marked)
            found = self.activations[key] = self.engine.activate(names)
        return found
