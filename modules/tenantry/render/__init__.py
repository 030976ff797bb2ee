"""Pure functions from tenant, site and baseline to Kubernetes manifests and object-store documents.

The same input gives the same bytes. Nothing here imports Pulumi, boto3 or a client: what `tenantry render` prints is
exactly what is checked and applied.
"""

from collections.abc import Iterable
from datetime import date

from tenantry.contract.model import Baseline, Grant, Site, Tenant
from tenantry.contract.sharing import NOTHING_SHARED, Sharing, find_sharing
from tenantry.render.access import render_access
from tenantry.render.manifest import Manifest, Rendered, object_key, to_yaml
from tenantry.render.namespaces import render_namespaces
from tenantry.render.network.boundary import render_network
from tenantry.render.store.buckets import render_buckets
from tenantry.render.store.identities import render_identities, render_secrets
from tenantry.render.store.injection import render_store_config
from tenantry.render.store.parties import render_parties, render_party_secrets

__all__ = ["Manifest", "Rendered", "object_key", "render_on", "render_tenant", "to_yaml"]


def render_on(day: date, tenant: Tenant, site: Site, baseline: Baseline, grants: Iterable[Grant]) -> Rendered:
    """Make all objects as they are to be on a day: by the grants in force, and the tenant's lease."""
    lease = tenant.spec.lease
    sharing = find_sharing(tenant, grants, day)
    return render_tenant(tenant, site, baseline, sharing, cordoned=lease is not None and lease.is_over(day))


def render_tenant(
    tenant: Tenant, site: Site, baseline: Baseline, sharing: Sharing = NOTHING_SHARED, *, cordoned: bool = False
) -> Rendered:
    """Make all objects of a completed tenant on a site, in an order that the site can take them in.

    In a tenant that is `cordoned`, what runs and what is stored stay, and nothing new starts.
    """
    sharing = sharing.at(site)
    kubernetes = [
        *render_namespaces(tenant, site, baseline, cordoned=cordoned),
        *render_network(tenant, site, baseline, sharing),
        *render_access(tenant),
        *render_secrets(tenant, site, sharing),
        *render_store_config(tenant, site, sharing),
        *render_party_secrets(tenant, site, sharing),
    ]
    # Namespaces first: every other object needs its own.
    kubernetes.sort(key=lambda manifest: manifest["kind"] != "Namespace")
    return Rendered(
        tenant=tenant.id,
        kubernetes=tuple(kubernetes),
        object_store=(
            *render_buckets(tenant, site, baseline),
            *render_identities(tenant, site, sharing),
            *render_parties(tenant, site, sharing),
        ),
        cordoned=cordoned,
        grants={name: ends.isoformat() for name, ends in sharing.ends.items()},
    )
