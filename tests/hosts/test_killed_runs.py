"""Ansible is killed at a random task: the next run ends in the state that a run without a kill ends in."""

import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from guest_image import Image
from guests import Guest
from hosts_at_hand import AS_ASKED, STATE, host_of, inventory_of, run, serve_time, write

pytestmark = pytest.mark.hosts

KILLS = 10
KILLED = """
import random, sys, threading, time, psutil
from pathlib import Path
from tenantry.hosts.reading import read_inventory
from tenantry.hosts.running import PREPARE, run_playbook

steps, seconds = map(float, sys.argv[3:])
heard = 0

def kill():
    time.sleep(seconds)
    for one in [*psutil.Process().children(recursive=True), psutil.Process()]:
        one.kill()

def hear(step):
    global heard
    heard += 1
    if heard == steps:
        print("after", step.role, flush=True)
        threading.Thread(target=kill).start()

run_playbook(read_inventory(Path(sys.argv[1])), PREPARE, Path(sys.argv[2]), check=False, progress=hear)
print(heard)
"""
# What differs from guest to guest, and what a boot or an account's file keeps of the moment.
OWN = ("/etc/machine-id", "/etc/shadow-", "/etc/.pwd.lock", "/etc/crypttab", "/etc/fstab")
# Each disk has a key and ids of its own.
KEPT = ("  /etc/cryptsetup-keys.d/", "  /etc/lvm/")
TABLES = (
    "; sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/g' /etc/crypttab /etc/fstab; "
    "ls /etc/cryptsetup-keys.d | wc -l"
)
OVER_TMP = (
    "setsid sh -c 'while true; do mount -t tmpfs tmpfs /tmp; sleep 0.4; umount -l /tmp; sleep 0.1; done' "
    ">/dev/null 2>&1 &"
)


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(host: Guest, image: Image, tmp_path: Path) -> None:
    key = ("--private-key", image.key)
    serve_time(host)
    inventory = write(tmp_path, inventory_of(host_of(host)))
    steps = int(prepare(inventory, image.key, expect=0).splitlines()[-1])
    wanted = state(host)
    seed = int(os.environ.get("TENANTRY_SEED", random.randrange(1 << 16)))
    chosen = random.Random(seed)
    for _ in range(KILLS):
        host.restore()
        serve_time(host)
        step, seconds = chosen.randrange(1, steps), chosen.random() * 2
        said = prepare(inventory, image.key, step, seconds, expect=-signal.SIGKILL)
        where = f"TENANTRY_SEED={seed}: {seconds:.1f} s after step {step} of {steps}, {said}"
        try:
            run("prepare", inventory, *key)
            assert state(host) == wanted
            assert run("prepare", inventory, *key).stdout == AS_ASKED
        except AssertionError as error:
            error.add_note(where)
            raise


def test_what_comes_over_tmp_meanwhile_breaks_no_module(host: Guest, image: Image, tmp_path: Path) -> None:
    # As the role baseline does once, at a moment that nobody knows of: what a killed run began goes on.
    host.run(OVER_TMP)
    inventory = write(tmp_path, inventory_of(host_of(host)))
    run("facts", inventory, "--private-key", image.key, "--output", tmp_path / "facts")


def test_a_run_waits_for_what_another_one_began_on_the_host(host: Guest, image: Image, tmp_path: Path) -> None:
    serve_time(host)
    host.run("setsid flock /run/tenantry.lock sh -c 'sleep 30; touch /srv/ended' > /dev/null 2>&1 &")
    inventory = write(tmp_path, inventory_of(host_of(host)))
    run("prepare", inventory, "--private-key", image.key, "--role", "time")
    assert host.run("ls /srv/ended") == "/srv/ended\n"


def prepare(inventory: Path, key: Path, step: int = 0, seconds: float = 0, *, expect: int) -> str:
    """Prepare hosts, and be killed so long after a step; give what was printed."""
    command = [sys.executable, "-c", KILLED, inventory, key, str(step), str(seconds)]
    # Into a file: what SSH keeps open for the next connection outlives who began it, and a pipe would wait for that.
    with tempfile.TemporaryFile("w+") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=600, check=False)
        out.seek(0)
        said = out.read()
    assert done.returncode == expect, f"{step}, {seconds}: {done.returncode}\n{said}"
    return said.strip()


def state(host: Guest) -> list[str]:
    """Give what roles change of a host, without what is each guest's own."""
    lines = host.run(STATE + TABLES).splitlines()
    return [line for line in lines if not line.endswith(OWN) and not any(one in line for one in KEPT)]
