"""A kubelet that runs pods is upgraded after its API server, with a boot, also where the command was killed at it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import Site
from guest_image import Image
from hosts_at_hand import run
from older import older_bundle, older_kubernetes
from upgrading import BOOT, command, journal, killed, powered
from whole_sites import SITE, WORKER, WholeSite, whole_site
from workers_at_hand import wait_for

from tenantry.hosts.reading import read_inventory
from tenantry.hosts.running import PREPARE, run_playbook
from tenantry.toolchain.table import component_of

pytestmark = pytest.mark.hosts

ROLES = {"host-1": ("pki", "etcd", "controlplane"), WORKER: ("baseline", "firewall", "pki", "worker")}
"""What a node that runs pods needs, by the order of hosts."""
LABELS = {"app": "web"}


@pytest.fixture
def site(image: Image, tmp_path: Path, state: Path) -> Iterator[WholeSite]:
    """Give a control plane of one host and a worker, both with the older Kubernetes."""
    with whole_site(image, tmp_path, servers=1, worker_roles=("worker",)) as machines:
        bundle = older_bundle(tmp_path / "older")
        for name in ROLES:
            settle(machines, name, bundle)
        yield machines


def settle(site: WholeSite, name: str, bundle: Path | None = None) -> dict[str, Any]:
    """Run the roles of a host, and give what they changed."""
    (done,) = run_playbook(
        read_inventory(site.inventory),
        PREPARE,
        site.key,
        check=False,
        progress=lambda _: None,
        roles=ROLES[name],
        limit=[name],
        bundle=bundle,
    )
    assert done.problems == []
    return dict(done.changes)


def test_a_node_gets_its_new_kubelet_after_its_pods_went_and_its_api_server(site: WholeSite, site_folder: Path) -> None:
    cluster, (server,) = Site(site_folder), site.servers
    old, new = older_kubernetes()[0], component_of("kubelet").version
    wait_for("the node's being ready", lambda: node(cluster)["ready"] == "True", lambda: said(site))
    assert node(cluster)["version"] == f"v{old}"
    serve(cluster)
    (before,) = wait_for("a pod that runs", lambda: running(cluster), lambda: said(site))
    booted = site.worker.run(BOOT)

    words = command(site.inventory, site.key, "--reboot", "always")
    with powered(server) as boots:
        killed(words, lambda: WORKER in journal(site_folder)["cordoned"], seconds=5)
        assert journal(site_folder)["current"] == f"{WORKER}/node"
        assert cluster.kubectl("get", "node", WORKER, "--output=jsonpath={.spec.unschedulable}") == "true"
        done = run("upgrade", site.inventory, "--private-key", site.key, "--reboot", "always")
        assert f"Goes on with the upgrade that was cut off at {WORKER}." in done.stdout
        assert len(boots) == 1
        assert site.worker.run(BOOT) != booted
        assert node(cluster) == {"version": f"v{new}", "ready": "True", "cordoned": ""}
        # By the certificate that the API server has for kubelets.
        assert cluster.kubectl("get", "--raw", f"/api/v1/nodes/{WORKER}/proxy/healthz") == "ok"
        (after,) = wait_for("a pod that runs", lambda: running(cluster), lambda: said(site))
        assert after != before
        assert journal(site_folder)["current"] == ""
        assert {name: settle(site, name) for name in ROLES} == {name: {} for name in ROLES}
        assert "nothing was changed" in run("upgrade", site.inventory, "--private-key", site.key).stdout


@pytest.fixture
def site_folder(state: Path) -> Path:
    """Give what is kept of the site on this machine."""
    return state / "hosts" / SITE


def node(cluster: Site) -> dict[str, str]:
    """Give what the API server knows of the worker; nothing of what it doesn't know."""
    found = json.loads(cluster.kubectl("get", "node", WORKER, "--output=json", check=False) or "{}")
    status = found.get("status", {})
    ready = [one["status"] for one in status.get("conditions", []) if one["type"] == "Ready"]
    version = status.get("nodeInfo", {}).get("kubeletVersion", "")
    cordoned = "true" if found.get("spec", {}).get("unschedulable") else ""
    return {"version": version, "ready": "".join(ready), "cordoned": cordoned}


def serve(cluster: Site) -> None:
    """Have a pod run that is made anew wherever it may: of the one image that each worker has."""
    image = f"tenantry.dev/pause:{component_of('pause').version}"
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": image, "imagePullPolicy": "Never"}],
    }
    template = {"metadata": {"labels": LABELS}, "spec": spec}
    document = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template},
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(document))


def running(cluster: Site) -> list[str]:
    """Name the pods that run, and aren't on their way out."""
    found = json.loads(cluster.kubectl("get", "pods", "--output=json", check=False) or '{"items": []}')["items"]
    left = [one for one in found if "deletionTimestamp" not in one["metadata"]]
    return [one["metadata"]["name"] for one in left if one["status"]["phase"] == "Running"]


def said(site: WholeSite) -> str:
    """Give what the node's programs said last."""
    return site.worker.run("journalctl --no-pager -n 60 -u kubelet -u containerd", check=False)
