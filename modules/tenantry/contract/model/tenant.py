"""A tenant: what a completed request says."""

from dataclasses import dataclass
from datetime import date, timedelta

from tenantry.contract.model.words import (
    AccessRole,
    BucketAccess,
    Bytes,
    Classification,
    Contacts,
    ContainerLimits,
    Direction,
    Environment,
    Metadata,
    Quota,
    Template,
)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tenant may cost a month, in whole units of an ISO 4217 currency."""

    monthly: int
    currency: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a tenant is to run: a named site, or any site of a region and sector."""

    site: str | None
    region: str | None
    sector: str | None


@dataclass(frozen=True, slots=True)
class NamespaceRequest:
    """One namespace of a tenant; `share` is its part of the tenant's quota, relative to the others' shares."""

    name: str
    share: int


@dataclass(frozen=True, slots=True)
class Ingress:
    """The public host names that a tenant owns, and the pod port that the site's gateway sends their requests to."""

    hosts: tuple[str, ...]
    port: int


@dataclass(frozen=True, slots=True)
class Intent:
    """One declared connection inside the government: exactly one of `tenant` (an id), `host` and `cidr` is set."""

    direction: Direction
    tenant: str | None
    host: str | None
    cidr: str | None
    port: int
    protocol: str
    reason: str


@dataclass(frozen=True, slots=True)
class Egress:
    """One declared connection to the outside: exactly one of `host` and `cidr` is set."""

    host: str | None
    cidr: str | None
    port: int
    protocol: str
    reason: str


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One object of a published bucket that readers of the catalogue can download."""

    key: str
    title: str | None
    media_type: str | None


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What the catalogue says of a bucket's data; `licence` and `spatial` are addresses."""

    title: str | None
    description: str | None
    keywords: tuple[str, ...]
    licence: str | None
    issued: date | None
    modified: date | None
    spatial: str | None
    files: tuple[PublishedFile, ...]


@dataclass(frozen=True, slots=True)
class BucketRequest:
    """One bucket; `retention_days` counts from an object's last change."""

    name: str
    publish: bool
    retention_days: int
    versions: bool
    lock: bool
    quota: Bytes
    catalogue: CatalogueEntry | None


@dataclass(frozen=True, slots=True)
class Access:
    """A group of the government's directory and what its members may do."""

    group: str
    role: AccessRole


@dataclass(frozen=True, slots=True)
class BucketGrant:
    """What a service account may do in one bucket of its tenant, below a prefix (`""`: everywhere)."""

    bucket: str
    access: BucketAccess
    prefix: str


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A workload's identity; `api_token` says whether pods that use it get a token for the Kubernetes API.

    `grants` are names of grants whose datasets it uses.
    """

    name: str
    namespace: str
    api_token: bool
    buckets: tuple[BucketGrant, ...]
    grants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContinuousIntegration:
    """The pipeline that may deploy, known by its OIDC issuer's claims; nothing is stored for it.

    `buckets` are those that it may use, too.
    """

    issuer: str
    repository: str
    branch: str
    environment: str | None
    buckets: tuple[BucketGrant, ...]


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a temporary tenant lives, and how many days its data outlives it."""

    starts: date
    ends: date
    grace_days: int
    reason: str

    @property
    def stays(self) -> date:
        """The last day of its data."""
        return self.ends + timedelta(days=self.grace_days)

    def is_over(self, day: date) -> bool:
        """Say whether it has ended by a day: then nothing new starts."""
        return self.ends < day


@dataclass(frozen=True, slots=True)
class Approval:
    """Who agreed to a request, in which capacity, and where that is recorded."""

    by: str
    role: str
    on: date
    reference: str


@dataclass(frozen=True, slots=True)
class Weakening:
    """What protects a tenant's data and is taken back, each as `property=value`, why, and who agreed to that."""

    changes: tuple[str, ...]
    reason: str
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class TenantSpec:
    """All that a completed request says; see `stacks/schema/tenant.json` for each property."""

    id: str
    department: str
    template: Template
    environment: Environment
    classification: Classification
    baseline: str
    contacts: Contacts
    cost_centre: str
    budget: Budget | None
    placement: Placement
    size: str
    quota: Quota
    limits: ContainerLimits
    namespaces: tuple[NamespaceRequest, ...]
    ingress: Ingress
    intents: tuple[Intent, ...]
    egress: tuple[Egress, ...]
    buckets: tuple[BucketRequest, ...]
    access: tuple[Access, ...]
    service_accounts: tuple[ServiceAccount, ...]
    ci: ContinuousIntegration | None
    lease: Lease | None
    approvals: tuple[Approval, ...]
    weakening: Weakening | None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One department's workload in one environment: the unit of isolation, cost, approval and retirement."""

    metadata: Metadata
    spec: TenantSpec

    @property
    def id(self) -> str:
        """The opaque id, which never changes."""
        return self.spec.id

    @property
    def name(self) -> str:
        """The name that people use, which may change."""
        return self.metadata.name
