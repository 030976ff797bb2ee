"""The contract's values: what a validated, completed document says, as frozen dataclasses.

Every class mirrors one object of a JSON Schema in `stacks/schema/`; a field is the property's name in snake case, and
`tests/unit/test_model_matches_schema.py` holds the two together. Values are built after validation and after
defaults were filled in (`contract.defaults`), so a field that is never absent has no default here: they live in the
baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NewType

Millicores = NewType("Millicores", int)
"""CPU, in thousandths of a core."""

Bytes = NewType("Bytes", int)
"""Memory or storage, in bytes."""


class Classification(StrEnum):
    """Who may use the data; the one word that drives every control."""

    OPEN = "open"
    SHARED = "shared"
    MARKET = "market"
    RESTRICTED = "restricted"


class Environment(StrEnum):
    """What a tenant is for in the life of its workload."""

    DEV = "dev"
    TEST = "test"
    PROD = "prod"
    TOOLS = "tools"


class Template(StrEnum):
    """What a request starts from."""

    SERVICE = "service"
    SENSING = "sensing"
    SOFTWARE = "software"
    CONTENT = "content"
    DATA = "data"


class AccessRole(StrEnum):
    """What a group of people may do in a tenant."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    AUDITOR = "auditor"


class Direction(StrEnum):
    """Which side opens the connection: this tenant (`to`) or its peer (`from`)."""

    TO = "to"
    FROM = "from"


class BucketAccess(StrEnum):
    """What a service account may do with the objects of a bucket."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "readWrite"


class Location(StrEnum):
    """Whose hardware a site stands on."""

    ON_PREMISES = "onPremises"
    HOSTED = "hosted"


class Encryption(StrEnum):
    """What a classification wants of encryption at rest."""

    STORE_DEFAULT = "storeDefault"
    NEEDED = "needed"
    OWN_KEY = "ownKey"


@dataclass(frozen=True, slots=True)
class Metadata:
    """A document's name, which may change, and its free labels."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contacts:
    """Mail addresses of those who answer for a tenant."""

    owner: str
    technical: tuple[str, ...]
    security: str
    finance: str


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
class Quota:
    """What all pods and volume claims of a tenant, or of a department, may request together."""

    cpu: Millicores
    memory: Bytes
    storage: Bytes
    pods: int


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """What a container that asks for nothing gets, and the most that one may ask for."""

    default_cpu: Millicores
    default_memory: Bytes
    default_request_cpu: Millicores
    default_request_memory: Bytes


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
class BucketRequest:
    """One bucket; `retention_days` counts from an object's last change."""

    name: str
    publish: bool
    retention_days: int
    versions: bool
    lock: bool
    quota: Bytes


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
    """A workload's identity; `api_token` says whether pods that use it get a token for the Kubernetes API."""

    name: str
    namespace: str
    api_token: bool
    buckets: tuple[BucketGrant, ...]


@dataclass(frozen=True, slots=True)
class ContinuousIntegration:
    """The pipeline that may deploy, known by its OIDC issuer's claims; nothing is stored for it."""

    issuer: str
    repository: str
    branch: str
    environment: str | None


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a temporary tenant lives, and how many days its data outlives it."""

    starts: date
    ends: date
    grace_days: int
    reason: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Who agreed to a request, in which capacity, and where that is recorded."""

    by: str
    role: str
    on: date
    reference: str


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


@dataclass(frozen=True, slots=True)
class PodSelector:
    """Pods of a namespace, by the namespace's labels, and the port that they answer on."""

    namespace_labels: Mapping[str, str]
    port: int


@dataclass(frozen=True, slots=True)
class SiteNetwork:
    """What of a site's own services tenants' pods speak with, and where its addresses lie."""

    dns: PodSelector
    ingress: PodSelector
    monitoring: PodSelector
    cluster_cidrs: tuple[str, ...]
    object_store_cidrs: tuple[str, ...]
    object_store_port: int


@dataclass(frozen=True, slots=True)
class NodePool:
    """The label and taint that a pool's nodes carry."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """What a site offers; see `stacks/schema/site.json`."""

    title: str
    region: str
    sector: str
    location: Location
    classifications: tuple[Classification, ...]
    kubernetes_minor: str
    issuer: str | None
    capabilities: tuple[str, ...]
    network: SiteNetwork
    node_pools: Mapping[Classification, NodePool]
    storage_classes: tuple[str, ...]
    capacity: Quota


@dataclass(frozen=True, slots=True)
class Site:
    """One Kubernetes cluster and one object store that belong together."""

    metadata: Metadata
    spec: SiteSpec

    @property
    def name(self) -> str:
        """The site's name, which requests and connections know it by."""
        return self.metadata.name

    def can(self, capability: str) -> bool:
        """Say whether the site's document lists a capability."""
        return capability in self.spec.capabilities


@dataclass(frozen=True, slots=True)
class DepartmentSpec:
    """Who a department is and what its tenants may use together; see `stacks/schema/department.json`."""

    title: str
    region: str
    sector: str
    contacts: Contacts
    cost_centre: str
    ceiling: Quota


@dataclass(frozen=True, slots=True)
class Department:
    """The organisation that owns tenants; gives them contacts, cost centre and region where a request names none."""

    metadata: Metadata
    spec: DepartmentSpec

    @property
    def name(self) -> str:
        """The department's name, which requests know it by."""
        return self.metadata.name


@dataclass(frozen=True, slots=True)
class SizeClass:
    """A ready-made quota with the container limits that suit it."""

    quota: Quota
    limits: ContainerLimits


@dataclass(frozen=True, slots=True)
class ClassificationControls:
    """What one classification decides: a column of the design's table."""

    readers: str
    pod_security: str
    own_node_pool: bool
    route_from_outside: bool
    egress_other_sites: bool
    publish: bool
    encryption: Encryption
    versions: bool
    lock: bool
    min_retention_days: int
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


@dataclass(frozen=True, slots=True)
class ObjectSelector:
    """The objects that a waiver is for; what is `None` isn't looked at, and at least the tenant is always named."""

    tenant: str
    namespace: str | None
    kind: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class WaiverSpec:
    """What a waiver excuses, for whom and until when; see `stacks/schema/waiver.json`."""

    policy: str
    objects: tuple[ObjectSelector, ...]
    reason: str
    owner: str
    approver: str
    ticket: str
    approved: date
    expires: date


@dataclass(frozen=True, slots=True)
class Waiver:
    """A recorded, approved, expiring exception to one policy for named objects."""

    metadata: Metadata
    spec: WaiverSpec

    @property
    def name(self) -> str:
        """The waiver's name, which verdicts show."""
        return self.metadata.name


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who a grant is for: exactly one of a department, a tenant (an id) and a licensed outside party is set."""

    department: str | None
    tenant: str | None
    party: str | None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Objects of one of the provider's buckets, below a prefix (`""`: all), and what the consumer may do with them."""

    bucket: str
    prefix: str
    access: BucketAccess


@dataclass(frozen=True, slots=True)
class SharedService:
    """One of the provider's services: a host of its own, and the port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class GrantSpec:
    """What is shared, with whom, for what and for how long; see `stacks/schema/grant.json`.

    Exactly one of `dataset` and `service` is set.
    """

    provider: str
    consumer: Consumer
    dataset: Dataset | None
    service: SharedService | None
    purpose: str
    legal_basis: str
    ceiling: Classification
    starts: date
    ends: date
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """A sharing agreement between a provider's tenant and a consumer."""

    metadata: Metadata
    spec: GrantSpec

    @property
    def name(self) -> str:
        """The grant's name, which intents, policies and the catalogue know it by."""
        return self.metadata.name
