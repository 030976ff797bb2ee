"""Records applied tenants at their sites, in batches: one read of many tenants instead of one each."""

from collections.abc import Mapping, Sequence

from tenantry.connection import Connection
from tenantry.contract.protection import print_approval
from tenantry.fleet.selection import Planned
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import is_ours, live_hash, read_site
from tenantry.fleet.site.record import Record, record_manifest, record_namespace
from tenantry.problems import Problem, UnreachableError, problem
from tenantry.render.manifest import object_key

BATCH = 20
"""Tenants recorded together: few enough for one label selector, and for little to be done again after a crash."""


class Recorder:
    """Collects applied tenants, prunes what was once made for them and nobody asks for, and writes their records."""

    def __init__(self, connections: Mapping[str, Connection]) -> None:
        self._clients = {site: KubeClient(connection) for site, connection in connections.items()}
        self._ready: set[str] = set()
        self._waiting: dict[str, list[Planned]] = {site: [] for site in connections}
        self._failed: dict[str, tuple[Problem, ...]] = {}

    def add(self, planned: Planned) -> None:
        """Take one applied tenant; a full batch is written at once."""
        waiting = self._waiting[planned.site.name]
        waiting.append(planned)
        if len(waiting) >= BATCH:
            self._flush(planned.site.name)

    def close(self) -> Mapping[str, tuple[Problem, ...]]:
        """Write what is left; give the problems of the tenants, by id, that couldn't be recorded."""
        for site in self._waiting:
            self._flush(site)
        return self._failed

    def _flush(self, site: str) -> None:
        batch, self._waiting[site] = self._waiting[site], []
        if not batch:
            return
        try:
            self._write(site, batch)
        except UnreachableError as error:
            self._failed |= {one.tenant.id: error.problems for one in batch}

    def _write(self, site: str, batch: Sequence[Planned]) -> None:
        client = self._clients[site]
        if site not in self._ready:
            client.apply(record_namespace())
            self._ready.add(site)
        live = read_site(client, [one.tenant.id for one in batch])
        for one in batch:
            wanted = {object_key(manifest) for manifest in one.rendered.kubernetes}
            objects = live.tenant(one.tenant.id).objects
            for key, found in objects.items():
                if key not in wanted and is_ours(found):
                    # Made by an apply that was killed before its state was written, for a request that changed since.
                    client.delete(found)
            if missing := sorted(wanted - objects.keys()):
                self._failed[one.tenant.id] = (_missing(one, missing),)
                continue
            hashes = {key: live_hash(found) for key, found in objects.items() if key in wanted}
            client.apply(record_manifest(_record(one, hashes, live.tenant(one.tenant.id).record)))


def _record(one: Planned, hashes: Mapping[str, str], before: Record | None) -> Record:
    weakening = one.tenant.spec.weakening
    agreed = {print_approval(approval) for approval in (weakening.approvals if weakening else ())}
    return Record(
        tenant=one.tenant.id,
        name=one.tenant.name,
        digest=one.rendered.digest,
        baseline=one.tenant.spec.baseline,
        objects=hashes,
        buckets=one.rendered.retention,
        grants=one.rendered.grants,
        keys=one.keys,
        cordoned=one.rendered.cordoned,
        protection=one.protection,
        approvals=tuple(sorted(agreed.union(before.approvals if before else ()))),
    )


def _missing(one: Planned, missing: Sequence[str]) -> Problem:
    """Refuse to record what isn't there, whatever the engine's state says: the next apply then reads it anew."""
    names = f"{missing[0]} and {len(missing) - 1} more" if len(missing) > 1 else missing[0]
    what = f"tenant {one.tenant.name} ({one.tenant.id}) on site {one.site.name}: {names} isn't there after the apply"
    return problem("TEN-509", what, "run again; if it stays so, see who deletes it in the site's audit log")
