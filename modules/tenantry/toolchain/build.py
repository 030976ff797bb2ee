"""Building a component from its pinned Go module: wholly, once, with a log."""

import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal, Protocol

import psutil
from filelock import FileLock, Timeout

from tenantry.interrupts import term_raises
from tenantry.problems import TenantryError, UnreachableError, problem
from tenantry.toolchain.found import BUILD_FLAGS, build_dir
from tenantry.toolchain.golang import find_go
from tenantry.toolchain.table import Component, go_version

# Go's collector off takes a fifth off a cold build; the largest compile then holds about 5 GiB.
_AMPLE_MEMORY = 8 * 2**30
_STOP_SECONDS = 5


# Another process builds it; Go is fetched first; this one builds it (its modules are fetched while `of` is 0); done.
State = Literal["waiting", "fetching", "building", "built"]


@dataclass(frozen=True, slots=True)
class Step:
    """How far a build is: packages compiled of all, and seconds since its start."""

    component: str
    version: str
    state: State
    packages: int
    of: int
    seconds: float
    log: Path


Progress = Callable[[Step], None]


class _Tell(Protocol):
    """Tells the listener where a build is."""

    def __call__(self, state: State, packages: int = 0, of: int = 0) -> None: ...


def build(component: Component, progress: Progress) -> Path:
    """Build a component into the cache, or wait for the process that does; return the folder of its binaries.

    Raises UnreachableError: TEN-200 without Go, TEN-201 where it fails, TEN-202 where the disk is full.
    """
    folder = build_dir(component)
    log = folder.parent / "logs" / f"{folder.name}.log"
    started = time.monotonic()

    def tell(state: State, packages: int = 0, of: int = 0) -> None:
        seconds = time.monotonic() - started
        progress(Step(component.name, component.version, state, packages, of, seconds, log))

    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(folder, partial(tell, "waiting")) as waited:
            missing = not is_built(component)
            if missing:
                _build(component, folder, log, tell)
            if missing or waited:
                tell("built")
    except OSError as error:
        raise _os_problem(component, folder, error) from error
    return folder


def is_built(component: Component) -> bool:
    """Say whether all binaries of a component are in the cache."""
    return all((build_dir(component) / binary).is_file() for binary in component.binaries)


@contextmanager
def _alone(folder: Path, wait: Callable[[], None]) -> Iterator[bool]:
    """Let one process at a time build a component; tell `wait` where another one is at it, and give whether it was."""
    lock = FileLock(f"{folder}.lock")
    waited = False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waited = True
        wait()
        lock.acquire()
    try:
        yield waited
    finally:
        lock.release()


def _build(component: Component, folder: Path, log: Path, tell: _Tell) -> None:
    go = find_go(go_version(component.folder), partial(tell, "fetching"))
    for stale in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    half = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        _compile(component, go, half, log, tell)
        shutil.rmtree(folder, ignore_errors=True)
        half.replace(folder)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise


def _compile(component: Component, go: Path, out: Path, log: Path, tell: _Tell) -> None:
    packages = component.package.split()
    target = f"{out / component.binaries[0]}" if component.package == "." else f"{out}{os.sep}"
    command = ["build", "-v", "-mod=readonly", *BUILD_FLAGS, "-ldflags", component.linker_flags, "-o", target]
    of = done = 0
    tell("building")
    with log.open("w", encoding="utf-8") as kept:
        for line in _lines([go, "list", "-mod=readonly", "-deps", *packages], component, kept, log):
            of += _is_package(line)
            tell("building")
        for line in _lines([go, *command, *packages], component, kept, log):
            done += _is_package(line)
            tell("building", done, of)
    _name(component, out)


def _is_package(line: str) -> bool:
    """Say whether a line names a package, rather than a module that is fetched or what a compiler has to say."""
    return bool(line) and not line.startswith("#") and " " not in line


def _environment(component: Component) -> dict[str, str]:
    """Give what Go runs with. Module and build caches are the user's own: who builds Go here has half of it already."""
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "", **component.settings}
    # A service may have none, and Go finds its caches by it.
    environment.setdefault("HOME", str(Path.home()))
    if psutil.virtual_memory().available >= _AMPLE_MEMORY:
        environment.setdefault("GOGC", "off")
    return environment


def _name(component: Component, out: Path) -> None:
    """Give the first binary its name, where Go took another from its module's path (`server` for etcd)."""
    others = [path for path in out.iterdir() if path.name not in component.binaries]
    if len(others) == 1 and not (out / component.binaries[0]).exists():
        others[0].rename(out / component.binaries[0])


def _lines(command: list[str | Path], component: Component, kept: IO[str], log: Path) -> Iterator[str]:
    """Run a Go command to its end, giving each line it says; stop it, with all it started, when we are stopped."""
    with term_raises():
        process = subprocess.Popen(
            command,
            cwd=component.folder,
            env=_environment(component),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            for line in process.stdout or ():
                kept.write(line)
                yield line.strip()
            if process.wait():
                kept.flush()
                raise _build_problem(component, log)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    # Asked first: a second Ctrl-C may cut short whatever follows.
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    if process.stdout:
        process.stdout.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _build_problem(component: Component, log: Path) -> TenantryError:
    text = log.read_text(encoding="utf-8", errors="replace")
    if "no space left on device" in text:
        return _full(component, log)
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
    what = f"building {component.name} {component.version} failed: {last.strip()}"
    return UnreachableError(
        problem("TEN-201", what, "read the log, then run `tenantry toolchain build`", file=str(log))
    )


def _os_problem(component: Component, folder: Path, error: OSError) -> TenantryError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(component, folder)
    what = f"building {component.name} {component.version} failed: {error}"
    return UnreachableError(
        problem("TEN-201", what, "mend that, then run `tenantry toolchain build`", file=str(folder))
    )


def _full(component: Component, place: Path) -> TenantryError:
    what = f"the disk is full while building {component.name} {component.version}"
    fix = "free 15 GB for Go's caches and the binaries, or set XDG_CACHE_HOME, GOCACHE and GOMODCACHE to a larger disk"
    return UnreachableError(problem("TEN-202", what, fix, file=str(place)))
