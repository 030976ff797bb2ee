"""The record of a tenant's last apply. It lives at the site, so that every operator and every machine sees the same.

One ConfigMap a tenant in the namespace `tenantry-system`: the digest of what was rendered, and a hash of each live
object as it was right after. Where both still hold, there is nothing to do and no drift, and Pulumi isn't started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from tenantry import __version__
from tenantry.contract.model import today
from tenantry.contract.protection import Protection
from tenantry.contract.structure import structure, unstructure
from tenantry.render.manifest import Manifest
from tenantry.render.naming import DOMAIN, MANAGED_BY_LABEL, MANAGER, TENANT_LABEL

RECORD_NAMESPACE = "tenantry-system"


@dataclass(frozen=True, slots=True)
class Keys:
    """Which generation of access keys a tenant's workloads have been given, from 1, and since which day.

    The day is `date.min` where no record tells it: such keys are due.
    """

    generation: int = 1
    since: date = field(default_factory=today)

    def is_due(self, days: int, day: date) -> bool:
        """Say whether they're to be changed on a day, where they're to be changed every so many days."""
        return (day - self.since).days >= days

    def turn(self) -> Keys:
        """Give the next generation."""
        return Keys(self.generation + 1)


@dataclass(frozen=True, slots=True)
class Told:
    """What a tenant's people were told last of its lease: of which end, at which stage of it.

    `over_since` is the day on which they were told that it has ended; from then on its grace counts.
    """

    ends: date
    stage: str
    over_since: date | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What was applied last: the digest of the rendered documents, and the hash of each live object by key.

    `buckets` maps each bucket that the tenant has to its retention in days, `grants` each grant that opens something to
    its last day; `keys` are those with which its workloads reach the store; where it is `cordoned`,
    nothing new starts. `protection` is what protects its data, None where an older version of tenantry applied it;
    `approvals` are prints of all that ever agreed to take of it, each of which holds once. `told` isn't an apply's: it
    is what was said of its lease, and an apply leaves it as it is.
    """

    tenant: str
    name: str
    digest: str
    baseline: str
    objects: Mapping[str, str]
    buckets: Mapping[str, int]
    grants: Mapping[str, str]
    keys: Keys
    cordoned: bool
    protection: Protection | None = None
    approvals: tuple[str, ...] = ()
    told: Told | None = None


def record_namespace() -> Manifest:
    """Make the namespace that holds the records."""
    labels = {MANAGED_BY_LABEL: MANAGER, "pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RECORD_NAMESPACE, "labels": labels}}


def record_manifest(record: Record) -> Manifest:
    """Make the ConfigMap of a record."""
    labels = {MANAGED_BY_LABEL: MANAGER, TENANT_LABEL: record.tenant}
    data = {
        "name": record.name,
        "digest": record.digest,
        "baseline": record.baseline,
        "objects": orjson.dumps(record.objects, option=orjson.OPT_SORT_KEYS).decode(),
        "buckets": orjson.dumps(record.buckets, option=orjson.OPT_SORT_KEYS).decode(),
        "grants": orjson.dumps(record.grants, option=orjson.OPT_SORT_KEYS).decode(),
        "keys": orjson.dumps({"generation": record.keys.generation, "since": record.keys.since.isoformat()}).decode(),
        "cordoned": str(record.cordoned).lower(),
        "approvals": orjson.dumps(record.approvals).decode(),
    }
    if record.protection is not None:
        data["protection"] = orjson.dumps(unstructure(record.protection), option=orjson.OPT_SORT_KEYS).decode()
    annotations = {f"{DOMAIN}/version": __version__}
    metadata = {"name": record.tenant, "namespace": RECORD_NAMESPACE, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def told_manifest(tenant: str, told: Told) -> Manifest:
    """Make the part of a record that says what was told of the tenant's lease."""
    plain = {"ends": told.ends, "stage": told.stage, "overSince": told.over_since}
    data = {"told": orjson.dumps(plain).decode()}
    metadata = {"name": tenant, "namespace": RECORD_NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def parse_record(live: Mapping[str, Any]) -> Record:
    """Read a record back. One that somebody broke counts as no digest at all, so that the next apply mends it."""
    data = live.get("data") or {}
    return Record(
        tenant=live["metadata"]["name"],
        name=data.get("name", ""),
        digest=data.get("digest", ""),
        baseline=data.get("baseline", ""),
        objects=_map(data.get("objects", "")),
        buckets=_map(data.get("buckets", "")),
        grants=_map(data.get("grants", "")),
        keys=_keys(_map(data.get("keys", ""))),
        cordoned=data.get("cordoned") == "true",
        protection=_protection(_map(data.get("protection", ""))),
        approvals=_list(data.get("approvals", "")),
        told=_told(_map(data.get("told", ""))),
    )


def _told(found: Mapping[str, Any]) -> Told | None:
    try:
        since = found.get("overSince")
        return Told(
            date.fromisoformat(found["ends"]), str(found["stage"]), date.fromisoformat(since) if since else None
        )
    except (KeyError, TypeError, ValueError):
        return None


def _protection(found: Mapping[str, Any]) -> Protection | None:
    try:
        return structure(found, Protection)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _list(text: str) -> tuple[str, ...]:
    try:
        found = orjson.loads(text or "[]")
    except orjson.JSONDecodeError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _keys(found: Mapping[str, Any]) -> Keys:
    try:
        return Keys(max(1, int(found["generation"])), date.fromisoformat(found["since"]))
    except (KeyError, TypeError, ValueError):
        return Keys(since=date.min)


def _map(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
