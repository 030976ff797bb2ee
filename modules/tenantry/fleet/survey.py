"""Looks at tenants where they live: the one route by which `status`, `drift`, `plan` and `apply` see the world."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from tenantry.connection import Connection, read_connection
from tenantry.contract.protection import Protection
from tenantry.fleet.retirement.memory import Retired, find_retired
from tenantry.fleet.selection import Planned, Selection
from tenantry.fleet.settling import settle
from tenantry.fleet.site.compare import Comparison, State, StoreDifferences, compare
from tenantry.fleet.site.held import find_held
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import LiveSite, LiveTenant, read_site
from tenantry.fleet.site.record import Record
from tenantry.problems import UnreachableError, problem
from tenantry.render.manifest import object_key


@dataclass(frozen=True, slots=True)
class Seen:
    """A planned tenant, how it stands, and what was applied last; `error` where its site couldn't be asked.

    `held` is what protects the data that it has; None where it has none, or where nothing of it is to be changed.
    `unasked` are the sites at which a tenant that isn't at its own may live, because they didn't answer. `retired` says
    of one that isn't there that it ended.
    """

    planned: Planned
    comparison: Comparison | None
    record: Record | None = None
    error: UnreachableError | None = None
    held: Protection | None = None
    unasked: tuple[str, ...] = ()
    retired: Retired | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """All tenants as they stand, the sites that could be asked, and where those live that aren't at their own site."""

    seen: tuple[Seen, ...]
    connections: Mapping[str, Connection]
    live: Mapping[str, LiveSite]
    elsewhere: Mapping[str, str]


def survey(selection: Selection) -> Survey:
    """Read every site of the tenants in bulk and compare; a site that fails takes only its own tenants with it.

    A tenant that names no site stays where it lives: where that may be another one than its request alone gives, the
    sites are asked first. One that names another site than that where it lives is an error (TEN-508), since moving its
    data isn't an update. Raises InputError where a site can no longer hold who lives there.
    """
    if selection.contested:
        selection = settle(selection)
    found = _survey(selection.planned, selection.documents.sites)
    if any(not selection.placed[tenant].named for tenant in found.elsewhere):
        selection = settle(selection)
        found = _survey(selection.planned, selection.documents.sites)
    return found


def _survey(planned: Sequence[Planned], sites: Iterable[str]) -> Survey:
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
            connections[site], live[site], compared, held = answer.result()
        except UnreachableError as error:
            seen |= {one.tenant.id: Seen(one, None, error=error) for one in by_site[site]}
            continue
        for one, found in zip(by_site[site], compared, strict=True):
            record = live[site].tenant(one.tenant.id).record
            known = replace(one, keys=record.keys) if record else one
            seen[one.tenant.id] = Seen(known, found, record, held=held.get(one.tenant.id))
    absent = {tenant for tenant, one in seen.items() if one.comparison and one.comparison.state is State.ABSENT}
    elsewhere, retired, unasked = _living_elsewhere(absent, sites, live)
    for tenant in absent:
        absentee = seen[tenant]
        if tenant in elsewhere:
            seen[tenant] = Seen(absentee.planned, None, error=_moved(absentee.planned, elsewhere[tenant]))
        elif tenant in retired:
            seen[tenant] = replace(absentee, comparison=Comparison(State.RETIRED, ()), retired=retired[tenant])
        else:
            seen[tenant] = replace(absentee, unasked=unasked)
    return Survey(tuple(seen[one.tenant.id] for one in planned), connections, live, elsewhere)


def _living_elsewhere(
    absent: set[str], sites: Iterable[str], live: Mapping[str, LiveSite]
) -> tuple[dict[str, str], dict[str, Retired], tuple[str, ...]]:
    """Find where absent tenants live, by records there, or ended; and name the sites that can't be asked."""
    found: dict[str, str] = {}
    retired: dict[str, Retired] = {}
    unasked: list[str] = []
    for site in sorted(sites) if absent else ():
        try:
            client = KubeClient(read_connection(site))
            there = live[site] if site in live else read_site(client, absent)
            retired |= find_retired(client, absent)
        except UnreachableError:
            unasked.append(site)
            continue
        found |= {tenant: site for tenant in absent if there.tenant(tenant).record is not None}
    return found, retired, tuple(unasked)


def _moved(planned: Planned, elsewhere: str) -> UnreachableError:
    tenant = f"tenant {planned.tenant.name} ({planned.tenant.id})"
    what = f"{tenant} lives on site {elsewhere}, and moving it to {planned.site.name} isn't an update"
    fix = f"name {elsewhere} in its placement; or retire it there first, and bring its data along"
    return UnreachableError(problem("TEN-508", what, fix))


def _look(
    site: str, members: Sequence[Planned]
) -> tuple[Connection, LiveSite, list[Comparison], dict[str, Protection]]:
    connection = read_connection(site)
    live = read_site(KubeClient(connection), [one.tenant.id for one in members])
    recorded = [one for one in members if live.tenant(one.tenant.id).record is not None]
    store = _audit(site, recorded)
    compared = [compare(one.rendered, live.tenant(one.tenant.id), store.get(one.tenant.id, {})) for one in members]
    return connection, live, compared, _held(site, list(zip(members, compared, strict=True)), live)


def _held(site: str, members: Sequence[tuple[Planned, Comparison]], live: LiveSite) -> dict[str, Protection]:
    """Say what protects the data of each member: by its record, or by what lives, where something is to be changed."""
    found: dict[str, Protection] = {}
    untold: list[tuple[Planned, LiveTenant]] = []
    for one, compared in members:
        there = live.tenant(one.tenant.id)
        if there.record is not None and there.record.protection is not None:
            found[one.tenant.id] = there.record.protection
        elif compared.state not in (State.AS_ASKED, State.DRIFTED):
            untold.append((one, there))
    return found | find_held(site, untold)


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
