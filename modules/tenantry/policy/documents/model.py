"""ValidatingAdmissionPolicy and its binding, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition of a selector on one label."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it; an absent label isn't in any set of values."""
        value = labels.get(self.key)
        if self.operator == "In":
            return value is not None and value in self.values
        if self.operator == "NotIn":
            return value is None or value not in self.values
        return (value is not None) == (self.operator == "Exists")


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector; without requirements it takes all."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet all requirements."""
        return all(requirement.holds(labels) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which requests a rule names; `*` stands for all."""

    groups: frozenset[str]
    versions: frozenset[str]
    resources: tuple[tuple[str, str], ...]
    operations: frozenset[str]
    scope: str = "*"
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """What a policy or a binding is for."""

    rules: tuple[Rule, ...] = ()
    excludes: tuple[Rule, ...] = ()
    equivalent: bool = True
    namespace_selector: Selector = Selector()
    object_selector: Selector = Selector()


@dataclass(frozen=True, slots=True)
class Named:
    """A named expression: a variable, a match condition or an audit annotation."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Validation:
    """One check, and what is said where it fails."""

    expression: str
    message: str = ""
    message_expression: str = ""
    reason: str = "Invalid"


@dataclass(frozen=True, slots=True)
class ParamKind:
    """The kind of a policy's parameters."""

    api_version: str
    kind: str


@dataclass(frozen=True, slots=True)
class ParamRef:
    """Which parameters a binding takes: one by name, or all that a selector picks."""

    name: str = ""
    namespace: str = ""
    selector: Selector | None = None
    deny_missing: bool = True


class Source(NamedTuple):
    """Where a document stands; `line` counts from 1, 0 means that it isn't known."""

    file: str = ""
    line: int = 0


NOWHERE = Source()


class Placed(NamedTuple):
    """A manifest with the place where it stands.

    `old` is the object as it was, where the manifest changes one; `deleted` says that the manifest is to go.
    """

    manifest: Manifest
    source: Source = NOWHERE
    old: Manifest | None = None
    deleted: bool = False

    @property
    def operation(self) -> str:
        """What an API server would call it."""
        if self.deleted:
            return "DELETE"
        return "CREATE" if self.old is None else "UPDATE"


def read_layer(annotations: Mapping[str, str]) -> str:
    """The layer that a policy's annotations say; a policy of somebody else's is for workloads."""
    return annotations.get("tenantry.dev/layer", "workload")


@dataclass(frozen=True, slots=True)
class Policy:
    """A ValidatingAdmissionPolicy."""

    name: str
    match: Match
    conditions: tuple[Named, ...] = ()
    variables: tuple[Named, ...] = ()
    validations: tuple[Validation, ...] = ()
    audit_annotations: tuple[Named, ...] = ()
    ignore_failure: bool = False
    param_kind: ParamKind | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    source: Source = NOWHERE

    @property
    def controls(self) -> tuple[str, ...]:
        """The controls that the policy gives evidence for, as its annotation names them."""
        return tuple(self.annotations.get("tenantry.dev/controls", "").split())

    @property
    def layer(self) -> str:
        """What the policy looks at."""
        return read_layer(self.annotations)

    @property
    def reason(self) -> str:
        """Why there is such a policy; nothing where its author didn't say."""
        return self.annotations.get("tenantry.dev/reason", "")

    @property
    def fix(self) -> str:
        """What mends an object that it denies; nothing where its author didn't say."""
        return self.annotations.get("tenantry.dev/fix", "")

    @property
    def judges_templates(self) -> bool:
        """Whether the policy wants pod templates judged as the pods that they'll be."""
        return self.annotations.get("tenantry.dev/pod-templates") == "true"


@dataclass(frozen=True, slots=True)
class Binding:
    """A ValidatingAdmissionPolicyBinding."""

    name: str
    policy: str
    actions: tuple[str, ...]
    match: Match | None = None
    param_ref: ParamRef | None = None
    source: Source = NOWHERE
