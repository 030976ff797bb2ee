"""An older Kubernetes, real: built once from its own pins, and laid out as the folder of an opened bundle."""

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tenantry.files import write_atomic
from tenantry.hosts.binaries import OF_ROLES
from tenantry.hosts.bundle.manifest import (
    MANIFEST,
    Artefact,
    ArtefactKind,
    Asked,
    BundleName,
    BundleSpec,
    Manifest,
    System,
    write_manifest,
)
from tenantry.hosts.upgrade.seen import NODE_PROGRAMS
from tenantry.toolchain import ensure
from tenantry.toolchain.build import build
from tenantry.toolchain.table import Component, component_of

SERVERS = OF_ROLES["controlplane"]


class _Older(Component):
    """A component whose pins lie beside this file."""

    @property
    def folder(self) -> Path:
        return Path(__file__).parent / "kubernetes-1.36"


def older_kubernetes() -> tuple[str, Mapping[str, Path]]:
    """Give the version of the older Kubernetes and where its programs lie, built first where they aren't: minutes."""
    ours, programs = component_of(SERVERS[0]), (*SERVERS, *NODE_PROGRAMS)
    older = _Older("kubernetes-1.36", programs, ours.package, ours.module, ours.flags, ours.fit, for_hosts=True)
    folder = build(older, lambda _: None)
    return older.version, {name: folder / name for name in programs}


def package(folder: Path, name: str, version: str) -> Path:
    """Make a package of Debian's with nothing in it."""
    tree, file = folder / f"{name}-{version}", folder / f"{name}_{version}_all.deb"
    fields = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "t <t@gov.example>"}
    text = "".join(f"{key}: {value}\n" for key, value in {**fields, "Description": name}.items())
    write_atomic(tree / "DEBIAN" / "control", text.encode(), 0o644)
    for each in (tree, tree / "DEBIAN"):
        each.chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", str(tree), str(file)], check=True, capture_output=True)
    return file


def opened_bundle(folder: Path, binaries: Mapping[str, tuple[str, Path]], packages: Sequence[Path] = ()) -> Path:
    """Lay a bundle out, open, with programs of these versions and these packages."""
    artefacts: list[Artefact] = []
    index = ""
    for one in packages:
        where = f"pool/{one.name}"
        write_atomic(folder / "debian" / where, one.read_bytes())
        control = subprocess.run(["dpkg-deb", "--field", str(one)], check=True, capture_output=True, text=True).stdout
        digest = hashlib.sha256(one.read_bytes()).hexdigest()
        index += f"{control}Filename: {where}\nSize: {one.stat().st_size}\nSHA256: {digest}\n\n"
    for name, (version, source) in binaries.items():
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin" / name).unlink(missing_ok=True)
        (folder / "bin" / name).symlink_to(source)
        size = source.stat().st_size
        artefacts.append(
            Artefact(ArtefactKind.BINARY, name, version, "amd64", f"bin/{name}", size, digest, "here", None)
        )
    system, asked = System("debian", "12", "amd64"), Asked((), tuple(binaries))
    spec = BundleSpec("test", "tenantry", system, asked, (), tuple(artefacts))
    write_atomic(folder / MANIFEST, write_manifest(Manifest(BundleName("test"), spec)))
    write_atomic(folder / "debian" / "Packages", index.encode())
    return folder


def older_bundle(folder: Path) -> Path:
    """Give a bundle with the older Kubernetes, and with ours of all else that its hosts run."""
    version, programs = older_kubernetes()
    all_else = ensure(name for role in ("etcd", "worker") for name in OF_ROLES[role] if name not in programs)
    ours = {name: (component_of(name).version, path) for name, path in all_else.items()}
    return opened_bundle(folder, {**ours, **{name: (version, path) for name, path in programs.items()}})
