"""Tenants on the store that a test runs on: their request, and what is rendered of it made as a stack makes it."""

from typing import Any

from store_calls import Calls, inputs

import strategies
from examples import minimal
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete
from tenantry.contract.model import Site, Tenant
from tenantry.render import Rendered


def tenant_on(site: Site, **asked: object) -> Tenant:
    request = strategies.document(minimal(template="service", classification="open", **asked))
    documents = Documents(requests=(request,), sites={site.name: site}, departments=strategies.departments())
    (tenant,) = complete(documents, strategies.baseline())
    return tenant


def provision(calls: Calls, rendered: Rendered) -> dict[str, dict[str, Any]]:
    """Make all objects, as a stack does; give each one's state by kind and name."""
    made = {}
    for document in rendered.object_store:
        name = document["metadata"]["name"]
        asked = inputs(document["kind"], name, document["spec"], tenant=rendered.tenant)
        made[f"{document['kind']}/{name}"] = calls.create(document["kind"], asked)[1]
    return made
