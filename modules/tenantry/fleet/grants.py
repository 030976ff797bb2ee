"""Grants that are still open after their end: a site has no clock, so that each is open until the next sync."""

from collections.abc import Iterable, Mapping

from tenantry.fleet.survey import Seen
from tenantry.problems import Problem, problem


def find_held(seen: Seen) -> Mapping[str, str]:
    """Give the grants that a tenant's last apply opened and that are no longer in force, each with its last day."""
    record, asked = seen.record, seen.planned.rendered.grants
    return {name: ends for name, ends in (record.grants if record else {}).items() if name not in asked}


def tell_held(every: Iterable[Seen]) -> list[Problem]:
    """Tell of each grant that is still open, and shouldn't be (TEN-674)."""
    return [_tell(seen, name, ends) for seen in every for name, ends in sorted(find_held(seen).items())]


def _tell(seen: Seen, name: str, ends: str) -> Problem:
    tenant, site = seen.planned.tenant, seen.planned.site.name
    where = f"on the side of {tenant.name} ({tenant.id}) at site {site}"
    what = f"grant {name}, opened to {ends}, is no longer in force and still open {where}"
    return problem("TEN-674", what, f"run `tenantry sync {tenant.id}`")
