"""Finds what is open: a connection needs the policies of its source and of its target."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenantry.reach.labels import Labels, can_avoid
from tenantry.reach.policies import Block, Host, Peer, Pods, Rule
from tenantry.reach.ports import Ports, read_ports
from tenantry.reach.world import ANYWHERE, Group, Outside, World

UNHELD = "no network policy holds it"
ON_HOST = "pods may use the host's network, which no network policy holds"


@dataclass(frozen=True, slots=True)
class Opening:
    """One thing that is open: from a source to ports of a target, and why, on each side.

    `egress` and `ingress` are the reasons that the two sides' policies give, or say that none holds the side; what lies
    outside has none.
    """

    source: Group | Outside
    target: Group | Outside
    ports: Ports
    egress: str
    ingress: str


@dataclass(frozen=True, slots=True)
class _Permit:
    """What one side allows: pods of its own with such labels, such peers (`None`: anywhere), and such ports."""

    labels: Labels
    avoided: tuple[Labels, ...]
    peers: tuple[Peer, ...] | None
    ports: Sequence[Mapping[str, Any]]
    why: str


def find_openings(world: World, sources: Sequence[Group], targets: Sequence[Group]) -> Iterator[Opening]:
    """Find all that is open between groups, each opening once: from sources to targets, or to and from the outside.

    A pod always reaches itself, which isn't told.
    """
    into = {target: tuple(_permit(world, target, "ingress")) for target in targets}
    there: defaultdict[str, list[Group]] = defaultdict(list)
    for target in targets:
        there[target.namespace].append(target)
    found: dict[Opening, None] = {}
    for source in sources:
        for out in _permit(world, source, "egress"):
            found |= dict.fromkeys(_to_outside(source, out))
            for target in _name_targets(world, out, there):
                if source != target or not source.pod:
                    found |= dict.fromkeys(_between(world, source, out, target, into[target]))
    for target, permits in into.items():
        for in_ in permits:
            found |= dict.fromkeys(_from_outside(target, in_))
    yield from found


def _between(world: World, source: Group, out: _Permit, target: Group, permits: Sequence[_Permit]) -> Iterator[Opening]:
    """Give what one permit of a source opens of a target, by each of the target's own."""
    for in_ in permits:
        if _agree(world, source, out, target, in_):
            ports = read_ports(out.ports, target.ports).meet(read_ports(in_.ports, target.ports))
            if ports:
                yield Opening(source, target, ports, out.why, in_.why)


def _permit(world: World, group: Group, direction: str) -> Iterator[_Permit]:
    """Give what a group is allowed in a direction: by each policy that selects it, or by there being none."""
    if group.on_host:
        yield _Permit(group.labels, (), None, (), ON_HOST)
        return
    holding: list[Labels] = []
    for policy in world.policies.get(group.namespace, ()):
        rules: tuple[Rule, ...] | None = getattr(policy, direction)
        labels = group.labels.meet(policy.pods)
        if rules is None or labels is None:
            continue
        if direction not in policy.loose:
            holding.append(policy.pods)
        for rule in rules:
            yield _Permit(labels, (), rule.peers, rule.ports, str(policy))
    if can_avoid(group.labels, holding):
        yield _Permit(group.labels, tuple(holding), None, (), UNHELD)


def _name_targets(world: World, out: _Permit, there: Mapping[str, Sequence[Group]]) -> Iterable[Group]:
    """Give the targets in those namespaces that a permit may be for; which pods of them, is to be seen."""
    pods = [peer for peer in out.peers or () if isinstance(peer, Pods)]
    if out.peers is None or any(isinstance(peer, Block) for peer in out.peers):
        named: Iterable[str] = there
    else:
        named = sorted({name for peer in pods for name in world.choose(peer.namespaces)})
    return (target for name in named for target in there.get(name, ()))


def _agree(world: World, source: Group, out: _Permit, target: Group, in_: _Permit) -> bool:
    """Say whether two pods can be such that each side's policy allows the other."""
    return _admits(world, out, target, in_) and _admits(world, in_, source, out)


def _admits(world: World, permit: _Permit, other: Group, theirs: _Permit) -> bool:
    """Say whether a permit's peers can be pods of the other side that its own permit is for."""
    if permit.peers is None:
        return True
    return any(_is_peer(world, peer, other, theirs) for peer in permit.peers)


def _is_peer(world: World, peer: Peer, other: Group, theirs: _Permit) -> bool:
    if isinstance(peer, Block):
        return any(peer.touches(block) for block in other.addresses)
    if isinstance(peer, Host) or other.on_host or other.namespace not in world.choose(peer.namespaces):
        return False
    labels = theirs.labels.meet(peer.labels)
    return labels is not None and can_avoid(labels, theirs.avoided)


def _to_outside(source: Group, out: _Permit) -> Iterator[Opening]:
    yield from (Opening(source, place, read_ports(out.ports, None), out.why, "") for place in _name_outside(out.peers))


def _from_outside(target: Group, in_: _Permit) -> Iterator[Opening]:
    ports = read_ports(in_.ports, target.ports)
    yield from (Opening(place, target, ports, "", in_.why) for place in _name_outside(in_.peers) if ports)


def _name_outside(peers: tuple[Peer, ...] | None) -> Iterable[Outside]:
    if peers is None:
        return [Outside(ANYWHERE)]
    return [Outside(str(peer)) for peer in peers if not isinstance(peer, Pods)]
