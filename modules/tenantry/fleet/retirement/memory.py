"""What a site remembers of tenants that ended there: that their ids are taken, and which of their buckets it holds."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from tenantry.connection import Connection
from tenantry.contract.model import today
from tenantry.fleet.retirement.journal import HELD_LABEL, RETIRED_LABEL, Archive, Journal
from tenantry.fleet.site.kube import KubeClient
from tenantry.problems import Problem, UnreachableError, problem
from tenantry.render.naming import MANAGED_BY_LABEL, MANAGER


@dataclass(frozen=True, slots=True)
class Retired:
    """A tenant that ended at a site, or whose end was begun there; no day is known of a broken journal."""

    site: str
    day: str
    finished: bool

    def __str__(self) -> str:
        """Say when and where."""
        return f"at site {self.site}{' on ' + self.day if self.day else ''}"


def find_retired(client: KubeClient, tenants: Collection[str]) -> Mapping[str, Retired]:
    """Say which tenants, by id, ended at a site: one list of names, and a read of each that is among them."""
    names = client.list_names("v1", "ConfigMap", f"{MANAGED_BY_LABEL}={MANAGER},{RETIRED_LABEL}")
    known = sorted({one["metadata"]["labels"][RETIRED_LABEL] for one in names}.intersection(tenants))
    return {tenant: retired for tenant in known if (retired := read_retired(client, tenant)) is not None}


def read_retired(client: KubeClient, tenant: str) -> Retired | None:
    """Say of one tenant, by id, whether it ended at a site."""
    live = Archive(client).get(tenant)
    if live is None:
        return None
    site, journal = client.site, Archive.parse(live)
    if journal is None:
        return Retired(site, "", finished=True)
    certificate = journal.certificate
    moment = certificate["spec"]["ended"] if certificate else journal.started
    return Retired(site, moment.partition("T")[0], finished=certificate is not None)


def tell_held(connections: Iterable[Connection]) -> list[Problem]:
    """Tell of the buckets that sites hold of tenants that are gone (TEN-557), and of holds that are over (TEN-558).

    A site that can't be asked is told of.
    """
    found: list[Problem] = []
    for connection in connections:
        try:
            found += sorted(_find_held(KubeClient(connection)))
        except UnreachableError as error:
            found += error.problems
    return found


def _find_held(client: KubeClient) -> Iterator[Problem]:
    held = [
        (journal, name, entry["hold"].get("until"))
        for live in client.list_all("v1", "ConfigMap", f"{MANAGED_BY_LABEL}={MANAGER},{RETIRED_LABEL},{HELD_LABEL}")
        if (journal := Archive.parse(live)) is not None
        for name, entry in journal.buckets.items()
        if "hold" in entry
    ]
    if not held:
        return
    # Imported here: where nothing is held, nobody waits for boto3.
    from tenantry.objectstore.store import open_store

    store = open_store(client.site)
    with store.doing("list buckets"):
        there = {one["Name"] for one in store.s3.list_buckets()["Buckets"]}
    for journal, name, until in held:
        if name in there:
            yield _tell(client.site, journal, name, until)


def _tell(site: str, journal: Journal, name: str, until: str | None) -> Problem:
    what = (
        f"site {site} holds bucket {name} of tenant {journal.tenant}, whose retirement began on {journal.started[:10]}"
    )
    if until is not None and date.fromisoformat(until) < today():
        fix = "have it decided whether it is still needed; else lift the legal hold of its objects, and delete it"
        return problem("TEN-558", f"{what}, and was to hold it until {until}", fix)
    end = f"until {until}" if until else "and nobody said until when"
    return problem("TEN-557", f"{what}, {end}", "nothing is to be done, as long as it is needed")
