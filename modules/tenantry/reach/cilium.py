"""Cilium's policies of namespaces, as far as tenantry writes them: hosts by name, and namespaces by name.

A rule that says anything else of its peers counts as open to anywhere. What it says of HTTP, DNS and TLS, and rules
that deny, are passed over, for they only close. Nothing is known of the cluster-wide kind, which may open.
Source: CiliumNetworkPolicy, cilium.io/v2.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tenantry.reach.labels import ANY_LABELS, read_selector
from tenantry.reach.policies import Host, Peer, Pods, Policy, Rule, fix_name, read_place
from tenantry.reach.ports import PROTOCOLS
from tenantry.render.manifest import Manifest
from tenantry.render.network.names import CILIUM_API, CILIUM_KIND, NAMESPACE_KEY


def read_cilium_policies(manifests: Iterable[Manifest]) -> Iterator[Policy]:
    """Read Cilium's policies among manifests; one may have several parts, each with its own pods."""
    for manifest in manifests:
        if (manifest["apiVersion"], manifest["kind"]) == (CILIUM_API, CILIUM_KIND):
            for spec in filter(None, (manifest.get("spec"), *(manifest.get("specs") or ()))):
                pods = read_selector(_plain(spec.get("endpointSelector") or {}))
                if pods is not None:
                    ingress, egress = (_read_rules(spec.get(key), side) for key, side in _SIDES.items())
                    holds = spec.get("enableDefaultDeny") or {}
                    loose = frozenset(key for key in _SIDES if holds.get(key) is False)
                    yield Policy(*read_place(manifest), pods, ingress, egress, loose)


_SIDES = {"ingress": "from", "egress": "to"}


def _plain(selector: Mapping[str, Any]) -> dict[str, Any]:
    """Take the source off the labels of a selector: `k8s:app` and `any:app` are both `app`, and both have to fit."""
    labels = (selector.get("matchLabels") or {}).items()
    terms = [{"key": key, "operator": "In", "values": [value]} for key, value in labels]
    terms += selector.get("matchExpressions") or ()
    return {
        "matchExpressions": [term | {"key": term["key"].removeprefix("k8s:").removeprefix("any:")} for term in terms]
    }


def _read_rules(rules: Sequence[Mapping[str, Any]] | None, side: str) -> tuple[Rule, ...] | None:
    if rules is None:
        return None
    return tuple(Rule(_read_peers(rule, side), tuple(_read_ports(rule.get("toPorts") or ()))) for rule in rules)


def _read_peers(rule: Mapping[str, Any], side: str) -> tuple[Peer, ...] | None:
    """Read who a rule is for; `None`, anywhere, where it isn't said in a way that is known here."""
    said = [key for key in rule if key.startswith(side) and key != "toPorts"]
    if said == [f"{side}FQDNs"]:
        return tuple(Host(one.get("matchName") or one["matchPattern"]) for one in rule[said[0]])
    if said == [f"{side}Endpoints"]:
        spaces = [(one.get("matchLabels") or {}).get(NAMESPACE_KEY) for one in rule[said[0]]]
        if all(spaces):
            # Other labels would only narrow it down.
            return tuple(Pods(fix_name(name), ANY_LABELS) for name in spaces if name)
    return None


def _read_ports(rules: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Give ports as a NetworkPolicy has them; a rule that names none, or all, is for all."""
    for rule in rules:
        ports: Sequence[Mapping[str, Any]] = rule.get("ports") or ({},)
        for one in ports:
            port = one.get("port") or "0"
            number = {"port": int(port) if port.isdigit() else port} if port != "0" else {}
            end = {"endPort": one["endPort"]} if one.get("endPort") and number else {}
            chosen = one.get("protocol") or "ANY"
            for protocol in PROTOCOLS if chosen == "ANY" else (chosen,):
                yield {"protocol": protocol, **number, **end}
