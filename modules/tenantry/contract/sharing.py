"""What grants open for one tenant on one day: the rules of both sides are made from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from tenantry.contract.model import Grant, Tenant


@dataclass(frozen=True, slots=True)
class Sharing:
    """The grants that open something on a tenant's side, by name: as the provider (`given`), as the consumer (`taken`).

    A dataset opens nothing on its provider's side, and on the consumer's only where a service account uses it.
    """

    given: tuple[Grant, ...] = ()
    taken: tuple[Grant, ...] = ()

    @property
    def ends(self) -> Mapping[str, date]:
        """The last day of each grant, by its name."""
        return {grant.name: grant.spec.ends for grant in (*self.given, *self.taken)}


NOTHING_SHARED = Sharing()


def find_sharing(tenant: Tenant, grants: Iterable[Grant], day: date) -> Sharing:
    """Find what is shared with a tenant and by it on a day.

    An outside party has no pods: what it may reach, it reaches by the gateway, which is open to it anyway.
    """
    in_force = sorted((grant for grant in grants if grant.is_in_force(day)), key=lambda grant: grant.name)
    return Sharing(
        tuple(grant for grant in in_force if grant.spec.provider == tenant.id and _opens_service(grant)),
        tuple(grant for grant in in_force if grant.is_for(tenant) and (grant.spec.service or uses(tenant, grant))),
    )


def uses(tenant: Tenant, grant: Grant) -> bool:
    """Say whether a service account of a tenant uses a grant's dataset."""
    return any(grant.name in account.grants for account in tenant.spec.service_accounts)


def _opens_service(grant: Grant) -> bool:
    return grant.spec.service is not None and grant.spec.consumer.party is None
