"""A worker of the sandbox's real API server: its certificates, its inventory, and pods on it."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from guests import SERVED, Guest
from hosts_at_hand import host_of, inventory_of, write

from sites import Sandbox
from tenantry.contract.model import Inventory
from tenantry.data import playbook_dir
from tenantry.hosts.oci import OciArchive, to_oci_archive
from tenantry.hosts.reading import read_inventory
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.site.certs import Pair, ensure_certificate
from tenantry.sandbox.site.settings import name_pki

SITE = "onprem"
PKI = "/etc/tenantry/pki"
SETTINGS: Mapping[str, object] = {
    "worker_api_server": "https://kubernetes:6443",
    "worker_authority": f"{PKI}/servers-ca.crt",
    "worker_client_authority": f"{PKI}/clients-ca.crt",
    "worker_serving_certificate": f"{PKI}/serving.crt",
    "worker_serving_key": f"{PKI}/serving.key",
}
"""The sandbox has one authority for what clients reach, and another for clients."""
IMAGE = "tenantry.dev/busybox:test"
SECONDS = 600


def certify(guest: Guest, sandbox: Sandbox, folder: Path) -> None:
    """Give a guest the certificates of a node, and the name by which it reaches the API server."""
    pki = name_pki(Layout(sandbox.state), sandbox.layout(SITE))
    addresses = (guest.name, guest.address, "127.0.0.1")
    files = {
        "servers-ca.crt": pki.root.certificate,
        "clients-ca.crt": pki.client_ca.certificate,
        **_pair("kubelet", pki.client_ca, folder, f"system:node:{guest.name}", groups=("system:nodes",)),
        **_pair("serving", pki.root, folder, guest.name, hosts=addresses),
        **_pair("kube-proxy", pki.client_ca, folder, "system:kube-proxy"),
    }
    guest.run(f"mkdir -p {PKI}; echo '{SERVED.partition(':')[0]} kubernetes' >> /etc/hosts")
    for name, file in files.items():
        guest.run(f"umask 77; cat > {PKI}/{name} <<'END'\n{file.read_text()}END")


def _pair(name: str, authority: Pair, folder: Path, subject: str, **more: tuple[str, ...]) -> dict[str, Path]:
    pair = ensure_certificate(authority, folder, name, subject, **more)
    return {f"{name}.crt": pair.certificate, f"{name}.key": pair.key}


def inventory_for(guest: Guest, folder: Path, **worker: object) -> Inventory:
    """Give the inventory of a guest that is a worker of the sandbox's site."""
    document = inventory_of(host_of(guest, ("worker",)), settings={"worker": {**SETTINGS, **worker}})
    return read_inventory(write(folder, document))


def allow_workers(sandbox: Sandbox) -> None:
    """Let workers do what they need, as the cluster's administrator does."""
    file = playbook_dir() / "roles" / "controlplane" / "files" / "access.yaml"
    done = sandbox.kubectl(SITE, "apply", "-f", str(file))
    assert done.returncode == 0, done.stderr


def busybox(guest: Guest) -> OciArchive:
    """Make an image of the one program that a guest has for it."""
    files = {"bin/busybox": guest.read("/bin/busybox"), "www/index.html": b"here\n"}
    return to_oci_archive(IMAGE, files, ["/bin/busybox"])


def give_image(guest: Guest, image: OciArchive) -> None:
    """Give an image to a guest's containerd, as an administrator does without a registry."""
    guest.send(image.data, "/home/ops/image.tar")
    guest.run("ctr --namespace k8s.io images import /home/ops/image.tar; rm /home/ops/image.tar")


def pod(namespace: str, name: str, node: str, *arguments: str, restart: str = "Never") -> dict[str, Any]:
    """Describe a pod on a node, as hardened as the class `restricted` asks."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 65534,
    }
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": list(arguments),
        "securityContext": security,
    }
    spec = {
        "nodeName": node,
        "restartPolicy": restart,
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    meta = {"namespace": namespace, "name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def caller(namespace: str, name: str, node: str, address: str, tries: int) -> dict[str, Any]:
    """Describe a pod that succeeds once it reached a server, and fails where it can't."""
    # By hand: the wget of Debian's busybox, which is static, crashes where it would look up a name.
    asked = f"printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' | /bin/busybox nc -w 5 {address} 8080"
    once = f"{asked} | /bin/busybox grep -q here && exit 0"
    text = f"n=0; while [ $n -lt {tries} ]; do {once}; n=$((n+1)); /bin/busybox sleep 1; done; exit 1"
    return pod(namespace, name, node, "sh", "-c", text)


def apply(sandbox: Sandbox, *documents: Mapping[str, Any]) -> None:
    """Apply documents as the cluster's administrator."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
    done = sandbox.kubectl(SITE, "apply", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr


def asked(sandbox: Sandbox, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
    """Give an object of the cluster."""
    done = sandbox.kubectl(SITE, "get", kind, name, "--namespace", namespace, "--output", "json")
    return dict(json.loads(done.stdout)) if done.returncode == 0 else {}


def wait_for(what: str, look: Callable[[], Any], tell: Callable[[], str] = str) -> Any:  # noqa: ANN401
    """Wait until something is so; give it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(2)
    raise AssertionError(f"{what} didn't come to be: {tell()}")


def is_ready(sandbox: Sandbox, guest: Guest) -> bool:
    """Say whether a node is ready, and has been since its last boot."""
    status = asked(sandbox, "node", guest.name).get("status", {})
    if status.get("nodeInfo", {}).get("bootID") != guest.run("cat /proc/sys/kernel/random/boot_id").strip():
        return False
    return _has(status, "Ready")


def address_of(sandbox: Sandbox, namespace: str, name: str, *, restarts: int = 0) -> str:
    """Give the address of a pod that is ready, and was started anew so many times; nothing before."""
    status = asked(sandbox, "pod", name, namespace).get("status", {})
    started = [one["restartCount"] for one in status.get("containerStatuses", [])]
    return str(status.get("podIP", "")) if _has(status, "Ready") and started == [restarts] else ""


def _has(status: Mapping[str, Any], condition: str) -> bool:
    conditions = status.get("conditions", [])
    return any(one["type"] == condition and one["status"] == "True" for one in conditions)


def phase(sandbox: Sandbox, namespace: str, name: str) -> str:
    """Give the phase of a pod once it ended; nothing before."""
    found = str(asked(sandbox, "pod", name, namespace).get("status", {}).get("phase", ""))
    return found if found in ("Succeeded", "Failed") else ""
