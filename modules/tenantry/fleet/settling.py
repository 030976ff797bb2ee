"""Places tenants by where they live, where requests and sites alone don't say it: they're asked for their records."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from tenantry.connection import read_connection
from tenantry.fleet.selection import Selection
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import read_records
from tenantry.problems import UnreachableError


def settle(selection: Selection) -> Selection:
    """Give the same tenants, each that names no site on the one where it lives, and the others where there is room.

    Raises InputError with all problems: also where a site can no longer hold who lives there.
    """
    return selection.place_anew(read_lives(selection.documents.sites))


def read_lives(sites: Iterable[str]) -> dict[str, str]:
    """Say at which site each tenant lives, by its id. A site that can't be asked has no say."""
    names = sorted(sites)
    with ThreadPoolExecutor(max(1, len(names))) as readers:
        return {tenant: site for found in readers.map(_read, names) for tenant, site in found}


def _read(site: str) -> list[tuple[str, str]]:
    try:
        return [(record.tenant, site) for record in read_records(KubeClient(read_connection(site)))]
    except UnreachableError:
        return []
