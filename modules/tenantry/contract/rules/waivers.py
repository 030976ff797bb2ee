"""Rules of waivers that hold whatever the day is: who agreed, that the dates make sense, whom they name."""

from collections.abc import Iterator
from datetime import date, timedelta

from tenantry.contract.documents import Documents
from tenantry.contract.model import ObjectSelector, Tenant, Waiver
from tenantry.contract.reading.document import Document
from tenantry.problems import Problem

LONGEST_WAIVER = timedelta(days=180)


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


def judge_named(documents: Documents) -> Iterator[Problem]:
    """Find tenants that a waiver names and nobody has; without any request nothing can be said of them."""
    known = {*documents.ending, *(request.text("spec", "id") for request in documents.claimants)}
    for name, waiver in documents.waivers.items() if known else ():
        source = documents.sources["Waiver", name]
        for index, selector in enumerate(waiver.spec.objects):
            if selector.tenant is not None and selector.tenant not in known:
                yield tell_nobody(source, "tenant", selector.tenant, "objects", index, "tenant")


def tell_nobody(source: Document, kind: str, name: str, *path: str | int) -> Problem:
    """Say that an agreement names whom nobody here knows."""
    fix = f"correct it, or name the folder of the {kind}'s document too (`--context`)"
    return source.problem("TEN-157", f"{name} is no {kind} that is known here", fix, ("spec", *path))
