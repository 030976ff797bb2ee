"""Connections to hosts by name, on a site whose network plugin is Cilium: a NetworkPolicy knows addresses alone.

Cilium learns a name's addresses from the answers of the DNS, which it has to see for that; so a tenant that reaches
hosts by name asks the DNS through Cilium's proxy. Source: CiliumNetworkPolicy, cilium.io/v2.
"""

from collections.abc import Iterator
from typing import Any

from tenantry.contract.model import Direction, Egress, Grant, Intent, PodSelector, Site, Tenant
from tenantry.contract.sharing import Sharing
from tenantry.render.naming import grant_reason
from tenantry.render.network.rules import Rule, merge_rules, name_rule
from tenantry.render.network.shared import name_grant_rule

CILIUM_API = "cilium.io/v2"
CILIUM_KIND = "CiliumNetworkPolicy"
NAMESPACE_KEY = "k8s:io.kubernetes.pod.namespace"


def reaches_names(tenant: Tenant, site: Site, sharing: Sharing) -> bool:
    """Say whether a tenant reaches any host by name."""
    asked = any(each.host for each in tenant.spec.egress) or any(each.host for each in tenant.spec.intents)
    return asked or bool(_shared_hosts(site, sharing))


def list_named_rules(tenant: Tenant, site: Site, sharing: Sharing) -> Iterator[Rule]:
    """Give the rules for each host that a tenant reaches, and for the DNS that tells their addresses."""
    if reaches_names(tenant, site, sharing):
        yield "dns", "Names are looked up at the site's DNS, which says where hosts are", {"egress": [_ask_dns(site)]}
        yield from merge_rules([*_intent_rules(tenant, site), *_egress_rules(tenant)])
        for grant, intent in _shared_hosts(site, sharing):
            yield name_grant_rule(grant, "host"), intent.reason, _open_host(intent, site)


def _shared_hosts(site: Site, sharing: Sharing) -> list[tuple[Grant, Intent]]:
    """Give the hosts of services that others share with a tenant, where the site knows names."""
    return [
        (grant, Intent(Direction.TO, None, service.host, None, service.port, "TCP", grant_reason(grant)))
        for grant in sharing.taken
        if (service := grant.spec.service) is not None and site.can("network.fqdn")
    ]


def _intent_rules(tenant: Tenant, site: Site) -> Iterator[Rule]:
    for intent in tenant.spec.intents:
        if intent.host:
            name = name_rule("intent", intent.direction.value, intent.host, intent.port, intent.protocol)
            yield name, intent.reason, _open_host(intent, site)


def _egress_rules(tenant: Tenant) -> Iterator[Rule]:
    for egress in tenant.spec.egress:
        if egress.host:
            name = name_rule("egress", egress.host, egress.port, egress.protocol)
            yield name, egress.reason, {"egress": [_to_host(egress)]}


def _open_host(intent: Intent, site: Site) -> dict[str, Any]:
    return {"egress": [_to_host(intent), *_through_gateway(intent, site)]}


def _ask_dns(site: Site) -> dict[str, Any]:
    dns = site.spec.network.dns
    ports = [{"port": str(dns.port), "protocol": "ANY"}]
    return _to_namespace(dns) | {"toPorts": [{"ports": ports, "rules": {"dns": [{"matchPattern": "*"}]}}]}


def _to_host(peer: Egress | Intent) -> dict[str, Any]:
    """Open the addresses that the host's name has outside of the cluster."""
    ports = [{"port": str(peer.port), "protocol": peer.protocol}]
    return {"toFQDNs": [{"matchName": peer.host}], "toPorts": [{"ports": ports}]}


def _through_gateway(intent: Intent, site: Site) -> Iterator[dict[str, Any]]:
    """Open the site's own gateway for this host alone, by the name that TLS begins with; others are behind it, too."""
    if intent.protocol == "TCP":
        gateway = site.spec.network.ingress
        ports = [{"port": str(gateway.port), "protocol": "TCP"}]
        yield _to_namespace(gateway) | {"toPorts": [{"ports": ports, "serverNames": [intent.host]}]}


def _to_namespace(service: PodSelector) -> dict[str, Any]:
    return {"toEndpoints": [{"matchLabels": {NAMESPACE_KEY: service.namespace}}]}
