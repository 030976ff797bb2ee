"""The baseline: sizes, what each classification decides, and the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass

from tenantry.contract.model.words import Classification, ContainerLimits, Encryption, Metadata, Quota, Template


@dataclass(frozen=True, slots=True)
class SizeClass:
    """A ready-made quota with the container limits that suit it."""

    quota: Quota
    limits: ContainerLimits


@dataclass(frozen=True, slots=True)
class ClassificationControls:
    """What one classification decides: a column of the design's table."""

    readers: str
    grantees: tuple[str, ...]
    metered: bool
    pod_security: str
    own_node_pool: bool
    route_from_outside: bool
    egress_other_sites: bool
    publish: bool
    encryption: Encryption
    versions: bool
    lock: bool
    min_retention_days: int
    retention_adds_term: bool
    on_premises: bool
    in_region: bool
    approvals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Allowed:
    """What workloads may name: image registries and the cluster's classes."""

    registries: tuple[str, ...]
    storage_classes: tuple[str, ...]
    priority_classes: tuple[str, ...]
    runtime_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BaselineSpec:
    """The versioned defaults and limits; `defaults` and `templates` are parts of a request's `spec`."""

    sizes: Mapping[str, SizeClass]
    classifications: Mapping[Classification, ClassificationControls]
    defaults: Mapping[str, object]
    templates: Mapping[Template, Mapping[str, object]]
    allowed: Allowed
    denied_egress: tuple[str, ...]
    key_rotation_days: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """The versioned set of policies, defaults and settings that everything is held to; its name is its version."""

    metadata: Metadata
    spec: BaselineSpec

    @property
    def version(self) -> str:
        """The version that tenants pin."""
        return self.metadata.name

    def controls(self, classification: Classification) -> ClassificationControls:
        """Give what a classification decides."""
        return self.spec.classifications[classification]
