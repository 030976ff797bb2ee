"""Running tenantry as a user does, on a state folder of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tenantry.sandbox.layout import Layout
from tenantry.sandbox.process import MARK


def tenantry(state: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; the caller looks at exit code and output."""
    return subprocess.run(
        [sys.executable, "-m", "tenantry", *arguments],
        env=own_environment(state, **environment),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def own_environment(state: Path, **more: str) -> dict[str, str]:
    """Give the environment in which a command keeps its state in a folder."""
    environment = {**os.environ, "TENANTRY_STATE": str(state), "COLUMNS": "200", **more}
    environment.pop("TENANTRY_CONNECTIONS", None)
    return environment


def rows(state: Path) -> dict[str, dict[str, Any]]:
    """Return `sandbox status` by site/component."""
    found = json.loads(tenantry(state, "sandbox", "status", "--format", "json").stdout)
    return {f"{row['site']}/{row['component']}": row for row in found["rows"]}


def pids(state: Path) -> dict[str, int]:
    """Return the process of each server."""
    return {name: row["pid"] for name, row in rows(state).items()}


def ports(state: Path) -> set[int]:
    """Return all ports that a sandbox has chosen."""
    return {port for site in Layout(state).sites() for port in site.ports.values()}


def leftovers(state: Path, chosen: set[int]) -> list[str]:
    """Return what is left of a sandbox: its processes, whoever started them, and its listening ports."""
    found = []
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(MARK, "")
            if mark.startswith(f"{state.resolve()}{os.sep}") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{mark} pid {process.pid}")
        except psutil.Error:
            continue
    listening = [c.laddr.port for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return found + [f"port {port}" for port in listening if port in chosen]
