"""A whole site of test hosts: a control plane of three containers, and a guest with its own kernel for all else."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers import Container, containers, tap
from guest_image import Image
from guests import Guest, guest
from hosts_at_hand import ROOT_DISK, host_of, inventory_of, run, serve_time, write

SITE = "north"
WORKER = "host-4"
# Kernel settings, the clock and audit are this machine's, not a container's.
ROLES_OF_CONTAINERS = ("baseline", "sshd", "firewall", "pki", "etcd", "controlplane")
LACKING = {"control-plane": "haproxy keepalived", "worker": "containernetworking-plugins"}
"""Packages that are to come from the bundle, by the role that wants them."""
OFFERS = {
    "title": "Government data centre north",
    "region": "north",
    "sector": "health",
    "classifications": ["open", "shared"],
    "capabilities": [
        *("bucket.versions", "bucket.policy", "bucket.tags", "bucket.cors", "bucket.ownership"),
        *("iam.users", "store.diskEncryption"),
    ],
    "network": {
        "dns": {"namespaceLabels": {"kubernetes.io/metadata.name": "kube-system"}, "port": 53},
        "ingress": {"namespaceLabels": {"kubernetes.io/metadata.name": "ingress"}, "port": 8080},
        "monitoring": {"namespaceLabels": {"kubernetes.io/metadata.name": "monitoring"}, "port": 9090},
    },
    "storageClasses": ["standard"],
    "capacity": {"cpu": "20", "memory": "64Gi", "storage": "1Ti", "pods": 100},
}


@dataclass(frozen=True)
class WholeSite:
    """Machines that become a site by its inventory and the bundle."""

    servers: list[Container]
    worker: Guest
    folder: Path
    key: Path
    signing_key: Path
    worker_roles: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Name the servers."""
        return [one.name for one in self.servers]

    @property
    def inventory(self) -> Path:
        """Write the inventory, and give where it is."""
        block, _, _ = self.worker.address.rpartition(".")
        moves = {"virtualAddress": f"{block}.100"} if len(self.servers) >= 3 else {}
        signer = " ".join(self.signing_key.with_suffix(".pub").read_text().split()[:2])
        return write(
            self.folder,
            inventory_of(
                *(_server(one) for one in self.servers),
                host_of(self.worker, self.worker_roles),
                site=SITE,
                management={"account": "ops", "networks": ["10.0.2.0/24", f"{block}.254/32"]},
                network={
                    "hosts": [f"{block}.0/24"],
                    "pods": ["10.128.0.0/14"],
                    "services": ["10.96.0.0/16"],
                    **moves,
                },
                bundle={"signers": [signer]},
                **({"offers": OFFERS} if "object-store" in self.worker_roles else {}),
            ),
        )

    def lose_packages(self) -> None:
        """Remove what is to come from the bundle."""
        for one in self.servers:
            one.run(f"dpkg --purge {LACKING['control-plane']}")
        self.worker.run(f"dpkg --purge {LACKING['worker']}", seconds=300)

    def make_bundle(self) -> Path:
        """Make the bundle of the site."""
        file = self.folder / "site.bundle"
        run("bundle", self.inventory, "--output", file, "--signing-key", self.signing_key)
        return file

    def prepare(self, hosts: Sequence[str], *words: str | Path, without: Sequence[str] = ()) -> str:
        """Prepare some of the hosts, by what can be prepared on each but for some roles, and give what was said."""
        roles = [role for role in ROLES_OF_CONTAINERS if role not in without] if WORKER not in hosts else ()
        flags = [*_flags("--limit", hosts), *_flags("--role", roles)]
        return run("prepare", self.inventory, *flags, "--private-key", self.key, *words).stdout


def _server(one: Container) -> dict[str, Any]:
    disks, settings = [{"id": ROOT_DISK, "purpose": "system"}], {"baseline": {"baseline_settings": []}}
    return host_of(one, ("control-plane", "etcd"), disks=disks, settings=settings)


def _flags(name: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (name, value)]


@contextmanager
def whole_site(
    image: Image, folder: Path, servers: int = 3, worker_roles: tuple[str, ...] = ("worker", "object-store")
) -> Iterator[WholeSite]:
    """Bring up the machines of a site in one network that leads nowhere else."""
    signing_key = folder / "signer"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", signing_key], check=True)
    with containers(folder / "machines", servers) as started:
        bridge = started[0].network
        with (
            tap(bridge, 4),
            guest(image, folder / "machines", WORKER, number=4, memory=1536, bridge=bridge) as worker,
        ):
            known = image.key.with_suffix(".pub").read_text().strip()
            for one in started:
                one.run(f"echo '{known}' >> /home/ops/.ssh/authorized_keys")
            serve_time(worker)
            yield WholeSite(started, worker, folder, image.key, signing_key, worker_roles)


def pods_image_files(server: Container) -> dict[str, bytes]:
    """Give the files of an image with Debian's Python and boto3: what a department's application is made of."""
    root = server.folder / "root"
    programs = "/usr/bin/python3.11 /usr/lib/python3.11/lib-dynload/*.so"
    linked = server.run(f"ldd {programs} 2>/dev/null | grep -o '/[^ ]*\\.so[^ ]*' | grep -v dynload | sort -u").split()
    files = {path.lstrip("/"): (root / path.lstrip("/")).read_bytes() for path in linked}
    files["usr/bin/python3.11"] = (root / "usr/bin/python3.11").read_bytes()
    for path in (root / "usr/lib/python3.11").rglob("*"):
        if path.is_file() and path.suffix in (".py", ".so"):
            files[str(path.relative_to(root))] = path.read_bytes()
    return files | {f"app/{name}": data for name, data in _boto3().items()}


def _boto3() -> dict[str, bytes]:
    """Give boto3, and what it needs, as it is installed here; of its services, those of an object store."""
    import boto3

    packages = Path(boto3.__file__).parent.parent
    wanted: dict[str, bytes] = {}
    for name in ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "urllib3"):
        for path in (packages / name).rglob("*"):
            inside = path.relative_to(packages)
            if path.is_file() and path.suffix != ".pyc" and _is_wanted(inside.parts):
                wanted[str(inside)] = path.read_bytes()
    return wanted | {"six.py": (packages / "six.py").read_bytes()}


def _is_wanted(parts: tuple[str, ...]) -> bool:
    return parts[1:2] != ("data",) or len(parts) == 3 or parts[2] in ("s3", "sts")


def pod_of(manifest: dict[str, Any], image: str, program: str, *arguments: str) -> dict[str, Any]:
    """Have a pod run a program of Python's; emulated, it takes its time."""
    container = manifest["spec"]["containers"][0]
    amounts = {"cpu": "200m", "memory": "192Mi"}
    container |= {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/usr/bin/python3.11", "-B", "-c", f"import sys; sys.path.insert(0, '/app'); {program}"],
        "args": list(arguments),
        "resources": {"requests": amounts, "limits": {**amounts, "cpu": "1"}},
    }
    manifest["spec"]["restartPolicy"] = "Never"
    return manifest
