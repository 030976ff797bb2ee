"""NetworkPolicy read word by word, for two pods that are known and one port: slow, and written apart from the product.

Source: the API reference of NetworkPolicy, networking.k8s.io/v1.
"""

from ipaddress import ip_address, ip_network
from typing import Any

Manifest = dict[str, Any]


def reaches(source: Manifest, target: Manifest, protocol: str, port: int, world: list[Manifest]) -> bool:
    """Say whether one pod may connect to a port of another; both have an address."""
    if source["metadata"] == target["metadata"]:
        return True
    return _allowed(source, target, "Egress", target, protocol, port, world) and _allowed(
        target, source, "Ingress", target, protocol, port, world
    )


def _allowed(
    own: Manifest, other: Manifest, direction: str, server: Manifest, protocol: str, port: int, world: list[Manifest]
) -> bool:
    if own["spec"].get("hostNetwork"):
        return True
    selecting = [
        policy
        for policy in world
        if policy["kind"] == "NetworkPolicy"
        and policy["metadata"]["namespace"] == own["metadata"]["namespace"]
        and direction in policy["spec"].get("policyTypes", _types(policy))
        and selects(policy["spec"]["podSelector"], own["metadata"]["labels"])
    ]
    if not selecting:
        return True
    return any(
        _peer_fits(rule, direction, other, policy, world) and _port_fits(rule, server, protocol, port)
        for policy in selecting
        for rule in policy["spec"].get(direction.lower(), [])
    )


def _types(policy: Manifest) -> list[str]:
    return ["Ingress", "Egress"] if policy["spec"].get("egress") else ["Ingress"]


def _peer_fits(rule: Manifest, direction: str, other: Manifest, policy: Manifest, world: list[Manifest]) -> bool:
    peers = rule.get("to" if direction == "Egress" else "from")
    if not peers:
        return True
    return any(_is_peer(peer, other, policy, world) for peer in peers)


def _is_peer(peer: Manifest, other: Manifest, policy: Manifest, world: list[Manifest]) -> bool:
    if "ipBlock" in peer:
        address = ip_address(other["status"]["podIPs"][0]["ip"])
        block = peer["ipBlock"]
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(one) for one in block.get("except", [])
        )
    if other["spec"].get("hostNetwork"):
        return False
    if "namespaceSelector" in peer:
        (labels,) = (
            {**one["metadata"]["labels"], "kubernetes.io/metadata.name": one["metadata"]["name"]}
            for one in world
            if one["kind"] == "Namespace" and one["metadata"]["name"] == other["metadata"]["namespace"]
        )
        if not selects(peer["namespaceSelector"], labels):
            return False
    elif other["metadata"]["namespace"] != policy["metadata"]["namespace"]:
        return False
    return "podSelector" not in peer or selects(peer["podSelector"], other["metadata"]["labels"])


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        {
            "In": lambda term: labels.get(term["key"]) in term["values"],
            "NotIn": lambda term: labels.get(term["key"]) not in term["values"],
            "Exists": lambda term: term["key"] in labels,
            "DoesNotExist": lambda term: term["key"] not in labels,
        }[term["operator"]](term)
        for term in selector.get("matchExpressions", [])
    )


def _port_fits(rule: Manifest, server: Manifest, protocol: str, port: int) -> bool:
    ports = rule.get("ports")
    if not ports:
        return True
    return any(one.get("protocol", "TCP") == protocol and _number_fits(one, server, protocol, port) for one in ports)


def _number_fits(one: Manifest, server: Manifest, protocol: str, port: int) -> bool:
    named = one.get("port")
    if named is None:
        return True
    if isinstance(named, int):
        return bool(named <= port <= one.get("endPort", named))
    return any(
        own.get("name") == named and own["containerPort"] == port and own.get("protocol", "TCP") == protocol
        for container in server["spec"]["containers"]
        for own in container.get("ports", [])
    )
