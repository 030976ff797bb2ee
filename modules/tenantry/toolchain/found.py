"""Which binary is used: a fit one on the PATH, else the built one in the cache."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tenantry.files import write_atomic
from tenantry.paths import cache_dir
from tenantry.problems import UnreachableError, problem
from tenantry.toolchain.table import BINARIES, Component, component_of

Source = Literal["PATH", "cache", "not built"]

# Nothing that changes how packages compile, so that a machine which builds Go already has part of it.
BUILD_FLAGS = ("-buildvcs=false",)

# How each binary tells its version; `--version` where nothing is said.
_VERSION_ARGUMENTS = {
    "kubectl": ("version", "--client"),
    "pulumi": ("version",),
}
_VERSION_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Found:
    """A binary, the version it is of, where it comes from, and its path (where it will be, while not built)."""

    binary: str
    version: str
    source: Source
    path: Path


def find(binary: str) -> Found:
    """Find a binary without building it. Raises InputError (TEN-205) for a name that the toolchain doesn't have."""
    component = component_of(binary)
    on_path = shutil.which(binary)
    if on_path:
        version = version_on_path(Path(on_path))
        if version and component.is_fit(version):
            return Found(binary, version, "PATH", Path(on_path))
    path = build_dir(component) / binary
    return Found(binary, component.version, "cache" if path.is_file() else "not built", path)


def find_all() -> list[Found]:
    """Find every binary of the toolchain, without building any."""
    return [find(binary) for binary in BINARIES]


def lookup(binary: str) -> Path:
    """Return a binary's path without building it. Raises UnreachableError (TEN-203) where it isn't there."""
    found = find(binary)
    if found.source == "not built":
        what = f"{binary} {found.version} is neither on the PATH nor built"
        raise UnreachableError(problem("TEN-203", what, "run `tenantry toolchain build`"))
    return found.path


def build_dir(component: Component) -> Path:
    """Return the folder of a component's built binaries; its name carries a digest of all that decides them."""
    digest = hashlib.sha256()
    others = sorted(path.name for path in component.folder.glob("*.go") if path.name != "main.go")
    for name in ("go.mod", "go.sum", "main.go", *others):
        path = component.folder / name
        digest.update(path.read_bytes() if path.is_file() else b"")
        digest.update(b"\0")
    for word in (*BUILD_FLAGS, component.linker_flags, component.package, sys.platform, platform.machine()):
        digest.update(word.encode() + b"\0")
    return cache_dir() / "toolchain" / f"{component.name}-{digest.hexdigest()[:16]}"


def version_on_path(path: Path) -> str:
    """Ask a binary for its version; empty where it gives none.

    The answer is kept by path, size and time of change, for asking takes up to a third of a second a binary.
    """
    stat = path.stat()
    key = f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
    kept = cache_dir() / "toolchain" / "path-versions.json"
    versions: dict[str, str] = {}
    with suppress(OSError, ValueError):
        versions = json.loads(kept.read_text(encoding="utf-8"))
    if key not in versions:
        versions = {k: v for k, v in versions.items() if not k.startswith(f"{path}:")} | {key: _ask(path)}
        with suppress(OSError):
            write_atomic(kept, json.dumps(versions, indent=1).encode())
    return versions[key]


def _ask(path: Path) -> str:
    arguments = _VERSION_ARGUMENTS.get(path.name, ("--version",))
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            [path, *arguments], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", done.stdout)
    return found[1] if found else ""
