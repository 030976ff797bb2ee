"""Rules of grants: who agreed and for how long, what of whose is opened to whom, and which workloads use it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from tenantry.contract.documents import Documents
from tenantry.contract.model import Baseline, Grant, Site, Tenant
from tenantry.contract.reading.document import Document, Path
from tenantry.contract.rules.hosts import is_host_of
from tenantry.contract.rules.scope import Completed
from tenantry.contract.rules.waivers import tell_nobody
from tenantry.contract.sharing import find_way, for_party, uses
from tenantry.problems import Problem


def judge_grants(documents: Documents) -> Iterator[Problem]:
    """Hold every grant to its own rules, which hold whatever the day is."""
    for name, grant in documents.grants.items():
        source, spec = documents.sources["Grant", name], grant.spec
        if spec.ends <= spec.starts:
            what = f"grant {name} ends on {spec.ends}, not after it starts on {spec.starts}"
            yield source.problem("TEN-138", what, "correct one of the two", ("spec", "ends"))
        elif spec.ends < grant.agreed:
            what = f"grant {name} was over on {spec.ends}, before both sides had approved it on {grant.agreed}"
            yield source.problem("TEN-138", what, "have it approved for a time to come", ("spec", "ends"))
        if len({approval.by for approval in spec.approvals}) < 2:
            what = f"grant {name} is approved by one person for both sides"
            yield source.problem("TEN-153", what, "have each side approve it", ("spec", "approvals"))
        if spec.consumer.tenant == spec.provider:
            what = f"grant {name} leads back to {spec.provider}, whose data it is"
            fix = "remove it: a tenant's own service accounts name its buckets under serviceAccounts[].buckets"
            yield source.problem("TEN-164", what, fix, ("spec", "consumer", "tenant"))


def judge_parties(
    documents: Documents, tenants: Mapping[str, Tenant], baselines: Mapping[str, Baseline]
) -> Iterator[Problem]:
    """Hold every grant to whom it names: that they're there, have what is shared, and may share it.

    `tenants` are those that could be completed, by id, `baselines` what they may pin, by version; without any request
    nothing can be said of them.
    """
    known = {*documents.ending, *(request.text("spec", "id") for request in documents.claimants)}
    departments = {*documents.departments, *documents.broken_ones("Department")}
    for name, grant in documents.grants.items() if known else ():
        source, spec = documents.sources["Grant", name], grant.spec
        consumer = spec.consumer
        if spec.provider not in known:
            yield tell_nobody(source, "tenant", spec.provider, "provider")
        if consumer.tenant is not None and consumer.tenant not in known:
            yield tell_nobody(source, "tenant", consumer.tenant, "consumer", "tenant")
        if consumer.department is not None and consumer.department not in departments:
            yield tell_nobody(source, "department", consumer.department, "consumer", "department")
        if (provider := tenants.get(spec.provider)) is not None:
            yield from _judge_offer(source, grant, provider)
            own = _department(grant, tenants) == provider.spec.department
            yield from _judge_class(source, grant, provider, baselines[provider.spec.baseline], own=own)


def judge_identities(documents: Documents) -> Iterator[Problem]:
    """Refuse a party whose tokens are those of a site's own cluster: such an account is a tenant's, who has a grant.

    And tokens that open nothing, for it's a service that is granted.
    """
    own = {site.spec.issuer.rstrip("/"): name for name, site in documents.sites.items() if site.spec.issuer}
    for name, grant in documents.grants.items():
        identity, source = grant.spec.consumer.identity, documents.sources["Grant", name]
        if identity is None:
            continue
        path: Path = ("spec", "consumer", "identity")
        if grant.spec.service is not None:
            what = f"grant {name} is of a service, and names tokens by which a store would know {grant.spec.consumer}"
            yield source.problem("TEN-172", what, "remove identity: who comes is the service's to know", path)
        elif (site := own.get(identity.issuer.rstrip("/"))) is not None:
            what = f"grant {name} is for {grant.spec.consumer}, by tokens of site {site}'s own issuer"
            fix = "name the party's own issuer, or the tenant whose account it is as the consumer"
            yield source.problem("TEN-171", what, fix, (*path, "issuer"))


def _department(grant: Grant, tenants: Mapping[str, Tenant]) -> str | None:
    """Give the department that a grant's consumer is, or is of."""
    consumer = tenants.get(grant.spec.consumer.tenant or "")
    return consumer.spec.department if consumer is not None else grant.spec.consumer.department


def _judge_offer(source: Document, grant: Grant, provider: Tenant) -> Iterator[Problem]:
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


def _judge_class(
    source: Document, grant: Grant, provider: Tenant, baseline: Baseline, *, own: bool
) -> Iterator[Problem]:
    """Hold a grant to its ceiling, and to what the provider's class lets be shared, with whom and by whose approval.

    Among tenants of its `own` department, who owns the data, every class may be shared.
    """
    held, spec = provider.spec.classification, grant.spec
    controls = baseline.controls(held)
    if not spec.ceiling.covers(held):
        what = f"grant {grant.name} may open {spec.ceiling} data at most, and {provider.name} holds {held} data"
        yield source.problem("TEN-161", what, "have both sides agree to a higher ceiling", ("spec", "ceiling"))
    if spec.consumer.kind not in controls.grantees and not own:
        to = " or a ".join(controls.grantees)
        told = (
            f"a grant may open it to a {to}" if to else f"a grant may open it within {provider.spec.department} alone"
        )
        what = f"{provider.name} holds {held} data, and {told}: grant {grant.name} is for {spec.consumer}"
        fix = "share from a tenant of another class"
        yield source.problem("TEN-162", what, fix, ("spec", "consumer"))
    missing = sorted(set(controls.approvals) - {approval.role for approval in spec.approvals})
    if missing:
        what = f"grant {grant.name} opens {held} data, and nobody approved it as {' and '.join(missing)}"
        yield source.problem("TEN-163", what, "have it approved in that capacity, too", ("spec", "approvals"))


def judge_uses(one: Completed, grants: Mapping[str, Grant], *, assume_others: bool) -> Iterator[Problem]:
    """Find grants that a tenant's service accounts name, and that are none of theirs.

    With `assume_others`, one that isn't among the grants is taken to be sound.
    """
    for index, account in enumerate(one.tenant.spec.service_accounts):
        for at, name in enumerate(account.grants):
            grant = grants.get(name)
            if grant is None:
                what, fix = f"{name} is no grant that is known here", "correct it, or name the folder of the grants"
            elif grant.spec.consumer.department == one.tenant.spec.department and not grant.is_for(one.tenant):
                what, fix = _tell_unfit(grant, one.tenant)
            elif not grant.is_for(one.tenant):
                what = f"grant {name} is for {grant.spec.consumer}, not for {one.tenant.name}"
                fix = "remove it, or agree on a grant of your own"
            elif grant.spec.dataset is None:
                what = f"grant {name} shares a service, which all pods of {one.tenant.name} reach without an identity"
                fix = "remove it here"
            else:
                continue
            if grant is not None or not assume_others:
                yield one.problem("TEN-165", what, fix, "serviceAccounts", index, "grants", at)


def _tell_unfit(grant: Grant, tenant: Tenant) -> tuple[str, str]:
    """Say why a grant isn't for one of its department's tenants."""
    if tenant.id == grant.spec.provider:
        return f"grant {grant.name} opens what is {tenant.name}'s own", "name the bucket under buckets here"
    held, ceiling = tenant.spec.classification, grant.spec.ceiling
    what = f"grant {grant.name} may open {ceiling} data, and {tenant.name} protects it as {held} alone"
    return what, f"remove it, or ask for classification {ceiling}"


def find_idle_grants(documents: Documents, completed: Sequence[Completed], day: date) -> Iterator[Problem]:
    """Find grants that are sound in themselves and open nothing: those that are over, and those that nobody uses."""
    tenants = {one.tenant.id: one.tenant for one in completed}
    for name, grant in documents.grants.items():
        source, spec = documents.sources["Grant", name], grant.spec
        if grant.is_over(day):
            over = f"ended on {spec.ends}" if spec.ends < day else f"was withdrawn on {spec.withdrawn}"
            what = f"grant {name} {over} and opens nothing"
            yield source.problem("TEN-166", what, "remove it, or have both sides renew it", ("spec", "ends"))
            continue
        consumers = [tenant for tenant in tenants.values() if grant.is_for(tenant)]
        provider = tenants.get(spec.provider)
        yield from _find_no_way(source, grant, provider, documents.sites)
        here = provider.spec.placement.site if provider is not None else None
        near = [tenant for tenant in consumers if here is None or tenant.spec.placement.site in (None, here)]
        if consumers and not near:
            what = f"grant {name} is of a tenant on site {here}, and no tenant of {spec.consumer} is there"
            yield source.problem("TEN-159", what, "place both on one site", ("spec", "consumer"))
        elif consumers and spec.dataset is not None and not any(uses(tenant, grant) for tenant in near):
            what = f"no service account of {spec.consumer} names grant {name}, so that it opens nothing"
            fix = f"add {name} to serviceAccounts[].grants of a request of the consumer"
            yield source.problem("TEN-158", what, fix, ("spec", "consumer"))


def _find_no_way(
    source: Document, grant: Grant, provider: Tenant | None, sites: Mapping[str, Site]
) -> Iterator[Problem]:
    """Find a dataset whose outside party has no way to the provider's store: no key there, and no tokens to show."""
    site = sites.get(provider.spec.placement.site or "") if provider is not None else None
    if site is None or not for_party(grant) or find_way(grant, site) is not None:
        return
    what = (
        f"the store of site {site.name} gives no keys, so that {grant.spec.consumer} has no way to grant {grant.name}"
    )
    fix = "add identity, with issuer, subject and audience of its tokens"
    if grant.spec.consumer.identity is not None:
        what = f"{what}: it takes no tokens, either"
        fix = "share from a tenant on a site with sts.webIdentity or iam.users"
    yield source.problem("TEN-170", what, fix, ("spec", "consumer"))
