"""Rules of retirements: who agreed, what becomes of the data, and that nobody depends on the tenant any more."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from tenantry.contract.documents import Documents
from tenantry.contract.model import Baseline, BucketDisposal, Disposal, Retirement, Tenant
from tenantry.contract.reading.document import Document
from tenantry.contract.rules.hosts import is_host_of
from tenantry.contract.rules.scope import Completed
from tenantry.contract.sharing import for_party
from tenantry.problems import Problem


def judge_retirements(
    documents: Documents, completed: Sequence[Completed], baselines: Mapping[str, Baseline], day: date
) -> Iterator[Problem]:
    """Hold every retirement to its rules on a day; `baselines` are what the completed tenants may pin, by version.

    One whose tenant's request is gone is a record of what was agreed: of its data nothing more is asked.
    """
    tenants = {one.tenant.id: one.tenant for one in completed}
    first: dict[str, Retirement] = {}
    for name, retirement in documents.retirements.items():
        source, tenant = documents.sources["Retirement", name], retirement.spec.tenant
        if (other := first.setdefault(tenant, retirement)) is not retirement:
            what = f"{tenant} is retired already by {other.metadata.name}"
            yield source.problem("TEN-541", what, "keep one of them", ("spec", "tenant"))
        yield from _judge_approvals(source, retirement, tenants.get(tenant), baselines, day)
        if tenant in tenants:
            for index, bucket in enumerate(retirement.spec.buckets):
                at = ("spec", "buckets", index)
                for code, what, fix, path in _judge_bucket(bucket, tenants[tenant], tenants, documents):
                    yield source.problem(code, what, fix, (*at, *path))
    yield from find_dependants([*documents.ending], documents, completed, day)


def _judge_approvals(
    source: Document, retirement: Retirement, tenant: Tenant | None, baselines: Mapping[str, Baseline], day: date
) -> Iterator[Problem]:
    approvals = retirement.spec.approvals
    for index, approval in enumerate(approvals):
        if approval.on > day:
            what = f"the approval of {approval.by} is of {approval.on}, which is yet to come"
            yield source.problem("TEN-542", what, "correct the day, or wait for it", ("spec", "approvals", index, "on"))
    if tenant is None:
        return
    needed = baselines[tenant.spec.baseline].controls(tenant.spec.classification).approvals
    missing = sorted(set(needed) - {approval.role for approval in approvals})
    people = {approval.by for approval in approvals if approval.role in needed}
    held = f"{tenant.name} holds {tenant.spec.classification} data"
    if missing:
        what = f"{held}, and nobody approved its end as {' and '.join(missing)}"
        yield source.problem("TEN-542", what, "have it approved in that capacity, too", ("spec", "approvals"))
    elif len(people) < len(needed):
        what = f"{held}, and its end is approved by {len(people)} of the {len(needed)} people that this needs"
        yield source.problem("TEN-542", what, "have another person approve it", ("spec", "approvals"))


def _judge_bucket(
    bucket: BucketDisposal, tenant: Tenant, tenants: Mapping[str, Tenant], documents: Documents
) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    own = [each.name for each in tenant.spec.buckets]
    if bucket.name not in own:
        what = f"{bucket.name} isn't one of the buckets of {tenant.name}"
        fix = f"choose one of {', '.join(own)}" if own else "remove it"
        yield "TEN-543", what, fix, ("name",)
        return
    if bucket is not documents.ending[tenant.id].disposals[bucket.name]:
        what = f"what becomes of bucket {bucket.name} is said twice"
        yield "TEN-543", what, "keep one of them", ("name",)
    if (bucket.to is None) == (bucket.disposal is Disposal.EXPORT):
        what = f"bucket {bucket.name} is to be exported, and it isn't said where to"
        fix = "add to: with a tenant and its bucket"
        if bucket.to is not None:
            what, fix = f"bucket {bucket.name} isn't to be exported, and to says where", "remove to, or write export"
        yield "TEN-544", what, fix, ()
    if bucket.until is not None and bucket.disposal is not Disposal.HOLD:
        what = f"bucket {bucket.name} isn't to be held, and until says how long"
        yield "TEN-544", what, "remove until, or write hold", ("until",)
    if bucket.to is not None:
        for code, what, fix in _judge_target(bucket, tenant, tenants, documents):
            yield code, what, fix, ("to",)


def _judge_target(
    bucket: BucketDisposal, tenant: Tenant, tenants: Mapping[str, Tenant], documents: Documents
) -> Iterator[tuple[str, str, str]]:
    """Hold an export to a bucket that is there, stays, and keeps what it gets as well and as long."""
    assert bucket.to is not None
    target = tenants.get(bucket.to.tenant)
    if target is None or target.id in documents.ending:
        why = "is no tenant that is known here" if target is None else "is itself retired"
        yield "TEN-545", f"{bucket.to.tenant}, where {bucket.name} is to go, {why}", "name a tenant that stays"
        return
    kept = {each.name: each for each in target.spec.buckets}.get(bucket.to.bucket)
    if kept is None:
        fix = f"choose one of {', '.join(each.name for each in target.spec.buckets)}" if target.spec.buckets else ""
        what = f"{bucket.to.bucket}, where {bucket.name} is to go, isn't one of the buckets of {target.name}"
        yield "TEN-545", what, fix or "add the bucket to its request"
        return
    held, there = tenant.spec.classification, target.spec.classification
    if not there.covers(held):
        what = f"{bucket.name} holds {held} data, and {target.name} protects its own as {there} alone"
        yield "TEN-546", what, f"export it to a tenant of class {held}"
    days = next(each.retention_days for each in tenant.spec.buckets if each.name == bucket.name)
    if kept.retention_days < days:
        what = (
            f"{bucket.name} keeps objects for {days} days, and {kept.name} of {target.name} for {kept.retention_days}"
        )
        yield "TEN-546", what, f"raise retentionDays there to {days}, or choose another bucket"


def find_dependants(
    ending: Sequence[str], documents: Documents, completed: Sequence[Completed], day: date
) -> Iterator[Problem]:
    """Name all that others have with tenants that are ending: intents (TEN-540) and grants that aren't over (TEN-547).

    `ending` are their ids. What two of them have with each other ends with both.
    """
    tenants = {one.tenant.id: one.tenant for one in completed}
    leaving = [tenants[each] for each in ending if each in tenants]
    for one in completed if ending else ():
        if one.tenant.id not in ending:
            yield from _find_intents(one, ending, leaving)
    for name, grant in documents.grants.items():
        spec = grant.spec
        sides = {spec.provider: "provider", spec.consumer.tenant or "": "consumer"}
        gone = [side for side in sides if side in ending]
        stays = for_party(grant) or not set(filter(None, sides)) <= set(ending)
        if gone and stays and not grant.is_over(day):
            what = f"grant {name} isn't over before {spec.ends}, and its {sides[gone[0]]} {gone[0]} is being retired"
            fix = f"withdraw it (withdrawn: {day}), then run `tenantry sync`"
            yield documents.sources["Grant", name].problem("TEN-547", what, fix, ("spec", sides[gone[0]]))


def _find_intents(one: Completed, ending: Sequence[str], leaving: Sequence[Tenant]) -> Iterator[Problem]:
    for index, intent in enumerate(one.tenant.spec.intents):
        owners = [
            tenant.id
            for tenant in leaving
            if intent.host and any(is_host_of(host, intent.host) for host in tenant.spec.ingress.hosts)
        ]
        if intent.tenant in ending or owners:
            peer = f"{intent.tenant or intent.host}" + (f", a host of {owners[0]}," if owners else "")
            what = f"the intent's peer {peer} is retired, or being retired"
            yield one.problem("TEN-540", what, "remove the intent, and apply that tenant", "intents", index)
