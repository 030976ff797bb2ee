"""Judges a policy's cases by each of its mutants until one of them says something else."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutation.places import Documents, mutants
from policy.baseline import Way, cases_of, tell, ways_of
from tenantry.policy import Placed, PolicySet, build_policies, read_paths
from tenantry.policy.admission.judge import Judge
from tenantry.problems import InputError


@dataclass(frozen=True, slots=True)
class Measured:
    """How many mutants of a policy there are, and those that no case noticed, a line each."""

    layer: str
    policy: str
    mutants: int
    unnoticed: tuple[str, ...]


class _Cases:
    """A policy's cases, prepared once, with what the policy says of each."""

    def __init__(self, policy: Path) -> None:
        self._ways = [way for case in cases_of(policy) for way in ways_of(case)]
        judged = _Judges(build_policies(read_paths([policy])))
        self._told = {id(way): judged.tell(way) for way in self._ways}

    def notice(self, mutant: PolicySet) -> bool:
        """Whether the mutant says something else of a case; that one is asked first the next time."""
        judged = _Judges(mutant)
        for index, way in enumerate(self._ways):
            if judged.tell(way) != self._told[id(way)]:
                self._ways.insert(0, self._ways.pop(index))
                return True
        return False


class _Judges:
    """A policy's judges, one for all cases that have the same around them."""

    def __init__(self, policies: PolicySet) -> None:
        self._policies = policies
        self._judges: dict[int, Judge] = {}

    def tell(self, way: Way) -> Sequence[str]:
        judge = self._judges.get(id(way.cluster))
        if judge is None:
            judge = self._judges[id(way.cluster)] = Judge(self._policies.policies, way.cluster, traced=False)
        return tell(judge.judge(way.prepared))


def measure(policy: Path) -> Measured:
    """Weaken a policy in each way that an API server would take."""
    cases = _Cases(policy)
    names, lines = Counter[str](), []
    for mutant in mutants(policy):
        built = _build(mutant.documents)
        if built is None:
            continue
        name = f"{policy.parent.name} {mutant.place}: {mutant.before} -> {mutant.after}"
        names[name] += 1
        if not cases.notice(built):
            # The same piece can stand in an expression more than once.
            lines.append(name if names[name] == 1 else f"{name} ({names[name]})")
    return Measured(policy.parent.parent.name, policy.parent.name, names.total(), tuple(lines))


def _build(documents: Documents) -> PolicySet | None:
    try:
        return build_policies(map(Placed, documents))
    except InputError:
        return None
