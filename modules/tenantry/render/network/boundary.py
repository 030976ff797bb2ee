"""The network boundary: everything is denied, then each declared intent is allowed by a policy of its own.

Hosts by name are in `names`, what grants open in `shared`.
"""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from tenantry.contract.addresses import is_inside
from tenantry.contract.model import Baseline, Direction, PodSelector, Site, Tenant
from tenantry.contract.sharing import Sharing
from tenantry.render.manifest import Manifest
from tenantry.render.naming import REASON_NOTE, TENANT_LABEL, document, namespace_name
from tenantry.render.network.names import CILIUM_API, CILIUM_KIND, list_named_rules, reaches_names
from tenantry.render.network.rules import Rule, let_in, let_out, merge_rules, name_rule, select_tenant
from tenantry.render.network.shared import list_shared_rules
from tenantry.render.store.identities import list_data

EVERY_POD: dict[str, Any] = {}


def render_network(tenant: Tenant, site: Site, baseline: Baseline, sharing: Sharing) -> list[Manifest]:
    """Make the network policies of each namespace. Source: Kubernetes NetworkPolicy, networking.k8s.io/v1."""
    rules = [
        (kind, (name, reason, {selector: EVERY_POD, **spec}))
        for kind, selector, found in (
            (("networking.k8s.io/v1", "NetworkPolicy"), "podSelector", _rules(tenant, site, baseline, sharing)),
            ((CILIUM_API, CILIUM_KIND), "endpointSelector", list_named_rules(tenant, site, sharing)),
        )
        for name, reason, spec in found
    ]
    return [
        _policy(tenant, namespace_name(tenant, namespace.name), kind, rule)
        for namespace in tenant.spec.namespaces
        for kind, rule in rules
    ]


def _policy(tenant: Tenant, namespace: str, kind: tuple[str, str], rule: Rule) -> Manifest:
    name, reason, spec = rule
    notes = {REASON_NOTE: reason}
    return document(tenant, *kind, f"tenantry-{name}", {"spec": spec}, namespace=namespace, notes=notes)


def _rules(tenant: Tenant, site: Site, baseline: Baseline, sharing: Sharing) -> Iterator[Rule]:
    yield "default-deny", "Nothing is open that isn't declared", {"policyTypes": ["Ingress", "Egress"]}
    yield from _standard_rules(tenant, site, sharing)
    yield from list_shared_rules(sharing)
    yield from merge_rules([*_intent_rules(tenant, site, baseline), *_egress_rules(tenant, site, baseline)])


def _standard_rules(tenant: Tenant, site: Site, sharing: Sharing) -> Iterator[Rule]:
    network, own = site.spec.network, select_tenant(tenant.id)
    yield (
        "own-namespaces",
        "Pods of one tenant speak with each other",
        {"policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [own]}], "egress": [{"to": [own]}]},
    )
    if not reaches_names(tenant, site, sharing):
        # Beside a policy that lets any question through, Cilium wouldn't look at the answers.
        yield "dns", "Names are looked up at the site's DNS", _dns(network.dns)
    yield (
        "monitoring",
        "The site's monitoring reads metrics",
        let_in([_site_namespaces(network.monitoring)], network.monitoring.port, "TCP"),
    )
    if tenant.spec.ingress.hosts:
        hosts = ", ".join(tenant.spec.ingress.hosts)
        gateway = _site_namespaces(network.ingress)
        yield (
            "gateway",
            f"The site's gateway brings requests for {hosts}",
            let_in([gateway], tenant.spec.ingress.port, "TCP"),
        )
    if any(list_data(tenant, account, sharing) for account in tenant.spec.service_accounts):
        peers = [{"ipBlock": {"cidr": cidr}} for cidr in network.object_store_cidrs]
        yield "object-store", "Workloads reach their buckets", let_out(peers, network.object_store_port, "TCP")


def _egress_rules(tenant: Tenant, site: Site, baseline: Baseline) -> Iterator[Rule]:
    for egress in tenant.spec.egress:
        if egress.cidr:
            peer = _cidr(egress.cidr, site, baseline)
            name = name_rule("egress", egress.cidr, egress.port, egress.protocol)
            yield name, egress.reason, let_out([peer], egress.port, egress.protocol)


def _intent_rules(tenant: Tenant, site: Site, baseline: Baseline) -> Iterator[Rule]:
    for intent in (one for one in tenant.spec.intents if not one.host):
        build = let_out if intent.direction is Direction.TO else let_in
        peer = select_tenant(intent.tenant) if intent.tenant else _cidr(intent.cidr or "", site, baseline)
        name = name_rule("intent", intent.direction.value, intent.tenant or intent.cidr, intent.port, intent.protocol)
        yield name, intent.reason, build([peer], intent.port, intent.protocol)


def _dns(dns: PodSelector) -> dict[str, Any]:
    ports = [{"protocol": protocol, "port": dns.port} for protocol in ("UDP", "TCP")]
    return {"policyTypes": ["Egress"], "egress": [{"to": [_site_namespaces(dns)], "ports": ports}]}


def _site_namespaces(service: PodSelector) -> dict[str, Any]:
    """Select the namespaces of one of the site's services, and never a tenant's: a tenant chooses labels of its own."""
    no_tenant = {"key": TENANT_LABEL, "operator": "DoesNotExist"}
    return {"namespaceSelector": {"matchLabels": dict(service.namespace_labels), "matchExpressions": [no_tenant]}}


def _cidr(cidr: str, site: Site, baseline: Baseline) -> dict[str, Any]:
    """Select a block that a request names; what stays closed is left out of one that is wider."""
    block: dict[str, Any] = {"cidr": cidr}
    if exceptions := _exceptions(cidr, site, baseline):
        block["except"] = exceptions
    return {"ipBlock": block}


def _exceptions(cidr: str, site: Site, baseline: Baseline) -> list[str]:
    """Give the parts of a block that stay closed: the cluster's own addresses, and those the baseline denies."""
    block = ip_network(cidr)
    closed = {ip_network(each) for each in (*site.spec.network.cluster_cidrs, *baseline.spec.denied_egress)}
    return [str(each) for each in sorted(closed, key=str) if each != block and is_inside(each, block)]
