"""Pure functions from tenant, site and baseline to Kubernetes manifests and object-store documents.

The same input gives the same bytes. Nothing here imports Pulumi, boto3 or a client: what `tenantry render` prints is
exactly what is checked and applied.
"""

from tenantry.contract.model import Baseline, Site, Tenant
from tenantry.render.access import render_access
from tenantry.render.manifest import Manifest, Rendered, object_key, to_yaml
from tenantry.render.namespaces import render_namespaces
from tenantry.render.network import render_network
from tenantry.render.storage import render_object_store, render_secrets

__all__ = ["Manifest", "Rendered", "object_key", "render_tenant", "to_yaml"]


def render_tenant(tenant: Tenant, site: Site, baseline: Baseline) -> Rendered:
    """Make all objects of a completed tenant on a site, in an order that the site can take them in."""
    kubernetes = [
        *render_namespaces(tenant, site, baseline),
        *render_network(tenant, site, baseline),
        *render_access(tenant),
        *render_secrets(tenant, site),
    ]
    # Namespaces first: every other object needs its own.
    kubernetes.sort(key=lambda manifest: manifest["kind"] != "Namespace")
    return Rendered(
        tenant=tenant.id,
        kubernetes=tuple(kubernetes),
        object_store=tuple(render_object_store(tenant, site, baseline)),
    )
