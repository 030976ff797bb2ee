"""Small worlds in which much happens: few labels, few namespaces, policies of every form."""

from itertools import product
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

NAMESPACES = ("red", "blue")
KEYS = ("app", "tier")
VALUES = ("web", "db", "other")
"""The last is named by no selector: what a policy doesn't foresee."""
PORTS = (53, 80, 443)
BLOCKS = ("10.0.0.0/8", "10.0.0.0/31", "10.0.0.2/32", "192.0.2.0/24")

Manifest = dict[str, Any]


def selectors() -> SearchStrategy[Manifest]:
    values = st.lists(st.sampled_from(VALUES[:2]), min_size=1, max_size=2, unique=True)
    terms = st.one_of(
        st.builds(
            lambda key, operator, chosen: {"key": key, "operator": operator, "values": chosen},
            st.sampled_from(KEYS),
            st.sampled_from(["In", "NotIn"]),
            values,
        ),
        st.builds(
            lambda key, operator: {"key": key, "operator": operator},
            st.sampled_from(KEYS),
            st.sampled_from(["Exists", "DoesNotExist"]),
        ),
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "matchLabels": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES[:2]), max_size=2),
            "matchExpressions": st.lists(terms, max_size=2),
        },
    )


def peers() -> SearchStrategy[Manifest]:
    block = st.fixed_dictionaries(
        {"cidr": st.sampled_from(BLOCKS)}, optional={"except": st.lists(st.sampled_from(BLOCKS[1:]), max_size=2)}
    )
    return st.one_of(
        st.builds(lambda one: {"podSelector": one}, selectors()),
        st.builds(lambda one: {"namespaceSelector": one}, selectors()),
        st.builds(lambda one, two: {"namespaceSelector": one, "podSelector": two}, selectors(), selectors()),
        st.builds(lambda one: {"ipBlock": one}, block),
    )


def rules(side: str) -> SearchStrategy[Manifest]:
    protocols = st.sampled_from(["TCP", "UDP"])
    ports = st.one_of(
        st.just({}),
        st.fixed_dictionaries({"port": st.sampled_from([*PORTS, "metrics"])}, optional={"protocol": protocols}),
        st.just({"port": 60, "endPort": 500}),
    )
    return st.fixed_dictionaries(
        {}, optional={side: st.lists(peers(), max_size=2), "ports": st.lists(ports, max_size=2)}
    )


def policies() -> SearchStrategy[Manifest]:
    spec = st.fixed_dictionaries(
        {"podSelector": selectors()},
        optional={
            "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), min_size=1, max_size=2, unique=True),
            "ingress": st.lists(rules("from"), max_size=2),
            "egress": st.lists(rules("to"), max_size=2),
        },
    )
    return st.builds(make_policy, st.sampled_from(NAMESPACES), spec)


def make_policy(namespace: str, spec: Manifest) -> Manifest:
    metadata = {"name": f"policy-{abs(hash(str(spec))) % 10**8}", "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def namespaces() -> SearchStrategy[list[Manifest]]:
    labels = st.sampled_from(every_labels())
    return st.tuples(labels, labels).map(
        lambda both: [make_namespace(name, one) for name, one in zip(NAMESPACES, both, strict=True)]
    )


def make_namespace(name: str, labels: dict[str, str], *, held: bool = True) -> Manifest:
    enforced = {"pod-security.kubernetes.io/enforce": "restricted"} if held else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**labels, **enforced}}}


def worlds() -> SearchStrategy[list[Manifest]]:
    """Give namespaces with up to five policies."""
    return st.builds(lambda spaces, held: [*spaces, *held], namespaces(), st.lists(policies(), max_size=5))


def every_labels() -> list[dict[str, str]]:
    """Give every set of labels there can be here."""
    return [
        {key: value for key, value in zip(KEYS, chosen, strict=True) if value is not None}
        for chosen in product((None, *VALUES), repeat=len(KEYS))
    ]


def make_pod(
    name: str,
    namespace: str,
    labels: dict[str, str],
    *,
    port: int = 80,
    protocol: str = "TCP",
    address: str = "10.0.0.1",
    on_host: bool = False,
) -> Manifest:
    """Make a live pod whose port `metrics` is the one given."""
    ports = [{"name": "metrics", "containerPort": port, "protocol": protocol}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "app", "ports": ports}], **({"hostNetwork": True} if on_host else {})},
        "status": {"podIPs": [{"ip": address}]},
    }
