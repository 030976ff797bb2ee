"""Nodes are drained before an upgrade as a real API server lets them be: budgets are kept, what stays stays."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sites import Sandbox
from tenantry.hosts.upgrade.nodes import Nodes
from tenantry.problems import UnreachableError
from tenantry.toolchain import binary

SPACE = "upgrade-nodes"
READY = {"type": "Ready", "status": "True", "reason": "Test", "message": "as a kubelet says"}


class Cluster:
    """A site with nodes that are objects alone: pods are bound to them, and no kubelet runs any."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._site = sandbox, sandbox.sites[0]
        kube = sandbox.connection(self._site).kubernetes
        self.nodes = Nodes(binary("kubectl"), Path(kube.kubeconfig))

    def kubectl(self, *words: str, **document: Any) -> str:  # noqa: ANN401
        stdin = json.dumps(document) if document else None
        done = self._sandbox.kubectl(self._site, *words, *(["-f", "-"] if document else []), stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def node(self, name: str, version: str = "v1.36.3") -> None:
        """Make a node that is Ready."""
        self.kubectl("create", apiVersion="v1", kind="Node", metadata={"name": name})
        status = {"conditions": [READY], "nodeInfo": {"kubeletVersion": version}}
        self.kubectl("patch", "node", name, "--subresource=status", f"--patch={json.dumps({'status': status})}")

    def pod(self, name: str, node: str, **metadata: Any) -> None:  # noqa: ANN401
        """Bind a pod to a node that nobody would make anew."""
        meta = {"name": name, "namespace": SPACE, **metadata}
        self.kubectl("create", apiVersion="v1", kind="Pod", metadata=meta, spec=spec_of(node))

    def owner(self, kind: str, name: str, node: str) -> None:
        """Have a controller make a pod on a node, and wait until it is there."""
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": spec_of(node)}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        self.kubectl("create", apiVersion="apps/v1", kind=kind, metadata={"name": name, "namespace": SPACE}, spec=spec)
        wait_until(lambda: any(one.startswith(name) for one in self.pods()))

    def serve(self, pod: str) -> None:
        """Have a pod run and be ready, as its kubelet would say."""
        status = {"phase": "Running", "conditions": [READY]}
        patch = f"--patch={json.dumps({'status': status})}"
        self.kubectl("patch", "pod", pod, "--namespace", SPACE, "--subresource=status", patch)

    def pods(self, app: str = "") -> dict[str, str]:
        """Give the pods that are there, of an app where one is named, with their uids."""
        found = json.loads(self.kubectl("get", "pods", "--namespace", SPACE, "--output=json"))["items"]
        metadata = [one["metadata"] for one in found]
        return {one["name"]: one["uid"] for one in metadata if not app or one.get("labels", {}).get("app") == app}


def spec_of(node: str) -> dict[str, Any]:
    """Give a pod that is on a node at once, and goes at once, for no kubelet is there to say that it ended."""
    containers = [{"name": "main", "image": "none"}]
    return {
        "nodeName": node,
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "containers": containers,
    }


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.fixture
def cluster(sandbox: Sandbox) -> Iterator[Cluster]:
    found = Cluster(sandbox)
    found.kubectl("create", apiVersion="v1", kind="Namespace", metadata={"name": SPACE})
    try:
        found.node("worker-1")
        found.node("worker-2")
        yield found
    finally:
        found.kubectl("delete", "replicasets,daemonsets,poddisruptionbudgets", "--all", "--namespace", SPACE)
        found.kubectl("delete", "pods", "--all", "--namespace", SPACE, "--force", "--grace-period=0")
        found.kubectl("delete", "namespace", SPACE)
        found.kubectl("delete", "nodes", "worker-1", "worker-2")


def test_pods_go_but_those_of_daemon_sets_and_the_nodes_own(cluster: Cluster) -> None:
    cluster.owner("ReplicaSet", "web", "worker-1")
    cluster.owner("DaemonSet", "agent", "worker-1")
    cluster.pod("mirror", "worker-1", annotations={"kubernetes.io/config.mirror": "yes"})
    cluster.owner("ReplicaSet", "other", "worker-2")
    before = cluster.pods()
    cluster.nodes.cordon("worker-1")
    assert {one.name: one.cordoned for one in cluster.nodes.all().values()} == {"worker-1": True, "worker-2": False}
    cluster.nodes.drain("worker-1", 60)
    gone = {name for name, uid in before.items() if cluster.pods().get(name) != uid}
    assert {name.partition("-")[0] for name in gone} == {"web"}
    cluster.nodes.drain("worker-1", 60)
    cluster.nodes.uncordon("worker-1")
    assert not any(one.cordoned for one in cluster.nodes.all().values())


def test_a_disruption_budget_is_kept_until_the_time_is_over(cluster: Cluster) -> None:
    cluster.owner("ReplicaSet", "web", "worker-1")
    before = cluster.pods("web")
    (pod,) = before
    cluster.serve(pod)
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    meta = {"name": "web", "namespace": SPACE}
    cluster.kubectl("create", apiVersion="policy/v1", kind="PodDisruptionBudget", metadata=meta, spec=budget)
    wait_until(lambda: budget_is_seen(cluster))
    with pytest.raises(UnreachableError) as failed:
        cluster.nodes.drain("worker-1", 12)
    (problem,) = failed.value.problems
    assert problem.code == "TEN-777"
    assert "worker-1: its pods don't go within 12 s" in problem.message
    assert "disruption budget" in problem.message
    assert cluster.pods("web") == before
    assert cluster.nodes.all()["worker-1"].cordoned

    cluster.kubectl("delete", "poddisruptionbudget", "web", "--namespace", SPACE)
    cluster.nodes.drain("worker-1", 60)
    assert cluster.pods("web") != before


def budget_is_seen(cluster: Cluster) -> bool:
    """Say whether the cluster has counted which pods a budget is of."""
    said = json.loads(cluster.kubectl("get", "poddisruptionbudget", "web", "--namespace", SPACE, "--output=json"))
    return bool(said.get("status", {}).get("currentHealthy") == 1)


def test_a_pod_that_nobody_would_make_anew_stays_and_all_others_do(cluster: Cluster) -> None:
    cluster.owner("ReplicaSet", "web", "worker-1")
    cluster.pod("alone", "worker-1")
    before = cluster.pods()
    with pytest.raises(UnreachableError) as failed:
        cluster.nodes.drain("worker-1", 60)
    (problem,) = failed.value.problems
    assert problem.code == "TEN-777"
    assert f"{SPACE}/alone" in problem.message
    assert cluster.pods() == before


def test_a_node_is_waited_for_until_it_is_ready_in_its_version(cluster: Cluster) -> None:
    cluster.nodes.wait_ready("worker-1", "1.36.3", 1)
    for name, version, said in (
        ("worker-1", "1.37.2", "the node is Ready with v1.36.3 after 1 s"),
        ("worker-9", "1.36.3", "the node isn't known after 1 s"),
    ):
        with pytest.raises(UnreachableError) as failed:
            cluster.nodes.wait_ready(name, version, 1)
        (problem,) = failed.value.problems
        assert problem.code == "TEN-778"
        assert said in problem.message
