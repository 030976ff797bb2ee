"""Sites, and the departments whose tenants run on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from tenantry.contract.model.words import CiSystem, Classification, Contacts, Location, Metadata, Quota

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that an API server gives each namespace: its name."""


@dataclass(frozen=True, slots=True)
class PodSelector:
    """Pods of a namespace, by the namespace's labels, and the port that they answer on."""

    namespace_labels: Mapping[str, str]
    port: int

    @property
    def namespace(self) -> str:
        """The namespace's name; empty where the site chooses it by other labels alone."""
        return self.namespace_labels.get(NAMESPACE_NAME, "")


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


# What each system writes of a branch by itself. Of a job that names an environment, GitHub writes that alone.
_SUBJECTS = {
    CiSystem.GITHUB: "repo:{repository}:ref:refs/heads/{branch}",
    CiSystem.GITLAB: "project_path:{repository}:ref_type:branch:ref:{branch}",
}


@dataclass(frozen=True, slots=True)
class Pipelines:
    """A CI system whose pipelines a site knows by the tokens of its OIDC issuer, made for an audience.

    `certificate_authority` vouches for the issuer's address, in PEM; `None` where the site's own authorities do.
    `subject` is what it was set to write as a token's `sub`; `None`: what it writes by itself.
    """

    issuer: str
    audience: str
    system: CiSystem
    certificate_authority: str | None
    subject: str | None

    @property
    def subject_form(self) -> str:
        """How a token's `sub` is written, with `{repository}`, `{branch}` and `{environment}` in their places."""
        return self.subject if self.subject is not None else _SUBJECTS[self.system]


@dataclass(frozen=True, slots=True)
class SiteStore:
    """How workloads reach a site's object store. `sts_endpoint` is `None` where the store's own address answers for it.

    `certificate_authority` vouches for the addresses, in PEM; `None` where what images trust does.
    """

    endpoint: str
    sts_endpoint: str | None
    region: str
    certificate_authority: str | None


@dataclass(frozen=True, slots=True)
class SiteCatalogue:
    """Where the government's catalogue is published: a bucket of the site's own; `publisher` is a department."""

    bucket: str
    title: str
    publisher: str


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
    pipelines: tuple[Pipelines, ...]
    access_log_bucket: str | None
    object_store: SiteStore | None
    public_endpoint: str | None
    catalogue: SiteCatalogue | None
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

    @property
    def federates(self) -> bool:
        """Whether its store takes tokens instead of keys: those of workloads, and of the CI systems that it lists."""
        return self.can("sts.webIdentity") and self.spec.issuer is not None

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
    groups: tuple[str, ...]
    """The groups of the directory that its tenants may let in; where there are none, any."""


@dataclass(frozen=True, slots=True)
class Department:
    """The organisation that owns tenants; gives them contacts, cost centre and region where a request names none."""

    metadata: Metadata
    spec: DepartmentSpec

    @property
    def name(self) -> str:
        """The department's name, which requests know it by."""
        return self.metadata.name
