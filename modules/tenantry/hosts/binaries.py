"""What hosts run of the toolchain: built on this machine, or taken of a bundle, before anything is asked of a host."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tenantry.contract.model import HostRole, Inventory
from tenantry.contract.rules.workers import PROGRAMS
from tenantry.files import file_digest
from tenantry.hosts.bundle.manifest import MANIFEST, Artefact, ArtefactKind, read_manifest
from tenantry.toolchain import find, lookup

OF_ROLES: Mapping[str, tuple[str, ...]] = {
    "etcd": ("etcd",),
    "controlplane": ("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    # The last is what the image is made of that holds a pod's namespaces.
    "worker": (*PROGRAMS, "pause"),
    "objectstore": ("versitygw",),
}
"""The binaries that each role of the playbook brings."""

_FOLDER = "/usr/local/lib/tenantry"
_HOSTS = {
    "etcd": HostRole.ETCD,
    "controlplane": HostRole.CONTROL_PLANE,
    "worker": HostRole.WORKER,
    "objectstore": HostRole.OBJECT_STORE,
}


@dataclass(frozen=True, slots=True)
class _Program:
    """What Ansible is told of a binary: what it is, where it lies here (`source`), and its `path` on a host."""

    name: str
    version: str
    source: str
    sha256: str
    path: str


def binaries_of(inventory: Inventory, roles: Sequence[str], limit: Sequence[str] = ()) -> list[str]:
    """Name the binaries that a run brings: over the hosts of `limit`, with those of the playbook's `roles`; empty: all.

    Check mode needs them, too: only their digests tell what differs.
    """
    return [name for one in _bringing(inventory, roles, limit) for name in OF_ROLES[one]]


def describe_programs(
    inventory: Inventory, roles: Sequence[str], limit: Sequence[str], bundle: Path | None
) -> dict[str, list[dict[str, str]]]:
    """Give, by role, what the same run brings: name, version, SHA-256, where it lies here, and its path on a host.

    They are those of this machine, or of the folder of an opened bundle. Once for a run: hundreds of hosts ask for
    them, and 200 MB are to be read for their digests.
    """
    # A bundle that lacks one was refused when it was opened; what this machine has never takes its place.
    known = _of_bundle(bundle).__getitem__ if bundle else _of_toolchain
    return {one: [asdict(known(name)) for name in OF_ROLES[one]] for one in _bringing(inventory, roles, limit)}


def _bringing(inventory: Inventory, roles: Sequence[str], limit: Sequence[str]) -> list[str]:
    hosts = [host for host in inventory.spec.hosts if not limit or host.name in limit]
    wanted = [one for one in OF_ROLES if not roles or {one, "all"} & {*roles}]
    return [one for one in wanted if any(_HOSTS[one] in host.roles for host in hosts)]


def binaries_in(folder: Path) -> list[Artefact]:
    """Give the binaries of an opened bundle, by its manifest."""
    text = folder / MANIFEST
    return read_manifest(text.read_bytes(), str(text)).of_kind(ArtefactKind.BINARY)


def _of_bundle(folder: Path) -> dict[str, _Program]:
    return {one.name: _program(one.name, one.version, folder / one.path, one.sha256) for one in binaries_in(folder)}


def _of_toolchain(name: str) -> _Program:
    source = Path(lookup(name))
    return _program(name, find(name).version, source, file_digest(source))


def _program(name: str, version: str, source: Path, digest: str) -> _Program:
    # In a folder of its own, so that the process has the name that everybody looks for.
    return _Program(name, version, str(source), digest, f"{_FOLDER}/{name}-{version}-{digest[:12]}/{name}")
