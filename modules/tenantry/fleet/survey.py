"""Looks at tenants where they live: the one route by which `status`, `drift`, `plan` and `apply` see the world."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tenantry.connection import Connection, read_connection
from tenantry.fleet.compare import Comparison, StoreDifferences, compare
from tenantry.fleet.kube import KubeClient
from tenantry.fleet.live import LiveSite, read_site
from tenantry.fleet.record import Record
from tenantry.fleet.selection import Planned
from tenantry.problems import UnreachableError
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


def survey(planned: Sequence[Planned]) -> Survey:
    """Read every site of the tenants in bulk and compare; a site that fails takes only its own tenants with it."""
    by_site: dict[str, list[Planned]] = {}
    for one in planned:
        by_site.setdefault(one.site.name, []).append(one)
    connections: dict[str, Connection] = {}
    live: dict[str, LiveSite] = {}
    seen: dict[str, Seen] = {}
    with ThreadPoolExecutor(max(1, len(by_site))) as sites:
        answers = {site: sites.submit(_look, site, members) for site, members in by_site.items()}
    for site, answer in answers.items():
        try:
            connections[site], live[site], compared = answer.result()
        except UnreachableError as error:
            seen |= {one.tenant.id: Seen(one, None, error=error) for one in by_site[site]}
            continue
        for one, found in zip(by_site[site], compared, strict=True):
            seen[one.tenant.id] = Seen(one, found, live[site].tenant(one.tenant.id).record)
    return Survey(tuple(seen[one.tenant.id] for one in planned), connections, live)


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
