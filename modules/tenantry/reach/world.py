"""What there is to reach: namespaces, groups of pods in them, and the policies that hold them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network

from tenantry.contract.addresses import Network
from tenantry.contract.model import NAMESPACE_NAME
from tenantry.reach.cilium import read_cilium_policies
from tenantry.reach.labels import ANY_LABELS, Labels, fix_labels
from tenantry.reach.policies import Policy, read_policies
from tenantry.reach.ports import NamedPorts
from tenantry.render.manifest import Manifest
from tenantry.render.naming import TENANT_LABEL

_ENFORCED = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True, slots=True)
class Group:
    """Pods of one namespace that are alike: one that is known, or with an empty `pod` any that could be started.

    Args:
        namespace: The namespace's name.
        tenant: The tenant's id, or empty where the namespace is no tenant's.
        pod: What the pod is called.
        labels: What the pods' labels may be.
        named: The names of its ports; `None` where whoever starts the pod chooses.
        addresses: Where its addresses lie, as far as they are known.
        on_host: Whether the pod uses its node's network, which no network policy holds.
    """

    namespace: str
    tenant: str
    pod: str
    labels: Labels
    named: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] | None
    addresses: tuple[Network, ...]
    on_host: bool = False

    @property
    def ports(self) -> NamedPorts | None:
        """The names of its ports, by name."""
        return None if self.named is None else dict(self.named)

    def __str__(self) -> str:
        """`namespace/pod`, or the namespace alone where any of its pods is meant."""
        return f"{self.namespace}/{self.pod}" if self.pod else self.namespace


@dataclass(frozen=True, slots=True)
class Outside:
    """Where no pod is: addresses as a policy gives them, or `ANYWHERE`."""

    addresses: str

    def __str__(self) -> str:
        """The addresses."""
        return self.addresses


ANYWHERE = "anywhere"


@dataclass(frozen=True)
class World:
    """Namespaces with their labels, the policies in each, and the blocks that pods have their addresses from."""

    namespaces: Mapping[str, Mapping[str, str]]
    policies: Mapping[str, Sequence[Policy]]
    pod_blocks: tuple[Network, ...]

    @cached_property
    def _chosen(self) -> dict[Labels, frozenset[str]]:
        return {}

    def choose(self, selector: Labels) -> frozenset[str]:
        """Give the names of the namespaces that a selector selects."""
        if selector not in self._chosen:
            fitting = (name for name in self._narrow(selector) if self._fixed[name].meet(selector) is not None)
            self._chosen[selector] = frozenset(fitting)
        return self._chosen[selector]

    def _narrow(self, selector: Labels) -> Iterable[str]:
        """Give the namespaces that may be selected: hundreds of tenants each select their own, by one label."""
        for key, choice in selector.choices:
            if not (choice.others or choice.absent):
                return {name for value in choice.values for name in self._by_label.get((key, value), ())}
        return self._fixed

    @cached_property
    def _by_label(self) -> dict[tuple[str, str], list[str]]:
        found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for name, labels in self.namespaces.items():
            for label in {**labels, NAMESPACE_NAME: name}.items():
                found[label].append(name)
        return dict(found)

    @cached_property
    def _fixed(self) -> dict[str, Labels]:
        return {name: fix_labels({**labels, NAMESPACE_NAME: name}) for name, labels in self.namespaces.items()}


def build_world(manifests: Sequence[Manifest], pod_blocks: Iterable[str] = ()) -> World:
    """Take the namespaces and network policies from manifests, rendered or live.

    Args:
        manifests: Any; those of other kinds are passed over. A policy whose namespace isn't among them counts there.
        pod_blocks: The blocks that pods have their addresses from (a site's `clusterCidrs`): a policy that opens a
            part of one opens to pods.
    """
    policies: defaultdict[str, list[Policy]] = defaultdict(list)
    for policy in (*read_policies(manifests), *read_cilium_policies(manifests)):
        policies[policy.namespace].append(policy)
    namespaces: dict[str, Mapping[str, str]] = {name: {} for name in policies}
    for manifest in manifests:
        if (manifest["apiVersion"], manifest["kind"]) == ("v1", "Namespace"):
            namespaces[manifest["metadata"]["name"]] = manifest["metadata"].get("labels") or {}
    return World(namespaces, dict(policies), tuple(ip_network(one) for one in pod_blocks))


def any_pod(world: World, namespace: str) -> list[Group]:
    """Give the groups of all pods that could be started in a namespace.

    Where Pod Security doesn't keep them from it, they may use the host's network.
    """
    labels = world.namespaces[namespace]
    tenant = labels.get(TENANT_LABEL, "")
    free = labels.get(_ENFORCED) not in ("baseline", "restricted")
    held = Group(namespace, tenant, "", ANY_LABELS, None, world.pod_blocks)
    return [held, Group(namespace, tenant, "", ANY_LABELS, None, (), on_host=True)] if free else [held]


def this_pod(world: World, pod: Manifest) -> Group:
    """Give the group of one pod, live or as a manifest; a live one's addresses are known."""
    metadata, spec = pod["metadata"], pod["spec"]
    namespace = metadata.get("namespace", "default")
    on_host = bool(spec.get("hostNetwork"))
    status = pod.get("status") or {}
    known = tuple(ip_network(one["ip"]) for one in status.get("podIPs") or ())
    named: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    # An init container that goes on running (a sidecar) has ports, too.
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        for port in container.get("ports") or ():
            if port.get("name"):
                named[port["name"]].append((port.get("protocol") or "TCP", port["containerPort"]))
    return Group(
        namespace=namespace,
        tenant=world.namespaces.get(namespace, {}).get(TENANT_LABEL, ""),
        pod=metadata["name"],
        labels=fix_labels(metadata.get("labels") or {}),
        named=tuple((name, tuple(ports)) for name, ports in named.items()),
        addresses=known or (() if on_host else world.pod_blocks),
        on_host=on_host,
    )
