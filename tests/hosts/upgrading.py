"""Upgrades of test hosts: the command as it is typed, killed, and looked at from without."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from clusters import wait_until
from containers import Container
from meanwhile import meanwhile

BOOT = "cat /proc/sys/kernel/random/boot_id"


def command(inventory: Path, key: Path, *words: str) -> list[str]:
    """Give the command, for what isn't waited for, or may fail."""
    return [sys.executable, "-m", "tenantry", "hosts", "upgrade", str(inventory), "--private-key", str(key), *words]


def journal(site_state: Path) -> dict[str, Any]:
    """Give what is kept of how far an upgrade is; nothing where none is under way."""
    file = site_state / "upgrade.json"
    return dict(json.loads(file.read_text())) if file.exists() else {"current": "", "cordoned": []}


def killed(words: Sequence[str], reached: Callable[[], bool], *, seconds: float = 0) -> None:
    """Run a command, and kill it with all that it started, so many seconds after something was reached."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    # Several hosts may come before it, and an emulated one takes its time.
    wait_until(lambda: reached() or process.poll() is not None, "the command doesn't come so far", 0.05, seconds=900)
    time.sleep(seconds)
    assert process.poll() is None, "the command ended before it could be killed"
    for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        one.kill()
    assert process.wait(60) == -signal.SIGKILL


@contextmanager
def powered(host: Container) -> Iterator[list[str]]:
    """Start a container again whenever it ends by itself, as a machine's firmware does when it is booted anew.

    One that was started again ends with this, for it ends with the thread that started it.
    """
    boots: list[str] = []

    def watch() -> None:
        if host.process.poll() is not None:
            boots.append(host.name)
            host.boot()

    with meanwhile(watch, 0.3):
        yield boots
