"""Agreements that a person has approved: waivers and grants."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from tenantry.contract.model.tenant import Approval, Tenant
from tenantry.contract.model.words import BucketAccess, Classification, Metadata


def today() -> date:
    """Give the day by which agreements hold or have lapsed, wherever somebody is: that in UTC."""
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class ObjectSelector:
    """The objects that a waiver is for: one host's facts, or those of a tenant; what is `None` isn't looked at.

    Exactly one of `tenant` and `host` is set; the others narrow a tenant's objects down.
    """

    tenant: str | None
    namespace: str | None
    kind: str | None
    name: str | None
    host: str | None


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

    def is_in_force(self, day: date) -> bool:
        """Say whether it excuses anything on a day: from its approval to its last day."""
        return self.spec.approved <= day <= self.spec.expires


@dataclass(frozen=True, slots=True)
class PartyIdentity:
    """By which tokens a store knows an outside party: those of its own OIDC issuer, for one subject and audience."""

    issuer: str
    subject: str
    audience: str


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who a grant is for: exactly one of a department, a tenant (an id) and a licensed outside party is set.

    Only a party has an `identity`, where it has an OIDC issuer of its own.
    """

    department: str | None
    tenant: str | None
    party: str | None
    identity: PartyIdentity | None

    @property
    def kind(self) -> str:
        """Say which of the three it is, as the baseline's `grantees` does."""
        return "department" if self.department is not None else "tenant" if self.tenant is not None else "party"

    def __str__(self) -> str:
        """Name it for a reader."""
        return f"{self.kind} {self.department or self.tenant or self.party}"


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
    withdrawn: date | None
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """A sharing agreement between a provider's tenant and a consumer."""

    metadata: Metadata
    spec: GrantSpec

    @property
    def name(self) -> str:
        """The grant's name, which service accounts, policies and the catalogue know it by."""
        return self.metadata.name

    @property
    def agreed(self) -> date:
        """The day on which both sides had approved it."""
        return max(approval.on for approval in self.spec.approvals)

    def is_in_force(self, day: date) -> bool:
        """Say whether it opens anything on a day: once it is approved, from its first to its last."""
        return max(self.spec.starts, self.agreed) <= day and not self.is_over(day)

    def is_over(self, day: date) -> bool:
        """Say whether it has ended by a day, or was withdrawn."""
        withdrawn = self.spec.withdrawn
        return self.spec.ends < day or (withdrawn is not None and withdrawn <= day)

    def is_for(self, tenant: Tenant) -> bool:
        """Say whether a tenant is its consumer; the provider never is, also where its whole department is.

        Of a department it is each tenant that protects data as the ceiling asks. That a tenant which the grant names
        does so is the baseline's to hold (policy `request-grants`), for else the grant itself is wrong.
        """
        consumer, spec = self.spec.consumer, tenant.spec
        of_department = consumer.department == spec.department and spec.classification.covers(self.spec.ceiling)
        return (consumer.tenant == tenant.id or of_department) and tenant.id != self.spec.provider
