"""What is open between tenants' pods: by the semantic check of the network policies that live at each site."""

from collections.abc import Iterator

from isolation.matrix import Attempt, Surface, Told
from isolation.world import PORT, SERVED, World
from tenantry.connection import read_connection
from tenantry.fleet.site.kube import KubeClient
from tenantry.reach import any_pod, build_world, find_openings
from tenantry.reach.find import Opening
from tenantry.reach.policies import NETWORK_API

_PORTS = (22, 53, 80, 443, 2379, 3306, 5432, 6379, 6443, 8080, 8081, PORT, 9000, 9090, 9200, 10250, 15432, 27017, 50051)
_PROTOCOLS = ("TCP", "UDP")
_WAYS = {
    ("portal", "maps", "TCP", PORT): "the intents of portal and maps",
    ("labs", "forms", "TCP", PORT): f"grant {SERVED}",
}
"""What the requests and the grants let be, and nothing else between tenants."""


def try_network(world: World, told: Told) -> list[Attempt]:
    """Ask of each pair of tenants at a site, and of each tenant and the platform, which ports are open."""
    made = [attempt for site in world.sandbox.sites for attempt in _try_site(world, site)]
    told(len(made))
    return made


def _try_site(world: World, site: str) -> Iterator[Attempt]:
    names = {world.id_of(name): name for name in world.requests if world.site_of(name) == site}
    opened = _find_open(site, names, world)
    for source in names.values():
        for target in names.values():
            if source == target:
                continue
            own = [opening for one, other, opening in opened if (one, other) == (source, target)]
            yield from _tell(source, target, own)


def _find_open(site: str, names: dict[str, str], world: World) -> list[tuple[str, str, Opening]]:
    client = KubeClient(read_connection(site))
    live = [
        found for kind in (("v1", "Namespace"), (NETWORK_API, "NetworkPolicy")) for found in client.list_all(*kind, "")
    ]
    around = build_world(live, ())
    groups = [group for namespace in around.namespaces for group in any_pod(around, namespace)]
    found = []
    for opening in find_openings(around, groups, groups):
        ends = [names.get(getattr(end, "tenant", "")) for end in (opening.source, opening.target)]
        if ends[0] and ends[1]:
            found.append((ends[0], ends[1], opening))
    return found


def _tell(source: str, target: str, openings: list[Opening]) -> Iterator[Attempt]:
    """Tell of each port that is asked, and of whatever else is open between two tenants."""
    for protocol in _PROTOCOLS:
        for port in _PORTS:
            through = [one for one in openings if one.ports.holds(protocol, port)]
            why = _WAYS.get((source, target, protocol, port), "")
            answer = "; ".join(sorted({f"{one.egress} / {one.ingress}" for one in through}))
            action = f"connect to {protocol} {port}"
            yield Attempt(Surface.NETWORK, f"{source}.pods", target, action, why, bool(through), answer or "closed")
    for one in openings:
        others = [
            span for span in one.ports.spans if not (span[1] == span[2] and span[1] in _PORTS and span[0] in _PROTOCOLS)
        ]
        if others:
            action = f"connect to {one.ports}"
            answer = f"{one.egress} / {one.ingress}"
            yield Attempt(Surface.NETWORK, f"{source}.pods", target, action, "", True, answer)
