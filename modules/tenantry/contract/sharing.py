"""What grants open for one tenant on one day: the rules of both sides are made from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Self

from tenantry.contract.model import Grant, Site, Tenant


class Way(StrEnum):
    """How an outside party comes at a dataset: by a role that takes its own tokens, or as a user with a key."""

    ROLE = "role"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Sharing:
    """The grants that open something on a tenant's side, by name: as the provider (`given`), as the consumer (`taken`).

    A dataset opens something on its provider's side where it is for an outside party, which has no side here; else on
    the consumer's alone, and only where a service account uses it.
    """

    given: tuple[Grant, ...] = ()
    taken: tuple[Grant, ...] = ()

    @property
    def ends(self) -> Mapping[str, date]:
        """The last day of each grant, by its name."""
        return {grant.name: grant.spec.ends for grant in (*self.given, *self.taken)}

    def at(self, site: Site) -> Self:
        """Give what of it a site can open: without the datasets that an outside party has no way to."""
        return replace(self, given=tuple(one for one in self.given if not for_party(one) or find_way(one, site)))


NOTHING_SHARED = Sharing()


def find_sharing(tenant: Tenant, grants: Iterable[Grant], day: date) -> Sharing:
    """Find what is shared with a tenant and by it on a day.

    An outside party has no pods: what service it may reach, it reaches by the gateway, which is open to it anyway.
    """
    in_force = sorted((grant for grant in grants if grant.is_in_force(day)), key=lambda grant: grant.name)
    return Sharing(
        tuple(grant for grant in in_force if grant.spec.provider == tenant.id and _opens_here(grant)),
        tuple(grant for grant in in_force if grant.is_for(tenant) and (grant.spec.service or uses(tenant, grant))),
    )


def uses(tenant: Tenant, grant: Grant) -> bool:
    """Say whether a service account of a tenant uses a grant's dataset."""
    return any(grant.name in account.grants for account in tenant.spec.service_accounts)


def for_party(grant: Grant) -> bool:
    """Say whether a grant opens a dataset to an outside party, by an identity in the store that is the grant's own."""
    return grant.spec.dataset is not None and grant.spec.consumer.party is not None


def find_way(grant: Grant, site: Site) -> Way | None:
    """Find how the outside party of a grant comes at the store of the provider's site; None where it can't."""
    if grant.spec.consumer.identity is not None and site.can("sts.webIdentity"):
        return Way.ROLE
    return Way.USER if site.can("iam.users") else None


def _opens_here(grant: Grant) -> bool:
    """Say whether a grant opens something on its provider's side."""
    return for_party(grant) or (grant.spec.service is not None and grant.spec.consumer.party is None)
