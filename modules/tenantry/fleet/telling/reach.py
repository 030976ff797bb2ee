"""Who reaches a tenant where it lives, and whom it reaches: asked of a site's own network policies."""

from collections.abc import Sequence
from dataclasses import dataclass

from tenantry.connection import read_connection
from tenantry.contract.model import Site
from tenantry.fleet.selection import Planned
from tenantry.fleet.site.kube import KubeClient
from tenantry.problems import Problem, UnreachableError
from tenantry.reach import any_pod, build_world, find_openings
from tenantry.reach.policies import NETWORK_API
from tenantry.reach.ways import Way, tell_ways
from tenantry.render.network.names import CILIUM_API, CILIUM_KIND


@dataclass(frozen=True, slots=True)
class Reach:
    """All that is open to and from tenants, by their ids.

    `absent` are those of which nothing lives at their site, `problems` what is wrong with sites that couldn't be asked.
    """

    ways: tuple[Way, ...]
    absent: frozenset[str]
    problems: tuple[Problem, ...]


def find_reach(planned: Sequence[Planned]) -> Reach:
    """Ask each site of the tenants; one that fails takes only its own tenants with it."""
    ways: list[Way] = []
    absent: set[str] = set()
    problems: list[Problem] = []
    for name, site in {one.site.name: one.site for one in planned}.items():
        tenants = [one.tenant.id for one in planned if one.site.name == name]
        try:
            found = _ask(site, tenants)
        except UnreachableError as error:
            problems += error.problems
            continue
        ways += found
        absent |= {*tenants} - {way.tenant for way in found}
    return Reach(tuple(ways), frozenset(absent), tuple(problems))


def _ask(site: Site, tenants: Sequence[str]) -> list[Way]:
    """Read a site's namespaces and network policies, whoever made them, and find what they open to any pod."""
    client = KubeClient(read_connection(site.name))
    kinds = (("v1", "Namespace"), (NETWORK_API, "NetworkPolicy"), (CILIUM_API, CILIUM_KIND))
    live = [found for kind in kinds for found in client.list_all(*kind, "")]
    world = build_world(live, site.spec.network.cluster_cidrs)
    groups = [group for namespace in world.namespaces for group in any_pod(world, namespace)]
    own = [group for group in groups if group.tenant in tenants]
    if len(own) * 2 > len(groups):
        return tell_ways(find_openings(world, groups, groups), tenants)
    return tell_ways([*find_openings(world, own, groups), *find_openings(world, groups, own)], tenants)
