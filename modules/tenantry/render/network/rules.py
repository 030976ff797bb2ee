"""The rules of a network boundary: each opens one connection, by one policy in each of a tenant's namespaces."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from tenantry.render.naming import TENANT_LABEL

Rule = tuple[str, str, dict[str, Any]]
"""A policy's name, its reason, and what its spec opens; which pods it selects is added where it is made."""


def name_rule(kind: str, *connection: object) -> str:
    """Name a rule by what it opens, so that adding or removing another leaves it alone."""
    return f"{kind}-{sha256(repr(connection).encode()).hexdigest()[:12]}"


def merge_rules(rules: Iterable[Rule]) -> Iterator[Rule]:
    """Make one rule of each connection that is declared more than once, with all of its reasons."""
    reasons: dict[str, dict[str, None]] = {}
    specs: dict[str, dict[str, Any]] = {}
    for name, reason, spec in rules:
        reasons.setdefault(name, {})[reason] = None
        specs[name] = spec
    for name, given in reasons.items():
        yield name, "; ".join(given), specs[name]


def let_in(peers: Sequence[Any], port: int, protocol: str) -> dict[str, Any]:
    """Open a port to peers."""
    ports = [{"protocol": protocol, "port": port}]
    return {"policyTypes": ["Ingress"], "ingress": [{"from": list(peers), "ports": ports}]}


def let_out(peers: Sequence[Any], port: int, protocol: str) -> dict[str, Any]:
    """Open the way to a port of peers."""
    ports = [{"protocol": protocol, "port": port}]
    return {"policyTypes": ["Egress"], "egress": [{"to": list(peers), "ports": ports}]}


def select_tenant(tenant: str) -> dict[str, Any]:
    """Select the namespaces of a tenant, by its id."""
    return {"namespaceSelector": {"matchLabels": {TENANT_LABEL: tenant}}}
