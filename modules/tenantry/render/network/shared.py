"""What grants open between tenants: the provider's side and the consumer's are made from the same agreement."""

from collections.abc import Iterator
from typing import Any

from tenantry.contract.model import Classification, Grant
from tenantry.contract.sharing import Sharing
from tenantry.render.naming import CLASSIFICATION_LABEL, DEPARTMENT_LABEL, TENANT_LABEL, grant_reason
from tenantry.render.network.rules import Rule, let_in, let_out, name_rule, select_tenant


def list_shared_rules(sharing: Sharing) -> Iterator[Rule]:
    """Give a rule for each service that a tenant shares with others, or uses of others, between their pods.

    Each is named by its grant, so that the end of one leaves the others alone.
    """
    for grant in sharing.given:
        if grant.spec.service is not None:
            peer = _select_consumer(grant)
            yield name_grant_rule(grant, "in"), grant_reason(grant), let_in([peer], grant.spec.service.port, "TCP")
    for grant in sharing.taken:
        if grant.spec.service is not None:
            peer = select_tenant(grant.spec.provider)
            yield name_grant_rule(grant, "out"), grant_reason(grant), let_out([peer], grant.spec.service.port, "TCP")


def name_grant_rule(grant: Grant, what: str) -> str:
    """Name a grant's rule; `what` tells several of one grant apart."""
    return name_rule("grant", grant.name, what)


def _select_consumer(grant: Grant) -> dict[str, Any]:
    consumer = grant.spec.consumer
    if consumer.tenant is not None:
        return select_tenant(consumer.tenant)
    # The department's own label isn't enough: a site's other namespaces may carry it.
    tenants = {"key": TENANT_LABEL, "operator": "Exists"}
    classes = [one.value for one in Classification if one.covers(grant.spec.ceiling)]
    fit = {"key": CLASSIFICATION_LABEL, "operator": "In", "values": classes}
    labels = {DEPARTMENT_LABEL: consumer.department}
    return {"namespaceSelector": {"matchLabels": labels, "matchExpressions": [tenants, fit]}}
