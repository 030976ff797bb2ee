"""Ctrl-C ends a run over hosts: with one line, its exit code, and no process left."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from guest_image import Image
from guests import Guest
from hosts_at_hand import AS_ASKED, host_of, inventory_of, run, write

pytestmark = pytest.mark.hosts

STOPPED = "Stopped. Run the same command again to finish what was half done."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_so_and_leaves_no_process(
    number: signal.Signals, host: Guest, image: Image, tmp_path: Path
) -> None:
    inventory = write(tmp_path, inventory_of(host_of(host)))
    baseline = ("--role", "baseline", "--private-key", image.key)
    with subprocess.Popen(
        [sys.executable, "-m", "tenantry", "hosts", "prepare", inventory, *baseline],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As a terminal has it, whose Ctrl-C goes to the whole group; a shell's background job would ignore it.
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (no threads here)
    ) as running:
        assert running.stderr
        assert "host-1: preflight\n" in running.stderr
        folder = folder_of(running.pid)
        wait_for_worker(folder)
        os.killpg(running.pid, number)
        out, said = running.communicate(timeout=120)
        assert (running.returncode, out, said.splitlines()[-1:]) == (130, "", [STOPPED])
    assert naming(folder) == []
    assert not Path(folder).exists()

    run("prepare", inventory, *baseline)
    assert run("prepare", inventory, *baseline).stdout == AS_ASKED


def folder_of(pid: int) -> str:
    """Give the folder of a run over hosts, which Ansible has its inventory in."""
    (ansible,) = psutil.Process(pid).children()
    words = ansible.cmdline()
    return str(Path(words[words.index("-i") + 1]).parent)


def naming(folder: str) -> list[psutil.Process]:
    """Give the processes that have a folder on their command line."""
    return [one for one in psutil.process_iter(["cmdline"]) if folder in " ".join(one.info["cmdline"] or ())]


def wait_for_worker(folder: str) -> None:
    """Wait until the next task is on its way, with sessions of its own: Ansible's worker, a connection that is kept."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(ProcessLookupError):
            if len({os.getsid(one.pid) for one in naming(folder)}) >= 3:
                return
        time.sleep(0.05)
    raise AssertionError(naming(folder))
