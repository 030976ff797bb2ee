"""Planning: which policies are for requests of one sort, found once, and one program that tells of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from cel_expr_python import cel

from tenantry.policy.admission.evaluate import Evaluator, Outcome
from tenantry.policy.admission.kept import KeptPrograms
from tenantry.policy.admission.match import Matched, match_request, may_match
from tenantry.policy.admission.programs import Programs
from tenantry.policy.cel.engine import Engine
from tenantry.policy.documents.model import Binding, Match, Policy
from tenantry.policy.objects.cluster import Cluster, Params, collect_params
from tenantry.policy.objects.request import Request, Resource
from tenantry.problems import InputError


class Caution(NamedTuple):
    """How policies are evaluated: `wary` of values that aren't known, with what only a server fills in `marked` so."""

    wary: bool
    marked: bool


@dataclass(frozen=True)
class BoundPolicy:
    """A policy with its bindings, for API servers of a minor version of Kubernetes 1.x.

    `kept` has what was made of it in earlier runs, if that is kept.
    """

    policy: Policy
    bindings: tuple[Binding, ...]
    kubernetes: int
    kept: KeptPrograms | None = None

    @cached_property
    def programs(self) -> Programs:
        """The policy's programs, made when they're first asked for.

        Raises:
            InputError: All that an API server would refuse of its expressions (TEN-601).
        """
        if self.kept is not None and (found := self.kept.find_programs(self.policy.name)) is not None:
            return found
        from tenantry.policy.admission.compile import compile_policy

        made = compile_policy(self.policy, self.kubernetes)
        if isinstance(made, list):
            raise InputError(made)
        if self.kept is not None:
            self.kept.add_programs(self.policy.name, made)
        return made

    @property
    def is_plain(self) -> bool:
        """Whether the object and its namespace alone decide: no parameters, and nothing to publish."""
        return not (self.policy.param_kind or self.programs.annotations)

    @property
    def is_fixed(self) -> bool:
        """Whether parameters and the namespace alone decide, and there is nothing to publish."""
        return self.programs.are_fixed and not self.programs.annotations

    def choose_caution(self, request: Request, cluster: Cluster) -> Caution:
        """How it is to be evaluated for a request."""
        marked = self.programs.asks_server
        vague = cluster.is_vague(request.namespace, self.programs.namespace_reads)
        return Caution(request.unknown or marked or vague, marked)


class Candidate:
    """A policy on an engine; its evaluator is made when it's first needed."""

    __slots__ = ("_engine", "_made", "bound")

    def __init__(self, bound: BoundPolicy, engine: Engine) -> None:
        self.bound, self._engine = bound, engine
        self._made: dict[bool, Evaluator] = {}

    def get_evaluator(self, *, wary: bool) -> Evaluator:
        """The policy's evaluator, or the `wary` one for objects of which parts aren't known yet."""
        if wary not in self._made:
            programs = self.bound.programs
            if wary:
                from tenantry.policy.admission.compile import guard_programs

                programs = guard_programs(programs)
            self._made[wary] = Evaluator(self.bound.policy, programs, self._engine)
        return self._made[wary]


@dataclass(frozen=True, slots=True)
class Group:
    """Policies that are evaluated with one caution, each with the bindings that are for a request, too.

    `all_well` tells of all of them at once that there is nothing to find, as is so for most objects.
    """

    caution: Caution
    all_well: cel.Expression
    bound: tuple[tuple[Candidate, tuple[Binding, ...]], ...]


Outcomes = dict[int, tuple[Outcome, bool]]
"""What a policy says with parameters, by their identity, and whether its conditions let it say anything."""


class Fixed(NamedTuple):
    """A policy that says the same of every request of a sort, with the bindings that are for them, and parameters.

    `outcomes` keeps what it says, once it is known.
    """

    candidate: Candidate
    bound: tuple[tuple[Binding, Params], ...]
    outcomes: Outcomes


@dataclass(frozen=True)
class Plan:
    """The policies for requests of one sort.

    Those of `groups` and `fixed` are for each such request, whatever its object says; `others` have to be matched one
    by one.
    """

    groups: tuple[Group, ...]
    fixed: tuple[Fixed, ...]
    others: tuple[Candidate, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """What any of the policies asks for."""
        grouped = [candidate for group in self.groups for candidate, _ in group.bound]
        every = (*grouped, *(one.candidate for one in self.fixed), *self.others)
        return frozenset(name for one in every for name in one.bound.programs.names)

    @cached_property
    def judged(self) -> tuple[str, ...]:
        """The names of those in groups that have no conditions of their own."""
        every = (candidate.bound.policy for group in self.groups for candidate, _ in group.bound)
        return tuple(policy.name for policy in every if not policy.conditions)

    @cached_property
    def conditioned(self) -> tuple[tuple[Candidate, Caution], ...]:
        """Those in groups that have conditions of their own, with the caution with which they're evaluated."""
        every = ((candidate, group.caution) for group in self.groups for candidate, _ in group.bound)
        return tuple(pair for pair in every if pair[0].bound.policy.conditions)


class _Sort(NamedTuple):
    resource: Resource
    operation: str
    subresource: str
    namespace: str
    templated: bool
    unknown: bool


class Planner:
    """Makes a plan for each sort of request: a kind, an operation, a namespace."""

    def __init__(self, candidates: Sequence[Candidate], cluster: Cluster, engine: Engine) -> None:
        self._candidates, self._cluster, self._engine = candidates, cluster, engine
        self._around = cluster.surround()
        self._plans: dict[_Sort, Plan] = {}
        self._joined: dict[tuple[bool, tuple[str, ...]], cel.Expression] = {}

    def find_plan(self, request: Request) -> Plan:
        """The plan for a request and all of its sort."""
        namespace = "" if request.resource.is_namespace else request.namespace
        resource, path = request.resource, bool(request.path)
        sort = _Sort(resource, request.operation, request.subresource, namespace, path, request.unknown)
        plan = self._plans.get(sort)
        if plan is None:
            plan = self._plans[sort] = self._make_plan(request)
        return plan

    def _make_plan(self, request: Request) -> Plan:
        names = [request.resource, *self._around.find_equivalents(request.resource)]
        sure: dict[Caution, list[tuple[Candidate, tuple[Binding, ...]]]] = {}
        fixed: list[Fixed] = []
        others: list[Candidate] = []
        for candidate in self._candidates:
            bound = candidate.bound
            if request.path and not bound.policy.judges_templates:
                continue
            match = bound.policy.match
            if match.rules and not any(may_match(match, one.group, one.plural) for one in names):
                continue
            bindings = self._settle(bound, request) if bound.is_plain or bound.is_fixed else None
            if bindings is None:
                others.append(candidate)
            elif bindings and bound.is_plain:
                sure.setdefault(bound.choose_caution(request, self._cluster), []).append((candidate, bindings))
            elif bindings:
                fixed.append(self._fix(candidate, bindings, request))
        groups = tuple(Group(caution, self._join(bound, caution), tuple(bound)) for caution, bound in sure.items())
        return Plan(groups, tuple(fixed), tuple(others))

    def _settle(self, bound: BoundPolicy, request: Request) -> tuple[Binding, ...] | None:
        """The bindings that are for every request of a sort; None where the object decides, or more has to be known."""
        matches = [bound.policy.match, *(one.match for one in bound.bindings if one.match)]
        if not all(_is_settled(match, request) for match in matches):
            return None
        matched = match_request(bound.policy.match, request, self._around)
        if matched.resource is None:
            return ()
        bound_by = [
            (one, Matched(request.resource) if one.match is None else match_request(one.match, request, self._around))
            for one in bound.bindings
        ]
        if matched.resource != request.resource or any(one.undecidable for one in (matched, *(m for _, m in bound_by))):
            return None
        return tuple(binding for binding, one in bound_by if one.resource is not None)

    def _fix(self, candidate: Candidate, bindings: Sequence[Binding], request: Request) -> Fixed:
        policy, namespace = candidate.bound.policy, request.namespace
        bound = tuple((one, collect_params(self._cluster, policy, one, namespace)) for one in bindings)
        return Fixed(candidate, bound, {})

    def _join(self, bound: Sequence[tuple[Candidate, tuple[Binding, ...]]], caution: Caution) -> cel.Expression:
        """One program for several policies, the same one for the same policies."""
        policies = [candidate.bound for candidate, _ in bound]
        names = tuple(one.policy.name for one in policies)
        key = (caution.wary, names)
        if key not in self._joined:
            kept = policies[0].kept
            program = kept.find_joined(names, wary=caution.wary) if kept is not None else None
            if program is None:
                from tenantry.policy.admission.join import join_programs

                program = join_programs([one.programs for one in policies], wary=caution.wary)
                if kept is not None:
                    kept.add_joined(names, program, wary=caution.wary)
            self._joined[key] = self._engine.plan(program)
        return self._joined[key]


def _is_settled(match: Match, request: Request) -> bool:
    """Whether a match says the same of every object of a kind in a namespace; a Namespace has labels of its own."""
    if match.object_selector.requirements or any(rule.names for rule in (*match.rules, *match.excludes)):
        return False
    return not (match.namespace_selector.requirements and request.resource.is_namespace)
