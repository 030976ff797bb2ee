"""What is found open is what NetworkPolicy's own words say, of pods that are known and of all that could be."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import reaches
from worlds import NAMESPACES, PORTS, every_labels, make_namespace, make_pod, make_policy, worlds

from tenantry.reach import Group, Opening, Outside, any_pod, build_world, find_openings, this_pod

PROBES = [(protocol, port) for protocol in ("TCP", "UDP", "SCTP") for port in (*PORTS, 9999)]
EVERYWHERE = ["10.0.0.0/8"]

Manifest = dict[str, Any]


def is_open(found: list[Opening], source: Group, target: Group, protocol: str, port: int) -> bool:
    return any((one.source, one.target) == (source, target) and one.ports.holds(protocol, port) for one in found)


@settings(max_examples=300, deadline=None)
@given(
    worlds(),
    st.lists(
        st.builds(
            make_pod,
            st.just("pod"),
            st.sampled_from(NAMESPACES),
            st.sampled_from(every_labels()),
            port=st.sampled_from(PORTS),
            protocol=st.sampled_from(["TCP", "UDP"]),
            address=st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
            on_host=st.booleans(),
        ),
        min_size=2,
        max_size=2,
    ),
)
def test_known_pods_reach_each_other_as_the_policies_say(world: list[Manifest], pods: list[Manifest]) -> None:
    for number, pod in enumerate(pods):
        pod["metadata"]["name"] = f"pod-{number}"
    made = build_world(world, EVERYWHERE)
    source, target = (this_pod(made, pod) for pod in pods)
    found = list(find_openings(made, [source], [target]))
    for protocol, port in PROBES:
        assert is_open(found, source, target, protocol, port) == reaches(*pods, protocol, port, world), (protocol, port)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_any_pod_reaches_what_some_pod_could(world: list[Manifest]) -> None:
    """Of all labels, named ports and addresses that pods could have, one is enough; and one there must be."""
    made = build_world(world, EVERYWHERE)
    groups = {name: any_pod(made, name)[0] for name in NAMESPACES}
    found = list(find_openings(made, [*groups.values()], [*groups.values()]))
    one_source = [make_pod("source", "", labels, address=address) for labels in every_labels() for address in ADDRESSES]
    one_target = [
        make_pod("target", "", labels, port=port, protocol=protocol, address=address)
        for labels in every_labels()
        for protocol, port in [("TCP", 443), ("UDP", 53)]
        for address in ADDRESSES
    ]
    for here, there in product(NAMESPACES, repeat=2):
        for protocol, port in [("TCP", 443), ("UDP", 53)]:
            told = is_open(found, groups[here], groups[there], protocol, port)
            assert told == _some(one_source, here, one_target, there, protocol, port, world)


ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.200.0.1")


def _some(
    sources: list[Manifest],
    here: str,
    targets: list[Manifest],
    there: str,
    protocol: str,
    port: int,
    world: list[Manifest],
) -> bool:
    for pod, namespace in [*((one, here) for one in sources), *((one, there) for one in targets)]:
        pod["metadata"]["namespace"] = namespace
    return any(reaches(source, target, protocol, port, world) for source in sources for target in targets)


DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def opened(*manifests: Manifest, blocks: list[str] = EVERYWHERE) -> list[tuple[str, str, str]]:
    """What any pods of two namespaces reach: source, target and ports, without the ways back."""
    world = build_world([make_namespace("red", {"team": "red"}), make_namespace("blue", {}), *manifests], blocks)
    groups = [group for name in NAMESPACES for group in any_pod(world, name)]
    found = find_openings(world, groups, groups)
    return sorted({(str(one.source), str(one.target), str(one.ports)) for one in found})


def test_default_deny_closes_all() -> None:
    assert opened(make_policy("red", DENY), make_policy("blue", DENY)) == []


def test_one_side_alone_opens_nothing() -> None:
    out = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": {}}]}]}
    assert (
        opened(make_policy("red", DENY), make_policy("blue", DENY), make_policy("red", out))
        == [
            # Its own pods are in a namespace, too, and what they don't let in stays out.
        ]
    )


def test_both_sides_open_the_ports_that_both_name() -> None:
    out = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [_to("blue", 80), _to("blue", 443)]}
    in_ = {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "red"}}}]}]}
    in_["ingress"][0]["ports"] = [{"port": 443}, {"port": 8443}]  # type: ignore[index]
    closed = [make_policy("red", DENY), make_policy("blue", DENY)]
    assert opened(*closed, make_policy("red", out), make_policy("blue", in_)) == [("red", "blue", "TCP 443")]


def _to(namespace: str, port: int) -> Manifest:
    chosen = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return {"to": [{"namespaceSelector": chosen}], "ports": [{"port": port}]}


def test_pods_that_no_policy_selects_are_open_and_that_is_told() -> None:
    only_web = {"podSelector": {"matchLabels": {"app": "web"}}}
    found = _find([make_policy("red", only_web), make_policy("blue", DENY)], "blue", "red")
    assert found == []
    found = _find([make_policy("red", only_web), make_policy("blue", {**DENY, "egress": [{}]})], "blue", "red")
    assert [(one.ingress, str(one.ports)) for one in found] == [("no network policy holds it", "every port")]


def _find(manifests: list[Manifest], source: str, target: str) -> list[Opening]:
    world = build_world([make_namespace("red", {}), make_namespace("blue", {}), *manifests])
    found = find_openings(world, any_pod(world, source), any_pod(world, target))
    return [one for one in found if isinstance(one.source, Group) and isinstance(one.target, Group)]


def test_a_block_over_the_pods_addresses_opens_to_pods_unless_they_are_left_out() -> None:
    world = [make_policy("red", {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]})]
    assert ("blue", "red", "every port") in opened(*world, blocks=["10.96.0.0/12"])
    world[0]["spec"]["ingress"][0]["from"][0]["ipBlock"]["except"] = ["10.96.0.0/12"]
    assert ("blue", "red", "every port") not in opened(*world, blocks=["10.96.0.0/12"])


def test_what_is_open_to_the_outside_is_told_with_its_addresses() -> None:
    block = {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.7/32"]}}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [block], "ports": [{"port": 443}]}]}
    assert ("red", "192.0.2.0/24 without 192.0.2.7/32", "TCP 443") in opened(make_policy("red", spec))
    assert ("anywhere", "red", "every port") in opened(make_policy("red", spec))


@pytest.mark.parametrize("held", [True, False])
def test_pods_that_may_use_the_hosts_network_escape_their_policies(held: bool) -> None:
    manifests = [make_namespace("red", {}, held=held), make_policy("red", DENY)]
    world = build_world(manifests)
    found = list(find_openings(world, any_pod(world, "red"), []))
    assert [(str(one.target), one.egress) for one in found] == (
        [] if held else [("anywhere", "pods may use the host's network, which no network policy holds")]
    )


def test_a_pod_that_reaches_itself_is_not_told() -> None:
    world = build_world([make_namespace("red", {})])
    pods = [this_pod(world, make_pod(name, "red", {})) for name in ("one", "two")]
    between = {
        (str(one.source), str(one.target))
        for one in find_openings(world, pods, pods)
        if not isinstance(one.source, Outside) and not isinstance(one.target, Outside)
    }
    assert between == {("red/one", "red/two"), ("red/two", "red/one")}


def cilium(**spec: Any) -> Manifest:  # noqa: ANN401
    metadata = {"name": "named", "namespace": "red", "annotations": {"tenantry.dev/reason": "Pays fees."}}
    whole = {"endpointSelector": {}, **spec}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": whole}


TO_HOST = {"toFQDNs": [{"matchName": "a.example"}], "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]}
TO_BLUE = {
    "toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "blue"}}],
    "toPorts": [{"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": [{"matchPattern": "*"}]}}],
}
DNS = "SCTP 53, TCP 53, UDP 53"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"egress": [TO_HOST]}, [("red", "a.example", "TCP 443")]),
        ({"egress": [TO_BLUE]}, [("red", "blue", DNS)]),
        (
            {"egress": [{"toEntities": ["kube-apiserver"]}]},
            [("red", "anywhere", "every port"), ("red", "blue", "every port")],
        ),
        ({"egress": [{}]}, [("red", "anywhere", "every port"), ("red", "blue", "every port")]),
        ({"endpointSelector": {"matchLabels": {"k8s:app": "a", "any:app": "b"}}, "egress": [TO_HOST]}, []),
        ({"egress": []}, []),
    ],
    ids=["a host", "a namespace", "what isn't known here", "anybody", "no pod", "nobody"],
)
def test_ciliums_policies_open_beside_the_others(spec: Manifest, expected: list[tuple[str, str, str]]) -> None:
    let_in = {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}
    held = [make_policy("red", DENY), make_policy("blue", DENY), make_policy("blue", let_in)]
    assert opened(*held, cilium(**spec)) == expected


@pytest.mark.parametrize("loose", [False, True])
def test_one_that_does_not_hold_by_default_leaves_open_what_was(loose: bool) -> None:
    policy = cilium(egress=[TO_HOST], enableDefaultDeny={"egress": not loose})
    to_anywhere = [one for one in opened(policy, make_policy("blue", DENY)) if one[:2] == ("red", "anywhere")]
    assert bool(to_anywhere) == loose
