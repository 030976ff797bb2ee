"""The certificate of a tenant's end: what was destroyed, exported and held, by whose approval; JSON and a page."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tenantry import __version__
from tenantry.contract.model import Approval, Lease, today
from tenantry.contract.structure import unstructure
from tenantry.files import write_atomic
from tenantry.fleet.retirement.ending import Ending
from tenantry.fleet.retirement.journal import Journal, now
from tenantry.fleet.retirement.page import write_page


def certify(ending: Ending, journal: Journal) -> dict[str, Any]:
    """Make the certificate of a retirement whose steps are done and verified; see `stacks/schema/certificate.json`."""
    tenant, retirement = ending.tenant, ending.retirement
    spec: dict[str, Any] = {
        "tenant": {
            "id": tenant.id,
            "name": tenant.name,
            "department": tenant.spec.department,
            "environment": tenant.spec.environment.value,
            "classification": tenant.spec.classification.value,
        },
        "site": ending.planned.site.name,
        "baseline": tenant.spec.baseline,
        "tenantry": __version__,
        "started": journal.started,
        "ended": now(),
        "approvals": [unstructure(each) for each in _approvals(ending)],
        "buckets": [{"name": name, **entry} for name, entry in sorted(journal.buckets.items())],
        "gone": [*journal.objects, *journal.identities],
    }
    if retirement is not None:
        spec |= {"retirement": retirement.metadata.name, "reason": retirement.spec.reason}
    elif (lease := _find_over(ending)) is not None:
        spec["reason"] = f"Its lease ended on {lease.ends}, with {lease.grace_days} days of grace."
    if journal.state is not None:
        spec["state"] = journal.state
    made = {
        "apiVersion": "tenantry.dev/v1",
        "kind": "RetirementCertificate",
        "metadata": {"name": tenant.id},
        "spec": spec,
    }
    return {**made, "sha256": digest_of(made)}


def _approvals(ending: Ending) -> Sequence[Approval]:
    """Give who agreed to a tenant's end: to its retirement, or to a request that says when it ends."""
    if ending.retirement is not None:
        return ending.retirement.spec.approvals
    return ending.tenant.spec.approvals if _find_over(ending) is not None else ()


def _find_over(ending: Ending) -> Lease | None:
    lease = ending.tenant.spec.lease
    return lease if lease is not None and lease.stays < today() else None


def digest_of(certificate: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a certificate's canonical JSON (sorted keys, no spaces), without its own `sha256`."""
    content = {name: value for name, value in certificate.items() if name != "sha256"}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def write_certificate(certificate: Mapping[str, Any], folder: Path) -> Path:
    """Write a certificate and its page, `<id>.json` and `<id>.html`; give the first. Raises OSError."""
    file = folder / f"{certificate['metadata']['name']}.json"
    write_atomic(file, orjson.dumps(certificate, option=orjson.OPT_INDENT_2) + b"\n", mode=0o644)
    write_atomic(file.with_suffix(".html"), write_page(certificate).encode(), mode=0o644)
    return file
