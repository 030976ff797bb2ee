"""A tenant that is to end, with what was agreed of it; and what others still have open with it at the site."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from tenantry.contract.documents import Documents
from tenantry.contract.model import BucketDisposal, Disposal, Retirement, Tenant
from tenantry.contract.sharing import for_party
from tenantry.fleet.selection import Planned, Selection
from tenantry.fleet.site.kube import KubeClient
from tenantry.fleet.site.live import read_records
from tenantry.objectstore.contents.exporting import Place
from tenantry.objectstore.store import open_store
from tenantry.problems import InputError, Problem, problem
from tenantry.render.naming import MANAGED_BY_LABEL, MANAGER, TENANT_LABEL, bucket_name
from tenantry.render.network.names import CILIUM_API, CILIUM_KIND


@dataclass(frozen=True, slots=True)
class Ending:
    """A tenant that is to end; `retirement` where its end was agreed in a document; `at` is the file that says so."""

    planned: Planned
    retirement: Retirement | None
    at: str
    line: int
    targets: dict[str, Tenant]
    """The tenants of the government by id, to one of which an export may go."""

    @property
    def tenant(self) -> Tenant:
        """The tenant."""
        return self.planned.tenant

    def disposal(self, bucket: str) -> BucketDisposal | None:
        """Give what becomes of a bucket, named as the store names it."""
        short = bucket.removeprefix(f"{self.tenant.id}-")
        return self.retirement.disposals.get(short) if self.retirement else None

    def is_held(self, bucket: str) -> bool:
        """Say whether a bucket is to stay."""
        disposal = self.disposal(bucket)
        return disposal is not None and disposal.disposal is Disposal.HOLD

    def target(self, bucket: str) -> Place | None:
        """Give where a bucket is exported to; nothing where it isn't."""
        disposal = self.disposal(bucket)
        if disposal is None or disposal.to is None:
            return None
        owner = self.targets[disposal.to.tenant]
        assert owner.spec.placement.site is not None
        prefix = f"retired/{self.tenant.id}/{disposal.name}/"
        return Place(open_store(owner.spec.placement.site), bucket_name(owner.id, disposal.to.bucket), prefix)


def make_endings(selection: Selection) -> list[Ending]:
    """Pair tenants with their retirements. Raises InputError with all that depends on one that has no retirement.

    What depends on the others, reading their documents has told.
    """
    documents = selection.documents
    ids = [one.tenant.id for one in selection.planned]
    found = [*selection.dependants(set(ids) - documents.ending.keys())]
    if found:
        raise InputError(sorted(found))
    return [pair(one, selection) for one in selection.planned]


def pair(one: Planned, selection: Selection) -> Ending:
    """Pair a tenant with its retirement, where there is one."""
    documents = selection.documents
    retirement = documents.ending.get(one.tenant.id)
    if retirement is not None:
        source = documents.sources["Retirement", retirement.metadata.name]
    else:
        source = next(each for each in documents.requests if each.spec["id"] == one.tenant.id)
    return Ending(one, retirement, source.file, source.start.line, {tenant.id: tenant for tenant in selection.tenants})


def find_waits(
    endings: Sequence[Ending], documents: Documents, client: KubeClient
) -> Mapping[str, tuple[Problem, ...]]:
    """Give what others have open with tenants at one site, by tenant id; see `find_open`."""
    found = list(find_open(endings, documents, client))
    return {one.tenant.id: tuple(each for each in found if f"({one.tenant.id})" in each.message) for one in endings}


def find_open(endings: Sequence[Ending], documents: Documents, client: KubeClient) -> Iterator[Problem]:
    """Find what others have open with tenants at one site (TEN-549), whatever documents say by now.

    Grants by the records of the others' last applies, and network policies that name a tenant or a host of it. What a
    party has open is the provider's own, and ends with its credentials.
    """
    ids = {one.tenant.id for one in endings} | documents.ending.keys()
    words = {word: one for one in endings for word in (one.tenant.id, *one.tenant.spec.ingress.hosts)}
    shared = {
        name: (one.spec.provider, one.spec.consumer.tenant)
        for name, one in documents.grants.items()
        if not for_party(one)
    }
    for record in read_records(client):
        for name in record.grants if record.tenant not in ids else ():
            for one in endings:
                if one.tenant.id in shared.get(name, ()):
                    yield _still_open(one, f"grant {name} is still open on the side of", record.tenant)
    selector = f"{MANAGED_BY_LABEL}={MANAGER},{TENANT_LABEL}"
    for version, kind in (("networking.k8s.io/v1", "NetworkPolicy"), (CILIUM_API, CILIUM_KIND)):
        for live in client.list_all(version, kind, selector):
            owner, text = live["metadata"]["labels"][TENANT_LABEL], orjson.dumps(live.get("spec")).decode()
            for word, one in words.items() if owner not in ids else ():
                if f'"{word}"' in text:
                    where = f"{live['metadata']['namespace']}/{live['metadata']['name']}"
                    yield _still_open(one, f"{kind} {where} opens a way to it for", owner)


def _still_open(one: Ending, what: str, other: str) -> Problem:
    said = f"tenant {one.tenant.name} ({one.tenant.id}) is to be retired, and {what} tenant {other}"
    return problem("TEN-549", said, f"run `tenantry apply {other}`, then retire again", file=one.at, line=one.line)
