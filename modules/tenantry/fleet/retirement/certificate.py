"""The certificate of a tenant's end: what was destroyed, exported and held, by whose approval; JSON and a page."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from tenantry import __version__
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
        "approvals": [unstructure(each) for each in retirement.spec.approvals] if retirement else [],
        "buckets": [{"name": name, **entry} for name, entry in sorted(journal.buckets.items())],
        "gone": [*journal.objects, *journal.identities],
    }
    if retirement is not None:
        spec |= {"retirement": retirement.metadata.name, "reason": retirement.spec.reason}
    if journal.state is not None:
        spec["state"] = journal.state
    made = {
        "apiVersion": "tenantry.dev/v1",
        "kind": "RetirementCertificate",
        "metadata": {"name": tenant.id},
        "spec": spec,
    }
    return {**made, "sha256": digest_of(made)}


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
