"""A worker on a real guest, of a real API server: refused where it wouldn't run, then ready, with policies enforced."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import workers_at_hand as at_hand
from guest_image import Image
from guests import Guest, guest
from hosts_at_hand import denied, run
from workers_at_hand import SITE, apply, caller, phase, pod, wait_for

from sites import Sandbox
from tenantry.contract.model import Inventory
from tenantry.hosts.binaries import binaries_of
from tenantry.hosts.outcome import Action, HostOutcome
from tenantry.hosts.running import PREPARE, run_playbook
from tenantry.toolchain import ensure

pytestmark = pytest.mark.hosts

ROLES = ("baseline", "firewall", "worker")
"""What a worker needs of the roles."""
KUBELET = {"host-kubelet-access", "host-kubelet-files", "host-kubelet-hardening", "host-kubelet-tls", "host-ports"}
"""The policies that look at a kubelet."""
MEMORY = 1280
STATE = (
    "find /etc /usr/local /var/lib/kubelet -type f -exec sha256sum {} + | sort; nft --stateless list ruleset; ip route"
)
SPACES = ("server", "friend", "stranger", "hasty")


@pytest.fixture
def worker(image: Image, tmp_path: Path, sandbox: Sandbox) -> Iterator[Guest]:
    """Give a guest that reaches the sandbox's API server, and is known to it."""
    served = sandbox.layout(SITE).ports["kube-apiserver"]
    with guest(image, tmp_path, memory=MEMORY, served=served) as started:
        at_hand.certify(started, sandbox, tmp_path / "pki")
        at_hand.allow_workers(sandbox)
        yield started
        sandbox.kubectl(SITE, "delete", "node", started.name)
        sandbox.kubectl(SITE, "delete", "namespace", *SPACES, "--wait=false")


def settle(inventory: Inventory, image: Image, *, check: bool = False) -> HostOutcome:
    """Run the roles, and give what came of the host."""
    ensure(binaries_of(inventory, ROLES), lambda _: None)
    (outcome,) = run_playbook(
        inventory,
        PREPARE,
        image.key,
        check=check,
        progress=lambda _: None,
        roles=ROLES,
    )
    return outcome


def test_what_would_not_run_is_refused_before_any_change(worker: Guest, image: Image, tmp_path: Path) -> None:
    worker.run(
        "fallocate -l 16M /swap; chmod 600 /swap; mkswap -q /swap; swapon /swap; mkdir -p /var/lib/kubelet; "
        "echo 'cgroupDriver: cgroupfs' > /var/lib/kubelet/config.yaml"
    )
    before = worker.run(STATE)
    wrong = at_hand.inventory_for(worker, tmp_path, worker_hashes={"kubelet": "0" * 64})
    refused = settle(wrong, image)
    assert refused.action is Action.REFUSED
    told = "\n".join(map(str, refused.problems))
    assert f"its SHA-256 isn't {'0' * 64}" in told
    assert "worker refuses swap /swap: swap is on" in told
    assert "worker refuses cgroupDriver cgroupfs: a kubelet was set up with this cgroup driver" in told
    assert worker.run(STATE) == before


def test_a_worker_is_prepared_once_and_runs_pods_and_enforces_their_policies(
    worker: Guest, image: Image, sandbox: Sandbox, tmp_path: Path
) -> None:
    inventory = at_hand.inventory_for(worker, tmp_path)
    before = worker.run(STATE)
    predicted = settle(inventory, image, check=True)
    assert predicted.problems == []
    assert worker.run(STATE) == before
    first = settle(inventory, image)
    assert first.problems == []
    assert first.changes == predicted.changes
    assert settle(inventory, image).action is Action.UNCHANGED
    wait_for("the node's being ready", lambda: at_hand.is_ready(sandbox, worker), lambda: _journal(worker))

    at_hand.give_image(worker, at_hand.busybox(worker))
    spaces = ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in SPACES)
    server = pod("server", "server", worker.name, "httpd", "-f", "-p", "8080", "-h", "/www", restart="Always")
    apply(sandbox, *spaces, server)
    address = _served_at(worker, sandbox, restarts=0)
    assert _call(worker, sandbox, "stranger", address, tries=20) == "Succeeded"
    # Its first packet leaves before the API server has its address: by then, nobody could say whose it is.
    apply(sandbox, to_nobody("hasty"))
    assert _call(worker, sandbox, "hasty", address, tries=3) == "Failed"
    apply(sandbox, only_from("friend"))
    assert _call(worker, sandbox, "friend", address, tries=20) == "Succeeded"
    assert _call(worker, sandbox, "stranger", address, tries=4) == "Failed"

    worker.reboot()
    wait_for("the node's being ready", lambda: at_hand.is_ready(sandbox, worker), lambda: _journal(worker))
    assert settle(inventory, image).action is Action.UNCHANGED
    address = _served_at(worker, sandbox, restarts=1)
    assert _call(worker, sandbox, "friend", address, tries=20) == "Succeeded"
    assert _call(worker, sandbox, "stranger", address, tries=4) == "Failed"
    run("facts", tmp_path / "inventory.yaml", "--private-key", image.key, "--output", tmp_path / "facts")
    assert denied(tmp_path / "facts" / f"{worker.name}.json") & KUBELET == set()


def only_from(space: str) -> dict[str, object]:
    """Let one namespace's pods alone reach the server."""
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space}}}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [peer], "ports": [{"port": 8080}]}]}
    meta = {"namespace": "server", "name": "callers"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def to_nobody(space: str) -> dict[str, object]:
    """Let the pods of a namespace reach nobody."""
    meta = {"namespace": space, "name": "nobody"}
    spec = {"podSelector": {}, "policyTypes": ["Egress"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def _served_at(worker: Guest, sandbox: Sandbox, *, restarts: int) -> str:
    look = partial(at_hand.address_of, sandbox, "server", "server", restarts=restarts)
    return str(wait_for("the server's pod", look, lambda: _journal(worker)))


def _call(worker: Guest, sandbox: Sandbox, space: str, address: str, *, tries: int) -> str:
    """Have a pod of a namespace call the server, and give how that ended."""
    name = f"caller-{uuid4().hex[:6]}"
    apply(sandbox, caller(space, name, worker.name, address, tries))
    return str(wait_for(f"the end of {space}/{name}", lambda: phase(sandbox, space, name), lambda: _journal(worker)))


def _journal(worker: Guest) -> str:
    return worker.run("journalctl --no-pager -n 60 -u kubelet -u containerd -u kube-network-policies", check=False)
