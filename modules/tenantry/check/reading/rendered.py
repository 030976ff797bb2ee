"""What is judged of a tenant: its request as an object, and what it becomes; each names the request it comes from."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any

from tenantry.contract.documents import Documents
from tenantry.contract.model import Baseline, Tenant
from tenantry.policy import Placed, Source
from tenantry.render import Rendered, render_on
from tenantry.render.request import render_request

_PARAMETERS = ("Baseline", "Department", "Site", "Grant")


def list_parameters(documents: Documents) -> list[dict[str, Any]]:
    """Give the documents that policies compare tenants' objects with."""
    return [one for kind in _PARAMETERS for one in documents.data_of(kind)]


def place_objects(tenant: Tenant, rendered: Rendered, source: Source) -> Iterator[Placed]:
    """Give all that policies judge of a tenant, the request first."""
    for manifest in (render_request(tenant), *rendered.documents):
        yield Placed(dict(manifest), source)


def render_requests(
    documents: Documents,
    tenants: Iterable[Tenant],
    baseline: Baseline,
    unsound: Collection[tuple[str, int]],
    day: date,
) -> Iterator[Placed]:
    """Render each sound tenant that was checked and has a site; one without is told of where there are no sites.

    They are rendered as on a `day`; `unsound` are files and first lines of requests that the contract refuses:
    more would only follow from that.
    """
    requests = {one.spec["id"]: one for one in documents.requests if one.file not in documents.context_files}
    for tenant in tenants:
        request, site = requests.get(tenant.id), documents.sites.get(tenant.spec.placement.site or "")
        if request is not None and site is not None and (request.file, request.start.line) not in unsound:
            pinned = documents.baselines.get(tenant.spec.baseline, baseline)
            rendered = render_on(day, tenant, site, pinned, documents.grants.values())
            yield from place_objects(tenant, rendered, Source(request.file, request.start.line))
