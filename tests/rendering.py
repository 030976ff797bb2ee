"""Renders generated tenants, for tests of what holds of any."""

import re
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import HealthCheck, settings

from strategies import baseline, sites
from tenantry.contract.model import Site, Tenant
from tenantry.render import Manifest, Rendered, render_tenant

# A drawn request is large; how long it takes to draw one says nothing about what is tested.
thorough = settings(max_examples=25, suppress_health_check=list(HealthCheck))

QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")


def site_of(tenant: Tenant) -> Site:
    return sites()[tenant.spec.placement.site or ""]


def rendered(tenant: Tenant, *without: str) -> Rendered:
    """Render a tenant on its site, or on one like it that lacks some capabilities."""
    site = site_of(tenant)
    kept = tuple(capability for capability in site.spec.capabilities if capability not in without)
    return render_tenant(tenant, replace(site, spec=replace(site.spec, capabilities=kept)), baseline())


def both(tenant: Tenant) -> Iterator[Manifest]:
    """Give the objects on a site whose store federates, and on one where it can't."""
    yield from rendered(tenant).documents
    yield from rendered(tenant, "sts.webIdentity").documents


def owned(tenant: Tenant) -> set[tuple[str, str]]:
    """Give what must be one tenant's alone, as the site or the store knows it."""
    return {
        (document["kind"], document["metadata"]["name"])
        for document in both(tenant)
        if "namespace" not in document["metadata"]
    }
