"""The ports of sandboxes: chosen once, kept while a sandbox is stopped, and never the same for two of one user.

A sandbox that is stopped, or that has only just chosen, doesn't hold its ports. So that another one doesn't choose
them meanwhile, the user's cache lists the sandboxes; what ports each has, its own state file says.
"""

import errno
import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock

from tenantry.files import write_atomic
from tenantry.paths import cache_dir

LOOPBACK = "127.0.0.1"

# Below the ports that systems hand to outgoing connections (32768 on Linux), so that a kept port is still free at the
# next start.
_LOWEST_PORT, _HIGHEST_PORT = 20000, 29999


@contextmanager
def chosen(state_file: Path, count: int) -> Iterator[list[int]]:
    """Choose free ports for the sandbox of a state file, which is to be written before this ends.

    Raises OSError where the user's cache can't be written.
    """
    listed = cache_dir() / "sandboxes.json"
    listed.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{listed}.lock", mode=0o600):
        others = [other for other in _read_list(listed) if other != state_file and other.is_file()]
        yield _free_ports(count, {port for other in others for port in _ports_of(other)})
        write_atomic(listed, json.dumps([str(file) for file in (*others, state_file)], indent=1).encode())


def is_free(port: int) -> bool:
    """Say whether a loopback port can be listened on."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _bind(listener, port)


def _free_ports(count: int, taken: set[int]) -> list[int]:
    """Choose ports at random, all held until the last is found."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = _LOWEST_PORT + secrets.randbelow(_HIGHEST_PORT - _LOWEST_PORT)
            listener = held.enter_context(socket.socket())
            if port not in taken and _bind(listener, port):
                found.append(port)
    return found


def _read_list(listed: Path) -> list[Path]:
    """Return the sandboxes' state files; a list that can't be read is begun anew, as all in the cache is."""
    try:
        return [Path(name) for name in json.loads(listed.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _ports_of(state_file: Path) -> list[int]:
    """Return a sandbox's ports; one whose state can't be read has to be deleted before it starts again."""
    try:
        sites = json.loads(state_file.read_text(encoding="utf-8"))["ports"].values()
        return [int(port) for site in sites for port in site.values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _bind(listener: socket.socket, port: int) -> bool:
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return False
        raise
    return True
