"""What a check found, in one shape whoever found it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from tenantry.policy import ObjectName, Verdict
from tenantry.policy.documents.model import Policy
from tenantry.problems import Problem

CONTRACT = "contract"
"""The name under which the contract's answers go, beside those of policies."""
AGREEMENTS = "agreements"
"""The name under which intents and grants go that open nothing."""
NOBODY = ObjectName("", "", "", "")
"""The object of what is about no object: a file that can't be read, a policy without a binding."""


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that is wrong with one object, or can't be decided.

    `clues` are the part of an expression that failed and the values that it looked at, as text. `waiver` names the
    waiver that lets the object pass; only then the verdict is allow.
    """

    policy: str
    layer: str
    verdict: Verdict
    code: str
    message: str
    fix: str
    object: ObjectName
    file: str = ""
    line: int = 0
    column: int = 0
    controls: tuple[str, ...] = ()
    clues: tuple[tuple[str, str], ...] = ()
    waiver: str | None = None

    @property
    def told(self) -> str:
        """What is wrong and what mends it."""
        return f"{self.message}. Fix: {self.fix}."

    @property
    def level(self) -> str:
        """How grave it is in SARIF's words. What isn't decided is no warning; what is waived is only noted."""
        return {Verdict.WARN: "warning", Verdict.ALLOW: "note"}.get(self.verdict, "error")


class Looked(NamedTuple):
    """One object or document that was looked at, and where it stands.

    `judged` names the policies whose validations were for it, `passed` those of them that found nothing to say.
    """

    object: ObjectName
    file: str = ""
    line: int = 0
    judged: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """How many objects were looked at, and how many of them came to each verdict."""

    objects: int = 0
    allow: int = 0
    warn: int = 0
    deny: int = 0
    undecidable: int = 0

    def __add__(self, other: "Summary") -> "Summary":
        """Give the summary of both."""
        pairs = ((getattr(one, name) for one in (self, other)) for name in self.__slots__)
        return Summary(*(sum(pair) for pair in pairs))


@dataclass(frozen=True, slots=True)
class Report:
    """All that a check found.

    `documents` counts the contract's documents and `problems` are theirs; `judged` sums up the objects that policies
    looked at. `unjudged` says what rules had to be left out, and why. `looked` has all documents and objects, also
    those that nothing is to be said of. `policies` are those that were there to judge by, by name. `begun` is when the
    check began.
    """

    results: tuple[Result, ...] = ()
    summary: Summary = Summary()
    documents: int = 0
    problems: tuple[Problem, ...] = ()
    judged: Summary = Summary()
    unjudged: tuple[str, ...] = ()
    looked: tuple[Looked, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))


def group_results(report: Report) -> dict[Looked, list[Result]]:
    """Give what was found of each object that was looked at, and of files that none could be read from."""
    placed = {(one.object, one.file, one.line): one for one in report.looked}
    # The contract's problems stand at the line of a property, not at the document's first.
    named = {(one.object, one.file): one for one in report.looked}
    found: dict[Looked, list[Result]] = {one: [] for one in placed.values()}
    for result in report.results:
        name, file, line = result.object, result.file, result.line
        about = placed.get((name, file, line)) or named.get((name, file)) or Looked(name, file, line)
        found.setdefault(about, []).append(result)
    return found
