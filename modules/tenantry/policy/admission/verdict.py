"""What judging says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tenantry.policy.documents.model import Source


class Verdict(StrEnum):
    """From the mildest to the gravest; what couldn't be decided is never an allow."""

    ALLOW = "allow"
    WARN = "warn"
    UNDECIDABLE = "undecidable"
    DENY = "deny"


_GRAVITY = {verdict: rank for rank, verdict in enumerate(Verdict)}


class ObjectName(NamedTuple):
    """Which object a judgement is about."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`kind/namespace/name`, as far as there is each."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a policy says of an object.

    `verdict` is allow where the binding only wants it recorded (Audit). `expression` is the validation that failed;
    `errored` tells an expression that failed to give a value from one that gave false. `path` is where in the object
    the judged part lies, for pods within workloads. `waiver` names the waiver that excuses the object from the policy:
    the verdict is then what it would be without it.
    """

    policy: str
    binding: str
    verdict: Verdict
    message: str
    reason: str = ""
    expression: str = ""
    actions: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    layer: str = "workload"
    param: str = ""
    path: str = ""
    errored: bool = False
    index: int = -1
    waiver: str = ""


class Judgement(NamedTuple):
    """All that policies say of one object; `judged` names the policies whose validations were for it.

    `annotations` are what policies publish to the audit log, by `policy/key`.
    """

    object: ObjectName
    source: Source
    operation: str
    findings: tuple[Finding, ...]
    judged: tuple[str, ...]
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The gravest of its findings; those that are waived weigh nothing."""
        grave = (finding.verdict for finding in self.findings if not finding.waiver)
        return max(grave, key=_GRAVITY.__getitem__, default=Verdict.ALLOW)
