"""Finds what belongs into the catalogue: published buckets, and what grants in force share of others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from tenantry.contract.documents import Documents
from tenantry.contract.model import (
    BucketAccess,
    BucketRequest,
    CatalogueEntry,
    Classification,
    Consumer,
    Dataset,
    Department,
    Grant,
    Tenant,
)
from tenantry.render.naming import bucket_name

_NOTHING_SAID = CatalogueEntry(None, None, (), None, None, None, None, ())


@dataclass(frozen=True, slots=True)
class Share:
    """One grant in force: to whom, by the name that readers are told, for what use, and the last day."""

    grant: str
    consumer: str
    access: BucketAccess
    until: date


@dataclass(frozen=True, slots=True)
class Entry:
    """One dataset: a published bucket, which has no shares, or what grants share of another below a prefix."""

    tenant: Tenant
    department: Department
    bucket: BucketRequest
    prefix: str = ""
    shares: tuple[Share, ...] = ()

    @property
    def said(self) -> CatalogueEntry:
        """What the request says of it."""
        return self.bucket.catalogue or _NOTHING_SAID

    @property
    def name(self) -> str:
        """The bucket's name in the store."""
        return bucket_name(self.tenant.id, self.bucket.name)

    @property
    def identifier(self) -> str:
        """What it is known by for ever: the bucket's name in the store, and the prefix where less is shared."""
        return f"{self.name}/{self.prefix}" if self.prefix else self.name

    @property
    def title(self) -> str:
        """Its title, with the prefix that alone is shared."""
        title = self.said.title or f"{self.tenant.name}: {self.bucket.name}"
        return f"{title} ({self.prefix})" if self.prefix else title

    @property
    def description(self) -> str:
        """What the request says it is about; where that says nothing, whose it is."""
        whose = f"Objects of the bucket {self.bucket.name} of {self.tenant.name}, {self.department.spec.title}."
        return self.said.description or whose


def find_entries(tenants: Iterable[Tenant], documents: Documents, day: date) -> tuple[Entry, ...]:
    """Give all datasets of tenants that the catalogue has on a day, by title; of restricted data there are none.

    `documents` has the tenants' departments, the grants, and the requests of whomever these are for.
    """
    grants = [grant for grant in documents.grants.values() if grant.is_in_force(day)]
    names = _name_tenants(documents)
    found = [
        entry
        for tenant in tenants
        if tenant.spec.classification is not Classification.RESTRICTED
        for entry in _of_tenant(tenant, documents, grants, names)
    ]
    return tuple(sorted(found, key=lambda entry: (entry.title.casefold(), entry.identifier)))


def _of_tenant(
    tenant: Tenant, documents: Documents, grants: Iterable[Grant], names: Mapping[str, str]
) -> Iterator[Entry]:
    """Give a tenant's datasets; what is published needs no grant."""
    department = documents.departments[tenant.spec.department]
    for bucket in tenant.spec.buckets:
        if bucket.publish and tenant.spec.classification is Classification.OPEN:
            yield Entry(tenant, department, bucket)
            continue
        shares: dict[str, list[Share]] = {}
        for grant in sorted(grants, key=lambda grant: grant.name):
            dataset = grant.spec.dataset
            if grant.spec.provider == tenant.id and dataset is not None and dataset.bucket == bucket.name:
                shares.setdefault(dataset.prefix, []).append(_share(grant, dataset, documents, names))
        for prefix, several in shares.items():
            yield Entry(tenant, department, bucket, prefix, tuple(several))


def _share(grant: Grant, dataset: Dataset, documents: Documents, names: Mapping[str, str]) -> Share:
    spec = grant.spec
    until = spec.ends if spec.withdrawn is None else min(spec.ends, spec.withdrawn - timedelta(days=1))
    return Share(grant.name, _name_consumer(spec.consumer, documents, names), dataset.access, until)


def _name_consumer(consumer: Consumer, documents: Documents, names: Mapping[str, str]) -> str:
    if consumer.tenant is not None:
        return names[consumer.tenant]
    if consumer.department is not None:
        return _title(consumer.department, documents)
    return str(consumer.party)


def _name_tenants(documents: Documents) -> dict[str, str]:
    """Say what readers are told of each tenant; what restricted tenants are called is nobody's business."""
    names = {}
    for request in documents.requests:
        department = _title(request.spec["department"], documents)
        hidden = request.spec["classification"] == Classification.RESTRICTED
        names[request.spec["id"]] = f"a tenant of {department}" if hidden else f"{request.name}, {department}"
    return names


def _title(department: str, documents: Documents) -> str:
    return documents.departments[department].spec.title
