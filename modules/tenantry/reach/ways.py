"""Openings told as a tenant sees them: who reaches it, whom it reaches, on what ports, and why."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from tenantry.reach.find import Opening
from tenantry.reach.ports import Ports
from tenantry.reach.world import Group, Outside


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side: a tenant, by its id; or namespaces that are no tenant's; or addresses, or `anywhere`."""

    tenant: str = ""
    namespaces: tuple[str, ...] = ()
    addresses: str = ""

    def __str__(self) -> str:
        """The one of them that there is."""
        return self.tenant or ", ".join(self.namespaces) or self.addresses


@dataclass(frozen=True, slots=True)
class Way:
    """One thing that is open to or from a tenant.

    `direction` is `from` where the peer opens the connection, `to` where the tenant does. `why` has the reasons of the
    two sides, the tenant's own first; where they are the same, one. `namespaces` are the tenant's.
    """

    tenant: str
    direction: Literal["from", "to"]
    peer: Peer
    ports: Ports
    why: tuple[str, ...]
    namespaces: tuple[str, ...]


_Key = tuple[str, Literal["from", "to"], Peer, Ports, tuple[str, ...]]


def tell_ways(openings: Iterable[Opening], tenants: Iterable[str]) -> list[Way]:
    """Give what is open to and from tenants, by id: first who reaches each, then whom it reaches.

    What differs in namespaces alone is one way, and so is what is open between the pods of one tenant.
    """
    wanted = set(tenants)
    found: defaultdict[_Key, set[str]] = defaultdict(set)
    elsewhere: defaultdict[_Key, set[str]] = defaultdict(set)
    for opening in openings:
        for direction, own, other, why in _sides(opening):
            if isinstance(own, Group) and own.tenant in wanted:
                key = (own.tenant, direction, _name_peer(other), opening.ports, why)
                found[key].add(own.namespace)
                if isinstance(other, Group) and not other.tenant:
                    elsewhere[key].add(other.namespace)
    ways = []
    for key, namespaces in found.items():
        tenant, direction, peer, ports, why = key
        named = Peer(namespaces=tuple(sorted(elsewhere[key]))) if key in elsewhere else peer
        ways.append(Way(tenant, direction, named, ports, why, tuple(sorted(namespaces))))
    return sorted(ways, key=lambda way: (way.tenant, way.direction, str(way.peer), str(way.ports), way.why))


_Side = tuple[Literal["from", "to"], Group | Outside, Group | Outside, tuple[str, ...]]


def _sides(opening: Opening) -> Iterator[_Side]:
    """Look at an opening from its target, and from its source; of what is within one tenant, once."""
    source, target = opening.source, opening.target
    yield "from", target, source, _join(opening.ingress, opening.egress, source)
    if not _find_tenant(source) or _find_tenant(source) != _find_tenant(target):
        yield "to", source, target, _join(opening.egress, opening.ingress, target)


def _join(own: str, others: str, other: Group | Outside) -> tuple[str, ...]:
    """Give the tenant's own reason, and that of another tenant: who is none agrees to nothing."""
    return tuple(dict.fromkeys(filter(None, (own, others if _find_tenant(other) else ""))))


def _find_tenant(side: Group | Outside) -> str:
    return side.tenant if isinstance(side, Group) else ""


def _name_peer(other: Group | Outside) -> Peer:
    return Peer(tenant=_find_tenant(other), addresses=other.addresses if isinstance(other, Outside) else "")
