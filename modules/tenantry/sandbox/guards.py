"""What keeps a sandbox whole, each a clear message: one command at a time, room on the disk, free ports."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tenantry.locks import held
from tenantry.problems import TenantryError, UnreachableError, problem
from tenantry.sandbox.layout import Layout, SiteLayout
from tenantry.sandbox.ports import is_free
from tenantry.sandbox.process import is_of, last_lines, listener_of, named
from tenantry.sandbox.site.servers import Server
from tenantry.sandbox.waiting import comes_true
from tenantry.toolchain import find

# etcd alone lays out 128 MB of log ahead, at each site.
_NEEDED_BYTES = 600 * 2**20
# A server that was killed a moment ago keeps its ports until the last of its threads is gone.
_RELEASE_SECONDS = 3


@contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Let one command at a time work on a sandbox.

    Raises UnreachableError: TEN-300 where another one does, TEN-302 and TEN-306 for what the disk refuses meanwhile.
    """
    what = "another `tenantry sandbox` command is at work on this sandbox"
    fix = "wait until it is done; the lock goes with the process that holds it"
    refusal = UnreachableError(problem("TEN-300", what, fix, file=str(layout.root)))
    with _disk_watched(layout), held(layout.root / "lock", refusal):
        layout.root.chmod(0o700)
        yield


@contextmanager
def _disk_watched(layout: Layout) -> Iterator[None]:
    """Turn what the disk refuses into a message: TEN-302 where it is full, else TEN-306."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(layout.root) from error
        what = f"the sandbox's state can't be written: {error}"
        fix = "mend that, or set TENANTRY_STATE to another folder"
        raise UnreachableError(problem("TEN-306", what, fix, file=str(layout.root))) from error


def check_space(layout: Layout) -> None:
    """See, before a first start, that there is room for it. Raises UnreachableError (TEN-302)."""
    if not layout.exists() and shutil.disk_usage(layout.root).free < _NEEDED_BYTES:
        raise disk_full(layout.root)


def disk_full(place: Path) -> TenantryError:
    """Make the error for a full disk."""
    free = shutil.disk_usage(place).free // 2**20
    what = f"the disk is full: {free} MB are free, and the sandbox needs {_NEEDED_BYTES // 2**20} MB"
    fix = "free some, or set TENANTRY_STATE to a folder on a larger disk"
    return UnreachableError(problem("TEN-302", what, fix, file=str(place)))


def check_ports(server: Server) -> None:
    """See that a server's ports are free. Raises UnreachableError (TEN-301), naming who has one."""
    for listener, port in server.ports.items():
        if not comes_true(partial(is_free, port), _RELEASE_SECONDS):
            holder = named(listener_of(port))
            what = f"port {port} of {server.site.site}/{listener} is taken" + (f" by {holder}" if holder else "")
            fix = "stop that process, or choose new ports with `tenantry sandbox down --delete`, which removes all data"
            raise UnreachableError(problem("TEN-301", what, fix))


def check_ports_left(sites: tuple[SiteLayout, ...]) -> None:
    """See that no server of ours listens any more; a stranger who took a port meanwhile isn't ours to judge.

    Raises UnreachableError (TEN-307).
    """
    for site in sites:
        for listener, port in site.ports.items():
            holder = None if is_free(port) else listener_of(port)
            if is_of(holder, site):
                what = f"port {port} of {site.site}/{listener} is still listened on by {named(holder)}"
                raise UnreachableError(problem("TEN-307", what, "end that process"))


def server_unable(server: Server, binary: Path, error: Exception) -> TenantryError:
    """Make the error for a server whose binary can't be run."""
    what = f"{server.label} can't be started: {error}"
    if find(server.binary).source == "PATH":
        fix = "mend that program, or take it off the PATH"
    else:
        fix = f"delete {binary.parent}, then run `tenantry toolchain build`"
    return UnreachableError(problem("TEN-303", what, fix, file=str(binary)))


def server_ended(server: Server) -> TenantryError:
    """Make the error for a server that ended while it was to start."""
    if any("no space left on device" in line for line in last_lines(server, 20)):
        return disk_full(server.site.root)
    what = f"{server.label} ended while starting{_said(server)}"
    log = str(server.site.log(server.name))
    return UnreachableError(problem("TEN-304", what, "read the log, mend the cause, run it again", file=log))


def server_silent(server: Server, seconds: int) -> TenantryError:
    """Make the error for a server that runs but doesn't answer in time."""
    what = f"{server.label} runs but doesn't answer within {seconds} s{_said(server)}"
    fix = "read the log, then `tenantry sandbox down` and `up`"
    return UnreachableError(problem("TEN-305", what, fix, file=str(server.site.log(server.name))))


def site_refuses(site: SiteLayout, server: str, said: str) -> TenantryError:
    """Make the error for a server that answers, but doesn't take what each site has from the start."""
    what = f"{site.site}/{server} doesn't take the site's first objects: {said.rstrip('.')}"
    fix = "read the log, mend the cause, run it again"
    return UnreachableError(problem("TEN-305", what, fix, file=str(site.log(server))))


def _said(server: Server) -> str:
    lines = "".join(f"\n        | {line}" for line in last_lines(server))
    return f". It said last:{lines}\n       " if lines else ""
