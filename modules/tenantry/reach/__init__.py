"""Who can reach whom: what network policies open between pods, computed from the policies alone.

Pure and offline: the same functions look at what was rendered and at what lives at a site. An opening is told with the
policies of both sides that make it. Where it isn't known which pods there are, or what their labels will be, every pod
that somebody could start counts, so that what isn't told here can't be reached.

Source: Kubernetes NetworkPolicy, networking.k8s.io/v1.
"""

from tenantry.reach.find import Opening, find_openings
from tenantry.reach.ports import Ports
from tenantry.reach.world import Group, Outside, World, any_pod, build_world, this_pod

__all__ = [
    "Group",
    "Opening",
    "Outside",
    "Ports",
    "World",
    "any_pod",
    "build_world",
    "find_openings",
    "this_pod",
]
