"""Whatever two tenants ask for, what is open between them is what both declare, and nothing else."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from rendering import thorough
from strategies import baseline, sites, tenants
from tenantry.contract.model import Direction, Intent, Tenant
from tenantry.reach import any_pod, build_world, find_openings
from tenantry.reach.ports import Ports, make_ports
from tenantry.reach.ways import tell_ways
from tenantry.render import render_tenant

THIRD = "t-third000"
AROUND = "10.0.0.0/8"
"""A block that holds the cluster's own addresses."""

Declared = set[tuple[Direction, int, str, str]]
"""What a side declares: direction, port and protocol, and with whom: the other tenant (empty), a third, or a block."""


def declared() -> SearchStrategy[Declared]:
    return st.sets(
        st.tuples(
            st.sampled_from(Direction),
            st.sampled_from([443, 8443]),
            st.sampled_from(["TCP", "UDP"]),
            st.sampled_from(["", THIRD, AROUND]),
        ),
        max_size=8,
    )


def with_intents(tenant: Tenant, peer: Tenant, asked: Declared) -> Tenant:
    """Let a tenant declare connections, beside all that it declares anyway."""
    more = tuple(
        Intent(
            direction=direction,
            tenant=None if named == AROUND else named or peer.id,
            host=None,
            cidr=AROUND if named == AROUND else None,
            port=port,
            protocol=protocol,
            reason=f"{direction} {port}",
        )
        for direction, port, protocol, named in sorted(asked)
    )
    return replace(tenant, spec=replace(tenant.spec, intents=(*tenant.spec.intents, *more)))


@thorough
@given(tenants(), tenants(), declared(), declared())
def test_what_is_open_between_tenants_is_what_both_declare(
    one: Tenant, two: Tenant, mine: Declared, theirs: Declared
) -> None:
    if one.id == two.id:
        return
    one, two = with_intents(one, two, mine), with_intents(two, one, theirs)
    site = sites()["site-north"]
    objects = [manifest for each in (one, two) for manifest in render_tenant(each, site, baseline()).kubernetes]
    world = build_world(objects, site.spec.network.cluster_cidrs)
    groups = [group for namespace in world.namespaces for group in any_pod(world, namespace)]
    assert {group.tenant for group in groups} == {one.id, two.id}
    ways = tell_ways(find_openings(world, groups, groups), [one.id, two.id])
    to, back = agreed(mine, theirs), agreed(theirs, mine)
    for tenant, peer, direction, expected in (
        (one, two, "to", to),
        (two, one, "from", to),
        (two, one, "to", back),
        (one, two, "from", back),
    ):
        found = [way for way in ways if (way.tenant, way.peer.tenant, way.direction) == (tenant.id, peer.id, direction)]
        assert make_ports(span for way in found for span in way.ports.spans) == expected
        names = {namespace.name for namespace in tenant.spec.namespaces}
        assert all(set(way.namespaces) == {f"{tenant.id}-{name}" for name in names} for way in found)
        assert all(len(way.why) == 2 for way in found), "each side gives its reason"


def agreed(source: Declared, target: Declared) -> Ports:
    """Give the ports that a source wants to reach, and the target lets in."""
    wanted = {
        (protocol, port) for direction, port, protocol, named in source if direction is Direction.TO and not named
    }
    let_in = {
        (protocol, port) for direction, port, protocol, named in target if direction is Direction.FROM and not named
    }
    return make_ports((protocol, port, port) for protocol, port in wanted & let_in)
