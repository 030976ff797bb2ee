"""Server processes: started apart from us, known by pid and start time, stopped with a bound.

A pid alone is never trusted: after a crash or a restart of the machine another process may have it. Each server also
carries its name in its environment, so that one whose record was lost (we were killed between start and record) is
found all the same.
"""

import json
import os
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tenantry.files import write_atomic
from tenantry.sandbox.layout import SiteLayout
from tenantry.sandbox.site.servers import Server

MARK = "TENANTRY_SANDBOX_SERVER"

# What servers need of the caller's environment; the rest (proxies, other clouds' keys) is none of their business.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "TZ", "GOMAXPROCS", "GOMEMLIMIT", "GOGC")
# Parts what a server says from what one said before it, which failed for another reason.
_STARTED = "--- tenantry starts it, "
_LOG_BYTES = 20 * 2**20
_TERM_SECONDS = 15
_KILL_SECONDS = 5


def start(server: Server, binary: Path) -> psutil.Process:
    """Start a server in a session of its own, its output going to its log.

    Raises OSError where that fails; it then names the binary or the file that was refused.
    """
    log = server.site.log(server.name)
    if log.is_file() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {**server.environment, MARK: _mark(server.site, server.name)}
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as out:
        out.write(f"{_STARTED}{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode())
        out.flush()
        child = subprocess.Popen(
            _command(server, binary),
            cwd=server.site.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
    process = psutil.Process(child.pid)
    # It outlives us; without this Python warns of it.
    child.returncode = 0
    record = {"pid": process.pid, "createTime": process.create_time(), "command": _command(server, binary)}
    write_atomic(server.site.record(server.name), json.dumps(record).encode())
    return process


def running(sites: Iterable[SiteLayout], names: Iterable[str]) -> dict[tuple[str, str], psutil.Process]:
    """Find the processes of servers that run, by site and name."""
    wanted = {(site.site, name): site for site in sites for name in names}
    found = {key: process for key, site in wanted.items() if (process := _recorded(site, key[1]))}
    missing = {_mark(site, key[1]): key for key, site in wanted.items() if key not in found}
    if missing:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                key = missing.get(process.environ().get(MARK, ""))
                if key and is_alive(process):
                    found[key] = process
    return found


def is_outdated(server: Server, binary: Path) -> bool:
    """Say whether a running server was started in another way than it would be now, by an older tenantry perhaps."""
    record = _record(server.site, server.name)
    return "command" in record and record["command"] != _command(server, binary)


def is_alive(process: psutil.Process) -> bool:
    """Say whether a process still runs; one that ended and waits to be collected doesn't."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
            return False
        return process.is_running()
    except psutil.NoSuchProcess:
        return False


def stop(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """End processes: ask, wait, then kill. Return those that even so run on."""
    asked = [process for process in processes if is_alive(process)]
    for process in asked:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _gone, left = psutil.wait_procs(asked, timeout=_TERM_SECONDS)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _gone, left = psutil.wait_procs(left, timeout=_KILL_SECONDS)
    return [process for process in left if is_alive(process)]


def listener_of(port: int) -> psutil.Process | None:
    """Return the process that listens on a loopback port, as far as we may see."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                return psutil.Process(connection.pid) if connection.pid else None
    return None


def named(process: psutil.Process | None) -> str:
    """Name a process for a message, as far as we may see."""
    with suppress(psutil.Error):
        return f"{process.name()}, pid {process.pid}" if process else ""
    return ""


def is_of(process: psutil.Process | None, site: SiteLayout) -> bool:
    """Say whether a process was started as a server of a site."""
    with suppress(psutil.Error):
        return process is not None and process.environ().get(MARK, "").startswith(_mark(site, ""))
    return False


def last_lines(server: Server, count: int = 5) -> list[str]:
    """Return what a server said last since it was started, with its secrets struck out."""
    try:
        text = server.site.log(server.name).read_text(encoding="utf-8", errors="replace").rpartition(_STARTED)[2]
    except OSError:
        return []
    _time, _newline, text = text.partition("\n")
    text = text[-20_000:]
    for secret in server.environment.values():
        text = text.replace(secret, "[secret]")
    return [line.strip()[:400] for line in text.splitlines() if line.strip()][-count:]


def _mark(site: SiteLayout, name: str) -> str:
    return f"{site.root}:{name}"


def _command(server: Server, binary: Path) -> list[str]:
    return [str(binary), *server.arguments]


def _record(site: SiteLayout, name: str) -> dict[str, Any]:
    """Read what was noted at a server's start; empty where there is nothing to be read."""
    try:
        return dict(json.loads(site.record(name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _recorded(site: SiteLayout, name: str) -> psutil.Process | None:
    record = _record(site, name)
    try:
        process = psutil.Process(record["pid"])
        if process.create_time() == record["createTime"] and is_alive(process):
            return process
    except (ValueError, KeyError, TypeError, psutil.Error):
        return None
    return None
