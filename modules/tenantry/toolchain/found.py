"""Which binary is used: a fit one on the PATH, else the built one in the cache."""

import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tenantry.files import write_atomic
from tenantry.paths import cache_dir
from tenantry.problems import UnreachableError, problem
from tenantry.toolchain.asking import ask_version
from tenantry.toolchain.table import BINARIES, Component, component_of

Source = Literal["PATH", "cache", "not built"]

# Nothing that changes how packages compile, so that a machine which builds Go already has part of it.
BUILD_FLAGS = ("-buildvcs=false",)


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
    for on_path in _all_on_path(binary):
        version = version_on_path(on_path)
        if version and component.is_fit(version):
            return Found(binary, version, "PATH", on_path)
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
    settings = (f"{name}={value}" for name, value in component.settings.items())
    for word in (*BUILD_FLAGS, component.linker_flags, component.package, sys.platform, platform.machine(), *settings):
        digest.update(word.encode() + b"\0")
    return cache_dir() / "toolchain" / f"{component.name}-{digest.hexdigest()[:16]}"


def version_on_path(path: Path) -> str:
    """Ask a binary for its version; empty where it gives none.

    The answer is kept by path, size and time of change, for asking takes up to a third of a second a binary. That there
    was none, on a machine too busy to answer, is not.
    """
    stat = path.stat()
    key = f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
    kept = cache_dir() / "toolchain" / "path-versions.json"
    versions: dict[str, str] = {}
    with suppress(OSError, ValueError):
        versions = json.loads(kept.read_text(encoding="utf-8"))
    if key in versions:
        return versions[key]
    version = ask_version(path)
    if version is None:
        return ""
    versions = {k: v for k, v in versions.items() if not k.startswith(f"{path}:")} | {key: version}
    with suppress(OSError):
        write_atomic(kept, json.dumps(versions, indent=1).encode())
    return version


def _all_on_path(binary: str) -> Iterator[Path]:
    """Give each program of that name on the PATH, in its order: an old one may lie before one that is fit."""
    for folder in os.get_exec_path():
        found = shutil.which(binary, path=folder)
        if found:
            yield Path(found).absolute()
