"""Planning: which policies are for requests of one sort, found once, and one program that tells of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cel_expr_python import cel

from tenantry.policy.admission.evaluate import Evaluator
from tenantry.policy.admission.kept import KeptPrograms
from tenantry.policy.admission.match import Matched, match_request, may_match
from tenantry.policy.admission.programs import Programs
from tenantry.policy.cel.engine import Engine
from tenantry.policy.documents.model import Binding, Match, Policy
from tenantry.policy.objects.cluster import Cluster
from tenantry.policy.objects.request import Request, Resource
from tenantry.problems import InputError


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
        """Whether the object and its namespace alone decide: no parameters, nothing to publish or to ask."""
        return not (self.policy.param_kind or self.programs.annotations or self.programs.asks_server)

    @property
    def asks_namespace(self) -> bool:
        """Whether its expressions read the namespace that the object is in."""
        return "namespaceObject" in self.programs.names


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
class Plan:
    """The policies for requests of one sort.

    `sure` are for each such request, whatever its object says, with the bindings that are, too; `all_well` tells of all
    of them at once that there is nothing to find, as is so for most objects. `others` have to be matched one by one.
    `names` are what any of them asks for. `judged` are the names of those that are sure and have no conditions of their
    own, `conditioned` are those that have.
    """

    sure: tuple[tuple[Candidate, tuple[Binding, ...]], ...]
    all_well: cel.Expression | None
    others: tuple[Candidate, ...]
    names: frozenset[str]
    judged: tuple[str, ...]
    conditioned: tuple[Candidate, ...]


_Sort = tuple[Resource, str, str, str, bool]


class Planner:
    """Makes a plan for each sort of request: a kind, an operation, a namespace."""

    def __init__(self, candidates: Sequence[Candidate], cluster: Cluster, engine: Engine) -> None:
        self._candidates, self._cluster, self._engine = candidates, cluster, engine
        self._around = cluster.surround()
        self._plans: dict[_Sort, Plan] = {}
        self._joined: dict[tuple[str, ...], cel.Expression] = {}

    def find_plan(self, request: Request) -> Plan:
        """The plan for a request and all of its sort."""
        namespace = "" if request.resource.is_namespace else request.namespace
        sort = (request.resource, request.operation, request.subresource, namespace, bool(request.path))
        plan = self._plans.get(sort)
        if plan is None:
            plan = self._plans[sort] = self._make_plan(request)
        return plan

    def _make_plan(self, request: Request) -> Plan:
        names = [request.resource, *self._around.find_equivalents(request.resource)]
        sure: list[tuple[Candidate, tuple[Binding, ...]]] = []
        others: list[Candidate] = []
        for candidate in self._candidates:
            if request.path and not candidate.bound.policy.judges_templates:
                continue
            match = candidate.bound.policy.match
            if match.rules and not any(may_match(match, one.group, one.plural) for one in names):
                continue
            bindings = self._settle(candidate.bound, request)
            if bindings is None:
                others.append(candidate)
            elif bindings:
                sure.append((candidate, bindings))
        at_once = [candidate for candidate, _ in sure]
        asked = frozenset(name for one in (*at_once, *others) for name in one.bound.programs.names)
        judged = tuple(one.bound.policy.name for one in at_once if not one.bound.policy.conditions)
        conditioned = tuple(one for one in at_once if one.bound.policy.conditions)
        return Plan(tuple(sure), self._join(at_once), tuple(others), asked, judged, conditioned)

    def _settle(self, bound: BoundPolicy, request: Request) -> tuple[Binding, ...] | None:
        """The bindings that are for every request of a sort; None where the object decides, or more has to be known."""
        if not bound.is_plain or (bound.asks_namespace and self._cluster.is_vague(request.namespace)):
            return None
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

    def _join(self, candidates: Sequence[Candidate]) -> cel.Expression | None:
        """One program for several policies, the same one for the same policies."""
        if not candidates:
            return None
        key = tuple(one.bound.policy.name for one in candidates)
        if key not in self._joined:
            kept = candidates[0].bound.kept
            program = kept.find_joined(key) if kept is not None else None
            if program is None:
                from tenantry.policy.admission.compile import join_programs

                program = join_programs([one.bound.programs for one in candidates])
                if kept is not None:
                    kept.add_joined(key, program)
            self._joined[key] = self._engine.plan(program)
        return self._joined[key]


def _is_settled(match: Match, request: Request) -> bool:
    """Whether a match says the same of every object of a kind in a namespace; a Namespace has labels of its own."""
    if match.object_selector.requirements or any(rule.names for rule in (*match.rules, *match.excludes)):
        return False
    return not (match.namespace_selector.requirements and request.resource.is_namespace)
