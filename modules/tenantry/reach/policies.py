"""Network policies as values: whom each is for, and which peers and ports it opens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from tenantry.contract.addresses import Network, is_inside
from tenantry.contract.model import NAMESPACE_NAME
from tenantry.reach.labels import ANY_LABELS, Labels, fix_labels, read_selector
from tenantry.render.manifest import Manifest
from tenantry.render.naming import DOMAIN

NETWORK_API = "networking.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods as peers: of namespaces with such labels, and of those the ones with such labels."""

    namespaces: Labels
    labels: Labels


@dataclass(frozen=True, slots=True)
class Block:
    """Addresses as peers: a block, without some blocks within it."""

    cidr: Network
    without: tuple[Network, ...]

    def __str__(self) -> str:
        """`10.0.0.0/8 without 10.1.0.0/16`."""
        return f"{self.cidr}" + (f" without {', '.join(map(str, self.without))}" if self.without else "")

    def touches(self, other: Network) -> bool:
        """Say whether an address of another block is a peer."""
        if not self.cidr.overlaps(other):
            return False
        # Of two blocks that overlap, one is within the other.
        both = other if other.prefixlen >= self.cidr.prefixlen else self.cidr
        return not any(is_inside(both, one) for one in self.without)


@dataclass(frozen=True, slots=True)
class Host:
    """A host outside of the cluster as a peer, by its name, or by a pattern of names."""

    name: str

    def __str__(self) -> str:
        """The name."""
        return self.name


Peer = Pods | Block | Host


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule of a policy opens: to or from these peers, or with `None` to or from anywhere."""

    peers: tuple[Peer, ...] | None
    ports: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Policy:
    """One network policy; a direction that it doesn't speak of is `None`, and it leaves that as it was.

    In the directions of `loose` it opens, and doesn't close what nobody opens.
    """

    namespace: str
    name: str
    reason: str
    pods: Labels
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None
    loose: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """The reason that it gives; of one that gives none, its name."""
        return self.reason or f"policy {self.name} in {self.namespace}"


def read_policies(manifests: Sequence[Manifest]) -> Iterator[Policy]:
    """Read the network policies among manifests; one that can select no pod does nothing."""
    for manifest in manifests:
        if (manifest["apiVersion"], manifest["kind"]) == (NETWORK_API, "NetworkPolicy"):
            spec, place = manifest.get("spec") or {}, read_place(manifest)
            pods = read_selector(spec.get("podSelector"))
            if pods is not None:
                yield Policy(*place, pods, *_read_directions(spec, place[0]))


def read_place(manifest: Manifest) -> tuple[str, str, str]:
    """Give a policy's namespace, its name, and the reason that it gives, which may be empty."""
    metadata = manifest["metadata"]
    reason = (metadata.get("annotations") or {}).get(f"{DOMAIN}/reason", "")
    return metadata.get("namespace", "default"), metadata["name"], reason


def _read_directions(
    spec: Mapping[str, Any], namespace: str
) -> tuple[tuple[Rule, ...] | None, tuple[Rule, ...] | None]:
    """Read what is opened in each direction. Without `policyTypes`, egress counts where there are rules for it."""
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    ingress, egress = (
        tuple(_read_rule(rule, side, namespace) for rule in spec.get(key) or ()) if kind in types else None
        for kind, key, side in (("Ingress", "ingress", "from"), ("Egress", "egress", "to"))
    )
    return ingress, egress


def _read_rule(rule: Mapping[str, Any], side: str, namespace: str) -> Rule:
    named = rule.get(side)
    peers = tuple(peer for one in named for peer in _read_peer(one, namespace)) if named else None
    return Rule(peers, rule.get("ports") or ())


def _read_peer(peer: Mapping[str, Any], namespace: str) -> Iterator[Peer]:
    """Read a peer; a selector that no object meets is nobody. Without one of namespaces, the policy's own is meant."""
    block = peer.get("ipBlock")
    if block is not None:
        without = tuple(ip_network(one, strict=False) for one in block.get("except") or ())
        yield Block(ip_network(block["cidr"], strict=False), without)
        return
    of = peer.get("namespaceSelector")
    namespaces = read_selector(of) if of is not None else fix_name(namespace)
    labels = read_selector(peer.get("podSelector"))
    if namespaces is not None and labels is not None:
        yield Pods(namespaces, labels)


def fix_name(namespace: str) -> Labels:
    """Select the one namespace of a name."""
    chosen = fix_labels({NAMESPACE_NAME: namespace}).choices
    return Labels(chosen, ANY_LABELS.rest)
