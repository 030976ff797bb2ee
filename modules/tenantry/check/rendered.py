"""What requests become: a check judges it as it does any manifest, and names the request that it comes from."""

from collections.abc import Iterable, Iterator

from tenantry.contract.documents import Documents
from tenantry.contract.model import Baseline, Tenant
from tenantry.policy import Placed, Source
from tenantry.render import render_tenant


def render_requests(documents: Documents, tenants: Iterable[Tenant], baseline: Baseline) -> Iterator[Placed]:
    """Render each sound tenant that was checked and has a site; one without is told of where there are no sites."""
    requests = {one.spec["id"]: one for one in documents.requests if one.file not in documents.context_files}
    for tenant in tenants:
        request, site = requests.get(tenant.id), documents.sites.get(tenant.spec.placement.site or "")
        if request is not None and site is not None:
            pinned = documents.baselines.get(tenant.spec.baseline, baseline)
            source = Source(request.file, request.start.line)
            for manifest in render_tenant(tenant, site, pinned).documents:
                yield Placed(dict(manifest), source)
