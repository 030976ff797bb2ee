"""Starting and stopping the sandbox."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tenantry.connection import Connection, KubernetesConnection, ObjectStoreConnection, write_connection
from tenantry.interrupts import term_raises
from tenantry.problems import TenantryError, UnreachableError, problem
from tenantry.sandbox import process
from tenantry.sandbox.guards import (
    alone,
    check_ports,
    check_ports_left,
    check_space,
    server_ended,
    server_silent,
    server_unable,
)
from tenantry.sandbox.layout import REGION, SITES, Layout, SiteLayout
from tenantry.sandbox.site.furnish import furnish
from tenantry.sandbox.site.issuer import publish_issuer
from tenantry.sandbox.site.servers import BINARIES, Server, servers
from tenantry.sandbox.site.settings import Pki, context_name, ensure_pki, write_settings
from tenantry.sandbox.waiting import comes_true
from tenantry.toolchain import Progress as BuildProgress
from tenantry.toolchain import Step, ensure

Say = Callable[[str], None]

# Servers in tiers, each needing those before it; `down` goes the other way.
_TIERS = (("etcd",), ("iam", "kube-apiserver"), ("s3", "kube-controller-manager"))
ORDER = tuple(name for tier in _TIERS for name in tier)

_READY_SECONDS = 90
_REVIVAL_SECONDS = 30


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
    with term_raises(), alone(layout):
        check_space(layout)
        _end_strays(layout, say)
        binaries = ensure(BINARIES, build)
        sites = [_prepare(layout, site) for site in layout.choose()]
        layout.want(True)
        start = _Start(sites, binaries, say)
        start.run()
        for site in sites:
            write_connection(_connection(layout, site.layout), layout.connections)
        return start.started


def down(state: Path | None = None, say: Say = _silent, *, delete: bool = False) -> bool:
    """Stop the sandbox and see that nothing is left of it; with `delete`, remove its data too.

    Returns whether anything ran. Raises UnreachableError (TEN-300, TEN-302, TEN-306, TEN-307).
    """
    layout = Layout(state)
    if not layout.root.is_dir() and not process.running(_strays(layout), ORDER):
        return False
    with alone(layout):
        sites = _sites_to_stop(layout, delete=delete)
        found = process.running(sites, ORDER)
        for tier in reversed(_TIERS):
            here = [running for (_site, name), running in found.items() if name in tier]
            if here:
                say(f"stopping {' and '.join(tier)}")
            _check_stopped(process.stop(here))
        check_ports_left(sites)
        for site in sites:
            for name in ORDER:
                site.record(name).unlink(missing_ok=True)
        if delete:
            _delete(layout)
        elif layout.started():
            layout.want(False)
    return bool(found)


class _Start:
    """One `up`: the servers tier by tier, all sites at once, each tier answering before what needs it starts."""

    def __init__(self, sites: list[_Site], binaries: dict[str, Path], say: Say) -> None:
        self._sites = sites
        self._binaries = binaries
        self._say = say
        self._before = self._look()
        self._running = dict(self._before)

    @property
    def started(self) -> bool:
        """Say whether anything had to be started."""
        return self._running != self._before

    def run(self) -> None:
        """Start what doesn't run and wait for all; stop again what this call started where it can't be done."""
        try:
            self._run()
        except BaseException:
            # Looked for anew: one may have been started and not noted yet.
            process.stop([running for key, running in self._look().items() if running != self._before.get(key)])
            raise

    def _look(self) -> dict[tuple[str, str], psutil.Process]:
        return process.running([site.layout for site in self._sites], ORDER)

    def _run(self) -> None:
        self._stop_outdated()
        incomplete = [site for site in self._sites if any((site.layout.site, n) not in self._running for n in ORDER)]
        self._start("etcd", "iam")
        self._wait("etcd", "iam")
        self._start("s3", "kube-apiserver")
        self._wait("s3")
        for site in incomplete:
            publish_issuer(site.layout, site.pki)
        self._wait("kube-apiserver")
        self._start("kube-controller-manager")
        for site in incomplete:
            furnish(site.layout, self._binaries["kubectl"])
        self._wait("kube-controller-manager")

    def _stop_outdated(self) -> None:
        """Stop what runs in another way than it would be started now; it is then started like all that is missing."""
        for site in self._sites:
            for name, server in site.servers.items():
                key = (site.layout.site, name)
                if key in self._running and process.is_outdated(server, self._binaries[server.binary]):
                    self._say(f"stopping {server.label}, which was started with other settings")
                    _check_stopped(process.stop([self._running.pop(key)]))

    def _start(self, *names: str) -> None:
        """Start what is missing, and anew what ran before and doesn't come to itself, now that it has what it needs."""
        every = [site.servers[name] for name in names for site in self._sites]
        for server in [server for server in every if not self._comes_to_itself(server)]:
            self._say(f"starting {server.label}")
            check_ports(server)
            self._running[server.site.site, server.name] = _spawn(server, self._binaries[server.binary])

    def _wait(self, *names: str) -> None:
        for name in names:
            for site in self._sites:
                _await(site.servers[name], self._running[site.layout.site, name])

    def _comes_to_itself(self, server: Server) -> bool:
        """Say whether a server runs and answers; what doesn't is stopped.

        One that was killed a moment ago may still have been on its way out when it was looked for.
        """
        running = self._running.get((server.site.site, server.name))
        if running is None:
            return False
        why = "whose etcd was away" if self._lost_its_etcd(server) else ""
        if not why and not _settles(server, running, _REVIVAL_SECONDS):
            why = "which runs but doesn't answer"
        if why:
            self._say(f"stopping {server.label}, {why}")
            _check_stopped(process.stop([running]))
        return process.is_alive(running)

    def _lost_its_etcd(self, server: Server) -> bool:
        """Say whether a server is an API server that ran on without its etcd.

        It has a connection for each kind, and each waits up to two minutes before it asks an etcd again that was away:
        it says that it is ready while lists of some kinds still hang.
        """
        etcd = (server.site.site, "etcd")
        return server.name == "kube-apiserver" and self._running[etcd] != self._before.get(etcd)


def _prepare(layout: Layout, site: SiteLayout) -> _Site:
    try:
        pki = ensure_pki(layout, site)
    except (ValueError, TypeError) as error:
        what = f"a certificate or key of the sandbox can't be read: {error}"
        fix = "run `tenantry sandbox down --delete`, which removes the sandbox with its data"
        raise UnreachableError(problem("TEN-306", what, fix, file=str(site.pki))) from error
    write_settings(site, pki)
    return _Site(site, pki, servers(site, pki))


def _spawn(server: Server, binary: Path) -> psutil.Process:
    try:
        return process.start(server, binary)
    except psutil.NoSuchProcess as error:
        raise server_unable(server, binary, error) from error
    except OSError as error:
        if Path(error.filename or "") != binary:
            raise
        raise server_unable(server, binary, error) from error


def _await(server: Server, running: psutil.Process) -> None:
    """Wait until a server answers. Raises UnreachableError: TEN-304 where it ends, TEN-305 where it takes too long."""
    if not _settles(server, running, _READY_SECONDS):
        raise server_silent(server, _READY_SECONDS)
    if not process.is_alive(running):
        raise server_ended(server)


def _settles(server: Server, running: psutil.Process, seconds: float) -> bool:
    """Wait until a server answers or has ended, and say whether it did either in time."""
    return comes_true(lambda: not process.is_alive(running) or server.answers(), seconds)


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


def _sites_to_stop(layout: Layout, *, delete: bool) -> tuple[SiteLayout, ...]:
    """Return the sites; where there is no state, or it is unreadable and is to go anyway, without ports."""
    try:
        return layout.sites() or _strays(layout)
    except TenantryError:
        if not delete:
            raise
        return _strays(layout)


def _strays(layout: Layout) -> tuple[SiteLayout, ...]:
    """Return the sites without what their state says: their servers are found by the names that they carry."""
    return tuple(SiteLayout(site, layout.root / site, {}) for site in SITES)


def _end_strays(layout: Layout, say: Say) -> None:
    """End the servers of a sandbox whose folder somebody removed: what starts now isn't what they belong to."""
    if not layout.exists():
        left = process.running(_strays(layout), ORDER)
        if left:
            say("stopping what is left of a sandbox whose folder was removed")
        _check_stopped(process.stop(left.values()))


def _check_stopped(left: list[psutil.Process]) -> None:
    if left:
        pids = ", ".join(str(running.pid) for running in left)
        what = f"a server can't be stopped (pid {pids})"
        raise UnreachableError(problem("TEN-307", what, f"end it yourself: kill -9 {pids.replace(',', '')}"))


def _delete(layout: Layout) -> None:
    for site in SITES:
        (layout.connections / f"{site}.json").unlink(missing_ok=True)
    shutil.rmtree(layout.root)
