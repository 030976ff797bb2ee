"""Says of a network policy what it opens beyond what its tenant declared. It knows nothing of how policies are made."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from tenantry.contract.model import PodSelector, Site, Tenant

TENANT = "tenantry.dev/tenant"
Opening = tuple[str, Mapping[str, Any], frozenset[tuple[str, int]]]
"""Which way (Ingress or Egress), one peer, and the protocols and ports; no ports means all."""


def openings(policy: Mapping[str, Any]) -> Iterator[Opening]:
    """Give every peer that a policy opens. Source: Kubernetes NetworkPolicy: an empty rule or peer means everybody."""
    for way, rules, peers in (("Ingress", "ingress", "from"), ("Egress", "egress", "to")):
        for rule in policy["spec"].get(rules, ()):
            ports = frozenset((port["protocol"], port["port"]) for port in rule.get("ports", ()))
            for peer in rule.get(peers) or [{}]:
                yield way, peer, ports


def too_open(policy: Mapping[str, Any], tenant: Tenant, site: Site) -> Iterator[Opening]:
    """Give what a policy opens that neither the tenant declared nor the site's own services need."""
    allowed = list(_allowed(tenant, site))
    for way, peer, ports in openings(policy):
        fits = any(
            way == other_way and ports <= other_ports and (ports or not other_ports) and _within(peer, other)
            for other_way, other, other_ports in allowed
        )
        if not fits:
            yield way, peer, ports


def _allowed(tenant: Tenant, site: Site) -> Iterator[Opening]:
    network, spec = site.spec.network, tenant.spec
    for way in ("Ingress", "Egress"):
        yield way, {TENANT: tenant.id}, frozenset()
    yield "Egress", _service(network.dns), frozenset({("UDP", network.dns.port), ("TCP", network.dns.port)})
    yield "Ingress", _service(network.monitoring), frozenset({("TCP", network.monitoring.port)})
    if spec.ingress.hosts:
        yield "Ingress", _service(network.ingress), frozenset({("TCP", spec.ingress.port)})
    if any(account.buckets for account in spec.service_accounts):
        for cidr in network.object_store_cidrs:
            yield "Egress", {"cidr": cidr}, frozenset({("TCP", network.object_store_port)})
    for intent in spec.intents:
        way = "Egress" if intent.direction == "to" else "Ingress"
        if not intent.host:
            peer = {TENANT: intent.tenant} if intent.tenant else {"cidr": intent.cidr}
            yield way, peer, frozenset({(intent.protocol, intent.port)})
    for egress in spec.egress:
        if egress.cidr:
            yield "Egress", {"cidr": egress.cidr}, frozenset({(egress.protocol, egress.port)})


def _service(service: PodSelector) -> dict[str, Any]:
    """A service of the site: namespaces with its labels that are no tenant's, for tenants choose labels themselves."""
    return {**service.namespace_labels, "no-tenant": True}


def _within(peer: Mapping[str, Any], allowed: Mapping[str, Any]) -> bool:
    if "cidr" in allowed:
        block = peer.get("ipBlock")
        return block is not None and within(block["cidr"], allowed["cidr"])
    selector = peer.get("namespaceSelector") or {}
    chosen: dict[str, Any] = dict(selector.get("matchLabels", {}))
    if {"key": TENANT, "operator": "DoesNotExist"} in selector.get("matchExpressions", ()):
        chosen["no-tenant"] = True
    return allowed.items() <= chosen.items()


def within(inner: str, outer: str) -> bool:
    """Say whether one block lies in another, or is it."""
    one, other = ip_network(inner), ip_network(outer)
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]
