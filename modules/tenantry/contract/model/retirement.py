"""The approved end of a tenant, and what becomes of its data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tenantry.contract.model.tenant import Approval
from tenantry.contract.model.words import Disposal, Metadata


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """Where an export goes: a bucket of another tenant (an id), by its name in that tenant's request."""

    tenant: str
    bucket: str


@dataclass(frozen=True, slots=True)
class BucketDisposal:
    """What becomes of one bucket's objects; `to` is an export's alone, `until` (the last day) a hold's."""

    name: str
    disposal: Disposal
    to: ExportTarget | None
    until: date | None


@dataclass(frozen=True, slots=True)
class RetirementSpec:
    """Which tenant ends, why and by whose approval; see `stacks/schema/retirement.json`."""

    tenant: str
    reason: str
    approvals: tuple[Approval, ...]
    buckets: tuple[BucketDisposal, ...]


@dataclass(frozen=True, slots=True)
class Retirement:
    """The agreement that a tenant ends. It stays on file after the tenant's request is gone."""

    metadata: Metadata
    spec: RetirementSpec

    @property
    def disposals(self) -> Mapping[str, BucketDisposal]:
        """What becomes of each bucket, by the bucket's name in the request."""
        return {each.name: each for each in self.spec.buckets}
