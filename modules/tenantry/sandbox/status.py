"""What of the sandbox runs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from tenantry.sandbox import process
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.lifecycle import ORDER
from tenantry.sandbox.site.servers import Server, servers
from tenantry.sandbox.site.settings import name_pki

State = Literal["ready", "not answering", "stopped"]


@dataclass(frozen=True, slots=True)
class Row:
    """One server: its process, the port that clients use, and its resident memory in bytes (0 where stopped)."""

    site: str
    component: str
    state: State
    pid: int
    port: int
    memory: int


@dataclass(frozen=True, slots=True)
class Status:
    """The whole sandbox. `wanted` says that it was started and not taken down since."""

    wanted: bool
    rows: tuple[Row, ...]

    @property
    def healthy(self) -> bool:
        """Say whether everything that should run does and answers."""
        return not self.wanted or all(row.state == "ready" for row in self.rows)


def status(state: Path | None = None) -> Status:
    """Look at every server: does it run, does it answer. Changes nothing."""
    layout = Layout(state)
    sites = layout.sites() if layout.started() else ()
    found = process.running(sites, ORDER)
    all_servers = [server for site in sites for server in servers(site, name_pki(layout, site)).values()]
    with ThreadPoolExecutor(max_workers=len(all_servers) or 1) as pool:
        rows = pool.map(lambda server: _row(server, found.get((server.site.site, server.name))), all_servers)
        return Status(layout.wanted(), tuple(rows))


def _row(server: Server, running: psutil.Process | None) -> Row:
    port = next(iter(server.ports.values()))
    try:
        if running:
            state: State = "ready" if server.answers() else "not answering"
            return Row(server.site.site, server.name, state, running.pid, port, running.memory_info().rss)
    except psutil.Error:
        pass
    return Row(server.site.site, server.name, "stopped", 0, port, 0)
