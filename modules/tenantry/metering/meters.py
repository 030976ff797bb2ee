"""Which grants are metered, and which of them a request was made by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tenantry.contract.model import BucketAccess, Grant, Tenant
from tenantry.contract.sharing import for_party
from tenantry.metering.calls import Call
from tenantry.render.naming import bucket_name, grant_identity_name, identity_name


@dataclass(frozen=True, slots=True)
class Meter:
    """What of a log is one grant's: requests of these tenants' accounts, or of its own identity, below a prefix.

    `users` are the accounts, by their names in the store, that name the grant by now. `first` and `last` are the days
    on which it is in force.
    """

    grant: Grant
    bucket: str
    prefix: str
    tenants: frozenset[str]
    users: frozenset[str]
    identity: str | None
    first: date
    last: date

    def is_of(self, who: str) -> bool:
        """Say whether an identity in the store is the consumer's."""
        tenant, _, rest = who.partition(".")
        return who == self.identity or (tenant in self.tenants and "." in rest)

    def misfit(self, call: Call, who: str) -> tuple[bool, bool]:
        """Say how little a request of the consumer's fits, to choose among its grants of the same objects.

        By who names the grant, then by what it lets the consumer do.
        """
        access = self.grant.spec.dataset.access if self.grant.spec.dataset is not None else None
        other = BucketAccess.WRITE if call.reads else BucketAccess.READ
        return who not in self.users, access is other

    def is_open(self, day: date) -> bool:
        """Say whether the grant is in force on a day."""
        return self.first <= day <= self.last


def make_meter(grant: Grant, tenants: Sequence[Tenant]) -> Meter | None:
    """Make the meter of a grant of a dataset; None of a service's, of which no store knows. `tenants` are all around.

    The tenant that a grant names is its consumer, also where its request is no longer there.
    """
    spec = grant.spec
    if spec.dataset is None:
        return None
    named = {spec.consumer.tenant} if spec.consumer.tenant is not None else set[str]()
    withdrawn = spec.withdrawn - timedelta(days=1) if spec.withdrawn is not None else date.max
    return Meter(
        grant=grant,
        bucket=bucket_name(spec.provider, spec.dataset.bucket),
        prefix=spec.dataset.prefix,
        tenants=frozenset(named | {one.id for one in tenants if grant.is_for(one)}),
        users=frozenset(
            identity_name(one, account)
            for one in tenants
            for account in one.spec.service_accounts
            if grant.name in account.grants
        ),
        identity=grant_identity_name(grant) if for_party(grant) else None,
        first=max(spec.starts, grant.agreed),
        last=min(spec.ends, withdrawn),
    )


class Meters:
    """All meters, by their buckets; those with longer prefixes come first, then by name."""

    def __init__(self, every: Iterable[Meter]) -> None:
        self.every = sorted(every, key=lambda one: one.grant.name)
        self._by_bucket: dict[str, list[Meter]] = {}
        for one in sorted(self.every, key=lambda one: -len(one.prefix)):
            self._by_bucket.setdefault(one.bucket, []).append(one)

    def below(self, call: Call) -> list[Meter]:
        """Give the meters in whose dataset a request's object lies; where it has none, those of the bucket."""
        here = self._by_bucket.get(call.bucket, ())
        return [one for one in here if call.key.startswith(one.prefix) or not call.key]
