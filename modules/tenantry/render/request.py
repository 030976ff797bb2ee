"""The request itself as an object, with every default filled in: what policies of the layer `request` judge."""

from tenantry.contract.model import Tenant
from tenantry.contract.structure import unstructure
from tenantry.render.manifest import STORE_API, Manifest
from tenantry.render.naming import document


def render_request(tenant: Tenant) -> Manifest:
    """Make the object of a completed, placed tenant. It is for policies; no site has an object of this kind."""
    return document(tenant, STORE_API, "Tenant", tenant.name, {"spec": unstructure(tenant.spec)})
