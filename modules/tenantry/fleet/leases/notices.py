"""Tells a tenant's people of the end of its lease, by Events in its namespaces: once for each stage of each end.

An API server forgets an Event after an hour or so, so that the record says what was told. It is written after the
Events, whose names say what they tell: a run that was killed between the two makes the same ones again.
Source: Kubernetes Event, core/v1, the one whose times both `kubectl get events` and `kubectl events` show.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

from tenantry.contract.model import Lease, Tenant, today
from tenantry.fleet.leases.stages import Stage, find_last_day, find_stage, say_end
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import LiveTenant, is_ours
from tenantry.fleet.site.record import Told, told_manifest
from tenantry.fleet.survey import Seen, Survey
from tenantry.problems import Problem, UnreachableError
from tenantry.render.manifest import Manifest
from tenantry.render.naming import MANAGED_BY_LABEL, MANAGER, TENANT_LABEL

_REASONS = {Stage.ENDED: "LeaseEnded", Stage.OUT_OF_GRACE: "LeaseGraceOver"}
_RENEW = "To renew it, write a later lease.ends, and the reason, into the request."


def tell_people(found: Survey, *, uncordoned: Collection[str], gone: Collection[str]) -> dict[str, tuple[Problem, ...]]:
    """Write what is to be told and wasn't yet; give what failed, by tenant id.

    Of `uncordoned` tenants (ids) it isn't told that nothing new starts; of those that are `gone`, nothing is told.
    Where nothing is to be told, no site is asked.
    """
    clients: dict[str, KubeClient] = {}
    failed: dict[str, tuple[Problem, ...]] = {}
    for seen in found.seen:
        tenant, site = seen.planned.tenant, seen.planned.site.name
        told = _find_untold(seen)
        if told is None or tenant.id in gone:
            continue
        cordoned = tenant.id not in uncordoned or (seen.record is not None and seen.record.cordoned)
        try:
            client = clients[site] if site in clients else KubeClient(found.connections[site])
            clients[site] = client
            for event in _make_events(tenant, told, found.live[site].tenant(tenant.id), cordoned=cordoned):
                client.apply(event)
            client.merge(told_manifest(tenant.id, told))
        except UnreachableError as error:
            failed[tenant.id] = error.problems
    return failed


def _find_untold(seen: Seen) -> Told | None:
    """Say what is to be told of a tenant's lease: nothing where that was told, or the tenant doesn't live."""
    lease, record = seen.planned.tenant.spec.lease, seen.record
    if lease is None or record is None:
        return None
    told = record.told if record.told is not None and record.told.ends == lease.ends else None
    stage = find_stage(lease, told, today())
    if stage is None or (told is not None and told.stage == stage):
        return None
    since = (told.over_since if told is not None else None) or (today() if lease.is_over(today()) else None)
    return Told(lease.ends, stage.value, since)


def _make_events(tenant: Tenant, told: Told, live: LiveTenant, *, cordoned: bool) -> list[Manifest]:
    """Make an Event for each namespace that the tenant has."""
    lease = tenant.spec.lease
    assert lease is not None
    stage = Stage(told.stage)
    message = f"The lease of {tenant.name} ({tenant.id}) {_say(lease, told, today(), cordoned=cordoned)} {_RENEW}"
    return [
        _event(tenant.id, namespace, told, _REASONS.get(stage, "LeaseEnding"), message)
        for namespace in live.objects.values()
        if namespace["kind"] == "Namespace" and is_ours(namespace)
    ]


def _say(lease: Lease, told: Told, day: date, *, cordoned: bool) -> str:
    last = find_last_day(lease, told, day)
    if told.stage == Stage.OUT_OF_GRACE:
        return f"ended on {lease.ends}, and its grace on {last}. It is to be retired, with what it still holds."
    then = f"its data stays until {last}, and then it is retired."
    if told.stage == Stage.ENDED:
        return f"ended on {lease.ends}. Nothing new starts; {then}" if cordoned else f"ended on {lease.ends}: {then}"
    return f"{say_end(lease, day)}. After that nothing new starts, {then}"


def _event(tenant: str, namespace: Mapping[str, Any], told: Told, reason: str, message: str) -> Manifest:
    name, moment = namespace["metadata"]["name"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {
        "name": f"lease-{told.ends}-{told.stage.replace(' ', '-')}",
        "namespace": name,
        "labels": {MANAGED_BY_LABEL: MANAGER, TENANT_LABEL: tenant},
    }
    about = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "name": name,
        "namespace": name,
        "uid": namespace["metadata"]["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": about,
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
