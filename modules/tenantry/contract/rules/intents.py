"""The rule that both sides of a connection agree: an intent without its counterpart is told, and opens nothing."""

from collections.abc import Iterator, Mapping, Sequence

from tenantry.contract.model import Direction, Intent, Tenant
from tenantry.contract.rules.hosts import is_host_of
from tenantry.contract.rules.scope import Completed
from tenantry.problems import Problem


def find_one_sided(completed: Sequence[Completed]) -> Iterator[Problem]:
    """Find intents whose other side doesn't agree, or can't be reached by them.

    Of a peer that isn't among the tenants nothing can be said here.
    """
    tenants = {one.tenant.id: one.tenant for one in completed}
    for one in completed:
        for index, intent in enumerate(one.tenant.spec.intents):
            for code, what, fix in _judge(one.tenant, intent, tenants):
                yield one.problem(code, what, fix, "intents", index)


def _judge(tenant: Tenant, intent: Intent, tenants: Mapping[str, Tenant]) -> Iterator[tuple[str, str, str]]:
    if intent.host is not None:
        if not any(is_host_of(host, intent.host) for one in tenants.values() for host in one.spec.ingress.hosts):
            what = f"no tenant that is known here has the host {intent.host}, so that nobody agrees to the intent"
            yield "TEN-158", what, "correct it, or have its owner add it to ingress.hosts"
        return
    peer = tenants.get(intent.tenant or "")
    if peer is None or peer is tenant:
        return
    here, there = tenant.spec.placement.site, peer.spec.placement.site
    if here is not None and there is not None and here != there:
        what = f"{peer.name} ({peer.id}) is on site {there}, and an intent reaches a tenant on its own site, {here}"
        yield "TEN-159", what, f"name a host of {peer.name}, or place both on one site"
    elif not any(_agrees(tenant, intent, answer) for answer in peer.spec.intents):
        back = "from" if intent.direction is Direction.TO else "to"
        what = (
            f"{peer.name} ({peer.id}) declares no intent {back} {tenant.id} on {intent.protocol} {intent.port}, "
            "so that this one opens nothing"
        )
        yield "TEN-158", what, f"have {peer.spec.department} add it to the request of {peer.name}, or remove this one"


def _agrees(tenant: Tenant, intent: Intent, answer: Intent) -> bool:
    return (
        answer.tenant == tenant.id
        and answer.direction is not intent.direction
        and (answer.port, answer.protocol) == (intent.port, intent.protocol)
    )
