"""Which controls the policies answer for, which they don't, and which can't be judged automatically."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tenantry.evidence.frameworks import Control, Framework, Judged, State
from tenantry.policy.documents.model import Policy
from tenantry.problems import Problem, problem


class Status(StrEnum):
    """Where a control stands. A policy's evidence counts also for one that needs people besides."""

    COVERED = "covered"
    UNCOVERED = "uncovered"
    MANUAL = "manual"
    OUTSIDE = "outside"


_WITHOUT = {
    Judged.AUTOMATIC: Status.UNCOVERED,
    Judged.MANUAL: Status.MANUAL,
    Judged.OUTSIDE: Status.OUTSIDE,
}
"""Where a control stands that no policy names."""
_NO_ROW = "the policy's annotation alone"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One policy that answers for a control, and how far that can be believed."""

    policy: str
    layer: str
    state: State
    source: str
    says: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A control, and the policies that answer for it."""

    control: Control
    status: Status
    evidence: tuple[Evidence, ...]

    @property
    def verified(self) -> bool:
        """Whether at least one policy answers by a mapping that somebody has read."""
        return any(one.state is State.VERIFIED for one in self.evidence)


@dataclass(frozen=True, slots=True)
class Coverage:
    """All controls of a framework, with what answers for each."""

    framework: Framework
    answers: tuple[Answer, ...]

    def count(self, status: Status) -> int:
        """How many controls stand so."""
        return sum(one.status is status for one in self.answers)

    @property
    def verified(self) -> int:
        """How many controls are covered by a mapping that somebody has read."""
        return sum(one.verified for one in self.answers)


def cover_framework(framework: Framework, policies: Iterable[Policy]) -> Coverage:
    """Put each control of a framework together with the policies that name it.

    A policy names its controls in its annotation; the framework's file says what is known of each pair. Where it says
    nothing, the pair is asserted by the annotation alone.
    """
    naming: dict[str, list[Policy]] = {}
    for policy in sorted(policies, key=lambda one: (one.layer, one.name)):
        for name in policy.controls:
            of, _, number = name.partition("/")
            if of == framework.name:
                naming.setdefault(number, []).append(policy)
    return Coverage(framework, tuple(_answer(framework, one, naming.get(one.number, ())) for one in framework.controls))


def find_unknown(frameworks: Iterable[Framework], policies: Iterable[Policy]) -> Iterator[Problem]:
    """Give each control that a policy names and no framework lists: it would be missed in every sum."""
    known = {f"{framework.name}/{one.number}" for framework in frameworks for one in framework.controls}
    for policy in policies:
        for name in policy.controls:
            if name not in known:
                what = f"policy {policy.name} names the control {name}, which no framework lists"
                fix = "correct tenantry.dev/controls, or list the control in its framework's file"
                yield problem("TEN-632", what, fix, file=policy.source.file, line=policy.source.line, column=1)


def _answer(framework: Framework, control: Control, policies: Iterable[Policy]) -> Answer:
    evidence = tuple(_evidence(framework, control, policy) for policy in policies)
    return Answer(control, Status.COVERED if evidence else _WITHOUT[control.judged], evidence)


def _evidence(framework: Framework, control: Control, policy: Policy) -> Evidence:
    row = control.policies.get(policy.name)
    if row is None:
        return Evidence(policy.name, policy.layer, State.ASSERTED, _NO_ROW, "")
    source = framework.sources[row.source]
    text = f"{source.document}: {source.place}" if source.place else source.document
    return Evidence(policy.name, policy.layer, row.state, text, row.says or "")
