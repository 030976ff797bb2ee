"""Looks at tenants where they live: the one route by which `status`, `drift`, `plan` and `apply` see the world."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from tenantry.connection import Connection, read_connection
from tenantry.fleet.selection import Planned
from tenantry.fleet.site.compare import Comparison, State, StoreDifferences, compare
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import LiveSite, read_site
from tenantry.fleet.site.record import Record
from tenantry.problems import UnreachableError, problem
from tenantry.render.manifest import object_key


@dataclass(frozen=True, slots=True)
class Seen:
    """A planned tenant, how it stands, and what was applied last; `error` where its site couldn't be asked."""

    planned: Planned
    comparison: Comparison | None
    record: Record | None = None
    error: UnreachableError | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """All tenants as they stand, and the sites that could be asked."""

    seen: tuple[Seen, ...]
    connections: Mapping[str, Connection]
    live: Mapping[str, LiveSite]


def survey(planned: Sequence[Planned], sites: Iterable[str] = ()) -> Survey:
    """Read every site of the tenants in bulk and compare; a site that fails takes only its own tenants with it.

    A tenant that isn't where it is asked to be is looked for at the other `sites`: one that lives there is an error
    (TEN-508), since moving its data isn't an update.
    """
    by_site: dict[str, list[Planned]] = {}
    for one in planned:
        by_site.setdefault(one.site.name, []).append(one)
    connections: dict[str, Connection] = {}
    live: dict[str, LiveSite] = {}
    seen: dict[str, Seen] = {}
    with ThreadPoolExecutor(max(1, len(by_site))) as readers:
        answers = {site: readers.submit(_look, site, members) for site, members in by_site.items()}
    for site, answer in answers.items():
        try:
            connections[site], live[site], compared = answer.result()
        except UnreachableError as error:
            seen |= {one.tenant.id: Seen(one, None, error=error) for one in by_site[site]}
            continue
        for one, found in zip(by_site[site], compared, strict=True):
            record = live[site].tenant(one.tenant.id).record
            seen[one.tenant.id] = Seen(replace(one, keys=record.keys) if record else one, found, record)
    absent = {tenant for tenant, one in seen.items() if one.comparison and one.comparison.state is State.ABSENT}
    for tenant, elsewhere in _living_elsewhere(absent, sites, live).items():
        seen[tenant] = Seen(seen[tenant].planned, None, error=_moved(seen[tenant].planned, elsewhere))
    return Survey(tuple(seen[one.tenant.id] for one in planned), connections, live)


def _living_elsewhere(absent: set[str], sites: Iterable[str], live: Mapping[str, LiveSite]) -> dict[str, str]:
    """Find, by the records of the other sites, where absent tenants live. A site that can't be asked has no say."""
    found: dict[str, str] = {}
    for site in sorted(sites) if absent else ():
        with suppress(UnreachableError):
            there = live[site] if site in live else read_site(KubeClient(read_connection(site)), absent)
            found |= {tenant: site for tenant in absent if there.tenant(tenant).record is not None}
    return found


def _moved(planned: Planned, elsewhere: str) -> UnreachableError:
    tenant = f"tenant {planned.tenant.name} ({planned.tenant.id})"
    what = f"{tenant} lives on site {elsewhere}, and moving it to {planned.site.name} isn't an update"
    fix = f"name {elsewhere} in its placement; or retire it there first, and bring its data along"
    return UnreachableError(problem("TEN-508", what, fix))


def _look(site: str, members: Sequence[Planned]) -> tuple[Connection, LiveSite, list[Comparison]]:
    connection = read_connection(site)
    live = read_site(KubeClient(connection), [one.tenant.id for one in members])
    recorded = [one for one in members if live.tenant(one.tenant.id).record is not None]
    store = _audit(site, recorded)
    compared = [compare(one.rendered, live.tenant(one.tenant.id), store.get(one.tenant.id, {})) for one in members]
    return connection, live, compared


def _audit(site: str, members: Sequence[Planned]) -> dict[str, StoreDifferences]:
    """Hold the store against the documents of all members at once."""
    documents = [(one.tenant.id, document) for one in members for document in one.rendered.object_store]
    if not documents:
        return {}
    from tenantry.objectstore.audit import audit_documents

    found: dict[str, dict[str, tuple[str, ...] | None]] = {}
    differences = audit_documents(site, [document for _, document in documents])
    for (tenant, document), paths in zip(documents, differences, strict=True):
        found.setdefault(tenant, {})[object_key(document)] = paths
    return dict(found)
