"""Rules of waivers and grants that hold whatever the day is: who agreed, that the dates make sense, whom they name."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from tenantry.contract.documents import Documents
from tenantry.contract.model import Grant, ObjectSelector, Tenant, Waiver
from tenantry.contract.reading.document import Document
from tenantry.contract.rules.hosts import is_host_of
from tenantry.problems import Problem

LONGEST_WAIVER = timedelta(days=180)


def judge_agreements(documents: Documents) -> Iterator[Problem]:
    """Hold every waiver and grant to their own rules."""
    yield from judge_waivers(documents)
    yield from _grants(documents)


def judge_waivers(documents: Documents) -> Iterator[Problem]:
    """Hold every waiver to its own rules."""
    for waiver in documents.waivers.values():
        yield from _judge_waiver(waiver, documents.sources["Waiver", waiver.name])


def find_sound_waivers(documents: Documents) -> Iterator[Waiver]:
    """Give the waivers with which nothing is wrong: any other excuses nothing."""
    for waiver in documents.waivers.values():
        if not any(_judge_waiver(waiver, documents.sources["Waiver", waiver.name])):
            yield waiver


def is_waived(tenant: Tenant, policy: str, documents: Documents, day: date) -> bool:
    """Say whether a waiver in force on a day excuses a tenant's request from a policy."""
    return any(
        waiver.spec.policy == policy
        and waiver.is_in_force(day)
        and any(_is_for_request(selector, tenant) for selector in waiver.spec.objects)
        for waiver in find_sound_waivers(documents)
    )


def _is_for_request(selector: ObjectSelector, tenant: Tenant) -> bool:
    """Say of a request, which is an object in no namespace, what `policy.admission.waive` writes of any object."""
    named = selector.kind in (None, "Tenant") and selector.name in (None, tenant.name)
    return selector.tenant == tenant.id and selector.namespace is None and named


def _judge_waiver(waiver: Waiver, source: Document) -> Iterator[Problem]:
    name, spec = waiver.name, waiver.spec
    if spec.approver == spec.owner:
        what = f"waiver {name} is approved by its own owner"
        yield source.problem("TEN-153", what, "have somebody else approve it", ("spec", "approver"))
    if spec.expires <= spec.approved:
        what = f"waiver {name} expires on {spec.expires}, not after its approval on {spec.approved}"
        yield source.problem("TEN-138", what, "correct one of the two", ("spec", "expires"))
    elif spec.expires - spec.approved > LONGEST_WAIVER:
        what = f"waiver {name} lasts {(spec.expires - spec.approved).days} days, more than {LONGEST_WAIVER.days}"
        latest = spec.approved + LONGEST_WAIVER
        yield source.problem("TEN-154", what, f"let it expire on {latest} or before", ("spec", "expires"))


def _grants(documents: Documents) -> Iterator[Problem]:
    for name, grant in documents.grants.items():
        source, spec = documents.sources["Grant", name], grant.spec
        if spec.ends <= spec.starts:
            what = f"grant {name} ends on {spec.ends}, not after it starts on {spec.starts}"
            yield source.problem("TEN-138", what, "correct one of the two", ("spec", "ends"))
        if len({approval.by for approval in spec.approvals}) < 2:
            what = f"grant {name} is approved by one person for both sides"
            yield source.problem("TEN-153", what, "have each side approve it", ("spec", "approvals"))


def judge_references(documents: Documents, tenants: Mapping[str, Tenant]) -> Iterator[Problem]:
    """Find tenants, departments, buckets and hosts that a waiver or a grant names and nobody has.

    `tenants` are those that could be completed, by id; without any request nothing can be said of them.
    """
    known = {request.text("spec", "id") for request in documents.claimants}
    if not known:
        return
    for name, waiver in documents.waivers.items():
        source = documents.sources["Waiver", name]
        for index, selector in enumerate(waiver.spec.objects):
            if selector.tenant is not None and selector.tenant not in known:
                yield _nobody(source, "tenant", selector.tenant, "objects", index, "tenant")
    for name, grant in documents.grants.items():
        source, spec = documents.sources["Grant", name], grant.spec
        if spec.provider not in known:
            yield _nobody(source, "tenant", spec.provider, "provider")
        if spec.consumer.tenant is not None and spec.consumer.tenant not in known:
            yield _nobody(source, "tenant", spec.consumer.tenant, "consumer", "tenant")
        consumer = spec.consumer.department
        if consumer is not None and consumer not in {*documents.departments, *documents.broken_ones("Department")}:
            yield _nobody(source, "department", consumer, "consumer", "department")
        if spec.provider in tenants:
            yield from _offered(source, grant, tenants[spec.provider])


def _nobody(source: Document, kind: str, name: str, *path: str | int) -> Problem:
    fix = f"correct it, or name the folder of the {kind}'s document too (`--context`)"
    return source.problem("TEN-157", f"{name} is no {kind} that is known here", fix, ("spec", *path))


def _offered(source: Document, grant: Grant, provider: Tenant) -> Iterator[Problem]:
    dataset, service = grant.spec.dataset, grant.spec.service
    buckets = [bucket.name for bucket in provider.spec.buckets]
    if dataset is not None and dataset.bucket not in buckets:
        what = f"{dataset.bucket} isn't one of the buckets of {provider.name}"
        fix = f"choose one of {', '.join(buckets)}" if buckets else "add the bucket to its request"
        yield source.problem("TEN-157", what, fix, ("spec", "dataset", "bucket"))
    hosts = provider.spec.ingress.hosts
    if service is not None and not any(is_host_of(host, service.host) for host in hosts):
        what = f"{service.host} isn't one of the hosts of {provider.name}"
        fix = f"choose one of {', '.join(hosts)}" if hosts else "add the host to its request"
        yield source.problem("TEN-157", what, fix, ("spec", "service", "host"))
