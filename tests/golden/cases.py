"""The requests whose rendering is kept: ten lines each, on the example government's sites, all else by default."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tenantry.contract.documents import Documents
from tenantry.contract.load import complete, load_baseline, load_documents
from tenantry.contract.model import Classification, Template
from tenantry.contract.reading.document import Document, Mark
from tenantry.data import example_dir
from tenantry.render import render_tenant, to_yaml

FOLDER = Path(__file__).parent / "rendered"
PLAIN = Classification.SHARED
"""The class of the requests that are there for their template; those of the other classes are of template `content`."""


def requests() -> Iterator[dict[str, Any]]:
    """Give the requests: one for each template, one for each class, and one that asks for all that can be asked for."""
    for template in Template:
        yield _request(f"template-{template}", template, PLAIN)
    for classification in Classification:
        if classification is not PLAIN:
            yield _request(f"class-{classification}", Template.CONTENT, classification)
    yield _full()


def files() -> dict[Path, str]:
    """Render every request; give the text that each golden file is to have."""
    around = load_documents([example_dir() / "sites", example_dir() / "departments"])
    baseline, made = load_baseline(), {}
    for request in requests():
        document = Document(file="golden", data=request, start=Mark(1, 1), marks={})
        documents = Documents(requests=(document,), sites=around.sites, departments=around.departments)
        (tenant,) = complete(documents, baseline)
        rendered = render_tenant(tenant, around.sites[tenant.spec.placement.site or ""], baseline)
        made[FOLDER / f"{tenant.name}.yaml"] = to_yaml(rendered.documents)
    return made


def _request(name: str, template: Template, classification: Classification, **more: object) -> dict[str, Any]:
    letters = "".join(letter for letter in name if letter.isalpha())
    spec = {
        # As opaque as any: eight letters, made of the name so that every case has its own.
        "id": f"t-{(letters + letters)[-8:]}",
        "department": "platforms",
        "template": template.value,
        "environment": "prod",
        "classification": classification.value,
        **more,
    }
    return {"apiVersion": "tenantry.dev/v1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec}


def _full() -> dict[str, Any]:
    """Ask for everything that adds an object, or a part of one, and is no default."""
    made = _request(
        "everything",
        Template.SERVICE,
        Classification.OPEN,
        costCentre="SAP 1200/300",
        budget={"monthly": 1500, "currency": "EUR"},
        quota={"cpu": "7", "memory": "10Gi", "storage": "100G", "pods": 31},
        namespaces=[{"name": "main", "share": 2}, {"name": "jobs", "share": 1}],
        ingress={"hosts": ["records.gov.example", "*.media.gov.example"], "port": 8443},
        intents=[
            {"direction": "to", "cidr": "10.20.0.0/24", "port": 5432, "reason": "Asks the population register."},
            {"direction": "from", "cidr": "10.30.0.0/24", "port": 8080, "reason": "Is asked by the tax office."},
        ],
        egress=[{"cidr": "0.0.0.0/0", "port": 443, "reason": "Sends mail."}],
        buckets=[
            {"name": "published", "publish": True},
            {"name": "records", "lock": True, "retentionDays": 3650, "quota": "1Ti"},
        ],
        serviceAccounts=[
            {"name": "app", "namespace": "main", "apiToken": True},
            {
                "name": "loader",
                "namespace": "jobs",
                "buckets": [
                    {"bucket": "published", "access": "readWrite"},
                    {"bucket": "records", "access": "write", "prefix": "daily/"},
                ],
            },
        ],
        access=[
            {"group": "records-admins", "role": "admin"},
            {"group": "records-developers", "role": "developer"},
            {"group": "audit-office", "role": "auditor"},
        ],
        ci={"issuer": "https://ci.gov.example", "repository": "platforms/records", "branch": "main"},
        lease={"starts": "2026-12-01", "ends": "2027-05-31", "reason": "Trial of the new register."},
    )
    made["metadata"]["labels"] = {"team": "registers", "registers.gov.example/wave": "2", "app": "records"}
    return made
