"""What a retirement has done so far. It lives at the site, so that another run, on any machine, goes on from there.

It is evidence, not a plan: which steps are done is seen from what is there, and each is done again without harm. One
ConfigMap a tenant in `tenantry-system`, and Secrets with the state of its stack, whose secrets stay encrypted.
"""

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.record import RECORD_NAMESPACE, record_namespace
from tenantry.render.manifest import Manifest
from tenantry.render.naming import DOMAIN, MANAGED_BY_LABEL, MANAGER

RETIRED_LABEL: Final = f"{DOMAIN}/retired"
HELD_LABEL: Final = f"{DOMAIN}/held"
"""On the journals of tenants of which a bucket is held."""
PART_BYTES: Final = 700_000
"""How much of a state one Secret holds: Kubernetes takes 1 MiB, and base64 adds a third."""


def now() -> str:
    """Give the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Journal:
    """The evidence of one retirement: what lived, what became of each bucket, where the state is, the certificate."""

    tenant: str
    started: str = field(default_factory=now)
    objects: list[str] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: dict[str, Any] | None = None
    certificate: dict[str, Any] | None = None

    def add(self, objects: Iterable[str], identities: Iterable[str]) -> None:
        """Note what lives; what an earlier run saw stays noted."""
        self.objects = sorted({*self.objects, *objects})
        self.identities = sorted({*self.identities, *identities})


class Archive:
    """Where a site keeps the journals of its retired tenants, and the states of their stacks."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    def read(self, tenant: str) -> Journal | None:
        """Read a tenant's journal; nothing where its retirement never began, or the journal was broken by hand."""
        return self.parse(self.get(tenant) or {})

    def get(self, tenant: str) -> Mapping[str, Any] | None:
        """Get a tenant's journal as it lives; nothing where its retirement never began."""
        return self._client.get(_config_map(Journal(tenant)))

    @staticmethod
    def parse(live: Mapping[str, Any]) -> Journal | None:
        """Read a journal as it lives; nothing where it was broken by hand."""
        try:
            return Journal(**orjson.loads(live["data"]["journal"]))
        except (KeyError, TypeError, orjson.JSONDecodeError):
            return None

    def write(self, journal: Journal) -> None:
        """Write a tenant's journal in the place of what is there."""
        self._client.apply(record_namespace())
        self._client.apply(_config_map(journal))

    def keep_state(self, tenant: str, state: bytes) -> dict[str, Any]:
        """Keep a stack's state; give where, and its SHA-256."""
        packed = gzip.compress(state, mtime=0)
        parts = [packed[at : at + PART_BYTES] for at in range(0, len(packed), PART_BYTES)]
        names = [f"retired-{tenant}-{number}" for number in range(len(parts))]
        for name, part in zip(names, parts, strict=True):
            data = {"state.json.gz": base64.b64encode(part).decode()}
            self._client.apply({**_document("Secret", name, tenant), "type": "Opaque", "data": data})
        sha256 = hashlib.sha256(state).hexdigest()
        return {"secrets": [f"{RECORD_NAMESPACE}/{name}" for name in names], "sha256": sha256}


def _config_map(journal: Journal) -> Manifest:
    made = _document("ConfigMap", f"retired-{journal.tenant}", journal.tenant)
    if any("hold" in entry for entry in journal.buckets.values()):
        made["metadata"]["labels"][HELD_LABEL] = "true"
    return {**made, "data": {"journal": orjson.dumps(asdict(journal)).decode()}}


def _document(kind: str, name: str, tenant: str) -> dict[str, Any]:
    labels = {MANAGED_BY_LABEL: MANAGER, RETIRED_LABEL: tenant}
    metadata = {"name": name, "namespace": RECORD_NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}
