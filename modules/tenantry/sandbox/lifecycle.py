"""Starting, stopping and looking at the sandbox."""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from tenantry.connection import Connection, KubernetesConnection, ObjectStoreConnection, write_connection
from tenantry.problems import TenantryError, UnreachableError, problem
from tenantry.sandbox import process
from tenantry.sandbox.furnish import furnish
from tenantry.sandbox.issuer import publish_issuer
from tenantry.sandbox.layout import LISTENERS, REGION, SITES, Layout, SiteLayout, is_free
from tenantry.sandbox.servers import BINARIES, Server, servers
from tenantry.sandbox.settings import Pki, context_name, ensure_pki, write_settings
from tenantry.toolchain import Progress as BuildProgress
from tenantry.toolchain import Step, ensure

Say = Callable[[str], None]

# Servers in the order in which they start; `down` goes the other way.
ORDER = ("etcd", "iam", "s3", "kube-apiserver", "kube-controller-manager")

# etcd alone lays out 128 MB of log ahead, at each site.
_NEEDED_BYTES = 600 * 2**20
_READY_SECONDS = 90
_POLL_SECONDS = 0.1


def _silent(_text: str) -> None:
    """Tell nobody."""


def _silent_step(_step: Step) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class _Site:
    layout: SiteLayout
    pki: Pki
    servers: dict[str, Server]


def up(state: Path | None = None, say: Say = _silent, build: BuildProgress = _silent_step) -> bool:
    """Start what doesn't run yet of the sandbox, wait until all answers, and write the sites' connections.

    Returns whether anything had to be started. `state` is the state folder (None: the user's own). Raises
    UnreachableError (TEN-2xx, TEN-3xx); what this call started is then stopped again.
    """
    layout = Layout(state)
    with _alone(layout), _disk(layout):
        _check_space(layout)
        binaries = ensure(BINARIES, build)
        sites = [_prepare(layout, site) for site in layout.choose()]
        layout.want(True)
        started: list[psutil.Process] = []
        try:
            _start(sites, binaries, started, say)
        except BaseException:
            process.stop(reversed(started))
            raise
        for site in sites:
            write_connection(_connection(layout, site.layout), layout.connections)
        return bool(started)


def down(state: Path | None = None, say: Say = _silent, *, delete: bool = False) -> bool:
    """Stop the sandbox and see that nothing is left of it; with `delete`, remove its data too.

    Returns whether anything ran. Raises UnreachableError (TEN-300, TEN-307).
    """
    layout = Layout(state)
    if not layout.root.is_dir():
        return False
    with _alone(layout):
        sites = _sites_to_stop(layout, delete=delete)
        found = process.running(sites, ORDER)
        for name in reversed(ORDER):
            here = [running for (_site, of), running in found.items() if of == name]
            if here:
                say(f"stopping {name}")
            _check_stopped(name, process.stop(here))
        _check_ports(sites)
        for site in sites:
            for name in ORDER:
                site.record(name).unlink(missing_ok=True)
        if delete:
            _delete(layout)
        elif layout.exists():
            layout.want(False)
    return bool(found)


def _prepare(layout: Layout, site: SiteLayout) -> _Site:
    pki = ensure_pki(layout, site)
    write_settings(site, pki)
    return _Site(site, pki, servers(site, pki))


def _start(sites: list[_Site], binaries: dict[str, Path], started: list[psutil.Process], say: Say) -> None:
    """Start the servers tier by tier, both sites at once, and see that each tier answers before what needs it."""
    running = process.running([site.layout for site in sites], ORDER)
    fresh = {site.layout.site for site in sites if any((site.layout.site, name) not in running for name in ORDER)}

    def tier(*names: str) -> None:
        for name in names:
            missing = [site.servers[name] for site in sites if (site.layout.site, name) not in running]
            for server in missing:
                say(f"starting {server.label}")
                _check_port(server)
                running[server.site.site, name] = _spawn(server, binaries[server.binary])
                started.append(running[server.site.site, name])

    def wait(*names: str) -> None:
        for name in names:
            for site in sites:
                _await(site.servers[name], running[site.layout.site, name])

    tier("etcd", "iam")
    wait("etcd", "iam")
    tier("s3", "kube-apiserver")
    wait("s3")
    for site in sites:
        if site.layout.site in fresh:
            publish_issuer(site.layout, site.pki)
    wait("kube-apiserver")
    tier("kube-controller-manager")
    for site in sites:
        if site.layout.site in fresh:
            furnish(site.layout, binaries["kubectl"])
    wait("kube-controller-manager")


def _spawn(server: Server, binary: Path) -> psutil.Process:
    try:
        return process.start(server, binary)
    except (FileNotFoundError, PermissionError, psutil.NoSuchProcess) as error:
        what = f"{server.label} can't be started: {error}"
        raise UnreachableError(problem("TEN-303", what, "run `tenantry toolchain build`", file=str(binary))) from error


def _await(server: Server, running: psutil.Process) -> None:
    """Wait until a server answers. Raises UnreachableError: TEN-304 where it ends, TEN-305 where it takes too long."""

    def settled() -> bool:
        return server.answers() or not process.is_alive(running)

    retrying = Retrying(
        stop=stop_after_delay(_READY_SECONDS),
        wait=wait_fixed(_POLL_SECONDS),
        retry=retry_if_result(lambda done: not done),
    )
    log = str(server.site.log(server.name))
    try:
        retrying(settled)
    except RetryError:
        what = f"{server.label} runs but doesn't answer within {_READY_SECONDS} s{_said(server)}"
        fix = "read the log, then `tenantry sandbox down` and `up`"
        raise UnreachableError(problem("TEN-305", what, fix, file=log)) from None
    if not process.is_alive(running):
        if any("no space left on device" in line for line in process.last_lines(server, 20)):
            raise _full(server.site.root)
        what = f"{server.label} ended while starting{_said(server)}"
        raise UnreachableError(problem("TEN-304", what, "read the log, mend the cause, run it again", file=log))


def _said(server: Server) -> str:
    lines = "".join(f"\n        | {line}" for line in process.last_lines(server))
    return f". It said last:{lines}\n       " if lines else ""


def _connection(layout: Layout, site: SiteLayout) -> Connection:
    return Connection(
        site=site.site,
        kubernetes=KubernetesConnection(kubeconfig=site.kubeconfig, context=context_name(site)),
        object_store=ObjectStoreConnection(
            endpoint=site.url("s3"),
            iam_endpoint=site.url("iam"),
            sts_endpoint=site.url("iam"),
            region=REGION,
            ca_file=layout.ca,
            credentials_file=site.credentials,
            profile=site.site,
        ),
    )


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Let one command at a time work on a sandbox."""
    with _disk(layout):
        layout.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        layout.root.chmod(0o700)
    lock = FileLock(layout.root / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        what = "another `tenantry sandbox` command is at work on this sandbox"
        fix = "wait until it is done; the lock goes with the process that holds it"
        raise UnreachableError(problem("TEN-300", what, fix, file=str(layout.root))) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _disk(layout: Layout) -> Iterator[None]:
    """Say plainly what the disk refuses."""
    try:
        yield
    except TenantryError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(layout.root) from error
        what = f"the sandbox's state can't be written: {error}"
        fix = "mend that, or set TENANTRY_STATE to another folder"
        raise UnreachableError(problem("TEN-306", what, fix, file=str(layout.root))) from error


def _check_space(layout: Layout) -> None:
    if not layout.exists() and shutil.disk_usage(layout.root).free < _NEEDED_BYTES:
        raise _full(layout.root)


def _full(place: Path) -> TenantryError:
    free = shutil.disk_usage(place).free // 2**20
    what = f"the disk is full: {free} MB are free, and the sandbox needs {_NEEDED_BYTES // 2**20} MB"
    fix = "free some, or set TENANTRY_STATE to a folder on a larger disk"
    return UnreachableError(problem("TEN-302", what, fix, file=str(place)))


def _check_port(server: Server) -> None:
    for listener, port in server.ports.items():
        if not is_free(port):
            holder = process.listener_of(port)
            what = f"port {port} of {server.site.site}/{listener} is taken" + (f" by {holder}" if holder else "")
            fix = "stop that process, or choose new ports with `tenantry sandbox down --delete`, which removes all data"
            raise UnreachableError(problem("TEN-301", what, fix))


def _sites_to_stop(layout: Layout, *, delete: bool) -> tuple[SiteLayout, ...]:
    """Return the sites; where the state is unreadable and is to go anyway, without ports."""
    try:
        return layout.sites()
    except TenantryError:
        if not delete:
            raise
        return tuple(SiteLayout(site, layout.root / site, {}) for site in SITES)


def _check_stopped(name: str, left: list[psutil.Process]) -> None:
    if left:
        pids = ", ".join(str(running.pid) for running in left)
        what = f"{name} can't be stopped (pid {pids})"
        raise UnreachableError(problem("TEN-307", what, f"end it yourself: kill -9 {pids.replace(',', '')}"))


def _check_ports(sites: tuple[SiteLayout, ...]) -> None:
    """See that no server of ours listens any more; a stranger who took a port meanwhile isn't ours to judge."""
    for site in sites:
        for listener in LISTENERS:
            port = site.ports.get(listener)
            holder = process.listener_of(port) if port and not is_free(port) else ""
            if any(holder.startswith(binary) for binary in BINARIES):
                what = f"port {port} of {site.site}/{listener} is still listened on by {holder}"
                raise UnreachableError(problem("TEN-307", what, "end that process"))


def _delete(layout: Layout) -> None:
    for site in SITES:
        (layout.connections / f"{site}.json").unlink(missing_ok=True)
    shutil.rmtree(layout.root)
