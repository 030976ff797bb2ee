"""All that lives at a site, as the manifests that policies judge: Kubernetes objects, and tenants' buckets."""

from collections.abc import Iterator, Sequence

from tenantry.check.reading.resources import make_document
from tenantry.connection import read_connection
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import read_records
from tenantry.fleet.site.objects import read_objects
from tenantry.policy import Placed, Source, mark_unknown
from tenantry.policy.documents.model import Manifest, Policy


def read_manifests(site: str, policies: Sequence[Policy]) -> list[Placed]:
    """Read what policies are about at a site; the place of each is `site:<name>`.

    Raises UnreachableError for a site that there is no connection to, or that, or whose store, can't be asked.
    """
    client = KubeClient(read_connection(site))
    source = Source(f"site:{site}")
    found = [*read_objects(client, policies), *_read_buckets(site, client)]
    return [Placed(one, source) for one in found]


def _read_buckets(site: str, client: KubeClient) -> Iterator[Manifest]:
    """Give the buckets that are marked as a tenant's; how long each is kept is in the tenant's record alone."""
    from tenantry.objectstore.audit import read_buckets

    kept = {name: days for record in read_records(client) for name, days in record.buckets.items()}
    for bucket in read_buckets(site):
        days = kept.get(bucket.name, mark_unknown("spec.retentionDays (no tenant's record has it)"))
        spec = {**bucket.spec, "retentionDays": days}
        yield make_document("Bucket", {"name": bucket.name, "tenant": bucket.tenant, "spec": spec})
