"""The steps of one tenant's end. Each is safe to do again, so that a run that was cut off anywhere is run once more."""

from contextlib import ExitStack
from typing import Any

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from tenantry.components.register import GONE_SECONDS
from tenantry.fleet.engine.locks import with_stale_lock_cleared
from tenantry.fleet.engine.session import Session
from tenantry.fleet.retirement.certificate import certify
from tenantry.fleet.retirement.data import check_buckets, dispose, find_retention, list_buckets
from tenantry.fleet.retirement.ending import Ending
from tenantry.fleet.retirement.journal import Archive, Journal
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import LiveTenant, is_ours, read_site
from tenantry.fleet.site.record import Keys, Record, record_manifest
from tenantry.objectstore.contents.deletion import keep_bucket
from tenantry.objectstore.contents.exporting import Place, manifest_digest
from tenantry.objectstore.identities import end_identities, list_identities
from tenantry.objectstore.store import Store, open_store
from tenantry.problems import Problem, UnreachableError, problem

_CREDENTIALS = (
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "ServiceAccount"),
    ("v1", "Secret"),
)
"""What people and workloads come by. A token ends with its account, also that of one that Kubernetes makes again."""


class Steps:
    """The end of one tenant, by an open engine; the caller holds the tenant's lock."""

    def __init__(self, ending: Ending, session: Session) -> None:
        self._ending, self._session = ending, session
        self._tenant, self._site = ending.tenant.id, ending.planned.site.name
        self._client = KubeClient(session.connections[self._site])
        self._archive = Archive(self._client)

    def run(self) -> dict[str, Any]:
        """End the tenant and give its certificate; one that has ended has the certificate that it was given then.

        Raises TenantryError with all that stands in the way, before anything is changed; UnreachableError where a site
        or a store fails, or something is still there.
        """
        store = open_store(self._site)
        live = read_site(self._client, [self._tenant]).tenant(self._tenant)
        journal = self._archive.read(self._tenant)
        if journal is not None and journal.certificate is not None:
            if not self._left(store, journal) and not self._session.engine.exists(self._tenant):
                return journal.certificate
            journal = None
        retention = find_retention(self._ending, live.record)
        check_buckets(self._ending, store, retention)
        journal = journal or Journal(self._tenant)
        journal.add(live.objects, [f"{kind}/{name}" for kind, name in list_identities(store, self._tenant)])
        self._keep_state(journal)
        self._archive.write(journal)
        self._end_credentials(store, live)
        dispose(self._ending, store, self._archive, journal, retention)
        self._destroy(store)
        self._sweep()
        self._verify(store, journal)
        journal.certificate = certify(self._ending, journal)
        self._archive.write(journal)
        self._client.delete(record_manifest(Record(self._tenant, "", "", "", {}, {}, {}, Keys(), cordoned=False)))
        return journal.certificate

    def _keep_state(self, journal: Journal) -> None:
        state = None if journal.state else self._session.engine.export(self._tenant)
        if state is not None:
            journal.state = self._archive.keep_state(self._tenant, state)

    def _end_credentials(self, store: Store, live: LiveTenant) -> None:
        end_identities(store, self._tenant)
        for found in live.objects.values():
            if found["kind"] == "Namespace":
                for version, kind in _CREDENTIALS:
                    self._client.delete_all(version, kind, found["metadata"]["name"])

    def _destroy(self, store: Store) -> None:
        engine = self._session.engine
        with ExitStack() as held:
            for name in list_buckets(store, self._tenant):
                if self._ending.is_held(name):
                    held.enter_context(keep_bucket(self._site, name))
            with_stale_lock_cleared(engine, self._tenant, lambda: engine.destroy(self._tenant, remove=True))

    def _sweep(self) -> None:
        """Delete what a killed apply left outside Pulumi's state, and wait until all is gone."""

        @retry(retry=retry_if_result(bool), stop=stop_after_delay(GONE_SECONDS), wait=wait_fixed(0.5))
        def left() -> list[str]:
            live: LiveTenant = read_site(self._client, [self._tenant]).tenant(self._tenant)
            for found in live.objects.values():
                if is_ours(found) and "deletionTimestamp" not in found["metadata"]:
                    self._client.delete(found)
            return sorted(live.objects)

        try:
            left()
        except RetryError as error:
            names = ", ".join(error.last_attempt.result()[:5])
            what = f"site {self._site} still holds {names} after {GONE_SECONDS} s"
            raise UnreachableError(problem("TEN-507", what, "see what keeps it (finalizers), then run again")) from None

    def _left(self, store: Store, journal: Journal) -> list[str]:
        """Name what still answers of all that ever lived, but for buckets that are held."""
        live = read_site(self._client, [self._tenant]).tenant(self._tenant)
        spaces = [key.rpartition("/")[2] for key in journal.objects if key.startswith("v1/Namespace/")]
        asked = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in spaces]
        held = {name for name, entry in journal.buckets.items() if "hold" in entry}
        return [
            *live.objects,
            *(f"v1/Namespace//{one['metadata']['name']}" for one in asked if self._client.get(one)),  # type: ignore[index]
            *(f"Bucket/{name}" for name in list_buckets(store, self._tenant) if name not in held),
            *(f"{kind}/{name}" for kind, name in list_identities(store, self._tenant)),
        ]

    def _verify(self, store: Store, journal: Journal) -> None:
        """Ask for everything again: what is said to be gone doesn't answer, what is said to be kept does."""
        if left := self._left(store, journal):
            what = f"site {self._site}: {', '.join(left[:5])} still answers after its end"
            raise UnreachableError(problem("TEN-550", what, "see what makes or keeps it, then run again"))
        there = list_buckets(store, self._tenant)
        for name, entry in journal.buckets.items():
            if "hold" in entry and name not in there:
                what = f"site {self._site}: bucket {name} was to be held, and isn't there"
                raise UnreachableError(problem("TEN-551", what, "see in the store's log who deleted it"))
            target = self._ending.target(name) if "export" in entry else None
            if target is not None and manifest_digest(target) != entry["export"]["manifestSha256"]:
                raise UnreachableError(_lost(target))


def _lost(target: Place) -> Problem:
    where = f"below {target.prefix} of bucket {target.bucket}"
    what = f"site {target.store.site}: the manifest {where} isn't what was written"
    return problem("TEN-551", what, "see who else writes there, then run again")
