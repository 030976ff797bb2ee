"""The one table of real components: what each is built from, which binaries it gives, which versions are fit.

Versions are read from the pins (toolchain/<component>/go.mod, and pyproject.toml for what Python and Go share), never
written here.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Literal

from tenantry.data import toolchain_dir
from tenantry.problems import InputError, UnreachableError, problem

Fit = Literal["exact", "minor"]


@dataclass(frozen=True)
class Component:
    """One Go module of the toolchain.

    `module` is the requirement whose version is the component's; where Go knows no release of it, `distribution` names
    the Python package that is released with it. `flags` are linker flags, with {version} {major} {minor} filled in.
    `fit` says which versions on the PATH do: the pinned one alone, or any patch of the pinned minor version. What is
    `for_hosts` runs on a site's machines alone, and is built when one is prepared.
    """

    name: str
    binaries: tuple[str, ...]
    package: str
    module: str
    flags: tuple[str, ...]
    fit: Fit
    distribution: str = ""
    for_hosts: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """What Go is told for this component: a host may have an older C library than the machine that builds."""
        return {"CGO_ENABLED": "0"} if self.for_hosts else {}

    @property
    def folder(self) -> Path:
        """Return the folder with the component's go.mod, go.sum and, where it has one, main.go."""
        return toolchain_dir() / self.name

    @cached_property
    def version(self) -> str:
        """Return the pinned version, without a leading v."""
        return python_pin(self.distribution) if self.distribution else module_version(self.folder, self.module)

    @property
    def linker_flags(self) -> str:
        """Return the value of `go build -ldflags`: no symbol tables, and the version stamped in."""
        major, minor = self.version.split(".")[:2]
        stamps = (f.format(version=self.version, major=major, minor=minor) for f in self.flags)
        return " ".join(["-s", "-w", *(f"-X {s}" for s in stamps)])

    def is_fit(self, version: str) -> bool:
        """Say whether a binary of this version may stand in for the pinned one."""
        if self.fit == "exact":
            return version == self.version
        return version.split(".")[:2] == self.version.split(".")[:2]


_KUBE_VERSION = "k8s.io/component-base/version"
# Without these, clients can't parse the server's version.
_KUBE_STAMPS = (
    f"{_KUBE_VERSION}.gitVersion=v{{version}}",
    f"{_KUBE_VERSION}.gitMajor={{major}}",
    f"{_KUBE_VERSION}.gitMinor={{minor}}",
    "k8s.io/client-go/pkg/version.gitVersion=v{version}",
)

# Quick builds first: whoever waits sees soon that it works, and a broken Go shows within a minute.
COMPONENTS = (
    Component("etcd", ("etcd", "etcdutl"), "tool", "go.etcd.io/etcd/server/v3", (), "minor"),
    Component(
        "versitygw",
        ("versitygw",),
        "tool",
        "github.com/versity/versitygw",
        ("main.Version={version}",),
        "minor",
    ),
    Component(
        "pulumi",
        ("pulumi", "pulumi-engine"),
        "tool .",
        "github.com/pulumi/pulumi/pkg/v3",
        ("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",),
        "exact",
    ),
    Component(
        "kubernetes",
        ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
        "tool",
        "k8s.io/kubernetes",
        _KUBE_STAMPS,
        "minor",
    ),
    Component(
        "pulumi-resource-kubernetes",
        ("pulumi-resource-kubernetes",),
        ".",
        "github.com/pulumi/pulumi-kubernetes/provider/v4",
        ("github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version={version}",),
        "exact",
        # Go knows this release by a pseudo-version only.
        distribution="pulumi-kubernetes",
    ),
    Component(
        "kube-network-policies",
        ("kube-network-policies",),
        ".",
        "sigs.k8s.io/kube-network-policies",
        ("main.version={version}",),
        "minor",
        for_hosts=True,
    ),
    Component(
        "kubernetes-node",
        ("kubelet", "kube-proxy", "pause"),
        "tool .",
        "k8s.io/kubernetes",
        (*_KUBE_STAMPS, "main.version={version}"),
        "minor",
        for_hosts=True,
    ),
)

BINARIES = {binary: component for component in COMPONENTS for binary in component.binaries}
"""All binaries, with the component that each is of."""
LOCAL = tuple(binary for binary, component in BINARIES.items() if not component.for_hosts)
"""The binaries that run on this machine."""


def component_of(binary: str) -> Component:
    """Find which component a binary belongs to. Raises InputError (TEN-205)."""
    try:
        return BINARIES[binary]
    except KeyError:
        fix = f"use one of {', '.join(BINARIES)}"
        raise InputError(problem("TEN-205", f"the toolchain has no binary {binary}", fix)) from None


def kubernetes_minor() -> str:
    """Return Kubernetes' version without its patch, such as 1.37."""
    return ".".join(component_of("kube-apiserver").version.split(".")[:2])


def module_version(folder: Path, module: str) -> str:
    """Read a module's required version from a folder's go.mod, without the leading v. Raises UnreachableError."""
    found = re.search(rf"^(?:require)?\s*{re.escape(module)}\s+v(\S+)", _read(folder / "go.mod"), re.MULTILINE)
    if not found:
        what = f"go.mod requires no {module}"
        raise UnreachableError(problem("TEN-204", what, "restore the file", file=str(folder / "go.mod")))
    return found[1]


def go_version(folder: Path) -> tuple[int, ...]:
    """Read which Go a module needs at least, such as (1, 26)."""
    found = re.search(r"^go\s+([0-9.]+)", _read(folder / "go.mod"), re.MULTILINE)
    return tuple(int(part) for part in found[1].split(".")) if found else (1, 0)


def python_pin(distribution: str) -> str:
    """Read the exact version of a package that tenantry's own metadata requires."""
    for requirement in metadata.requires("tenantry") or ():
        found = re.fullmatch(rf"{re.escape(distribution)}\s*==\s*([^\s;,]+).*", requirement)
        if found:
            return found[1]
    what = f"tenantry's package metadata pins no {distribution}"
    raise UnreachableError(problem("TEN-204", what, "install tenantry again"))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        what = f"a toolchain pin can't be read: {error.strerror}"
        raise UnreachableError(problem("TEN-204", what, "install tenantry again", file=str(path))) from error
