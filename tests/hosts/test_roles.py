"""All roles on a real guest: what is predicted changes, once, and holds over a boot; what shuts out goes back."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from guest_image import Image
from guests import Guest
from hosts_at_hand import AS_ASKED, STATE, denied, host_of, inventory_of, run, serve_time, write

from tenantry.problems import Exit

pytestmark = pytest.mark.hosts

ANSWERED = {
    "host-accounts",
    "host-audit",
    "host-disk-encryption",
    "host-facts-fresh",
    "host-firewall",
    "host-kernel-files",
    "host-kernel-forwarding",
    "host-kernel-memory",
    "host-kernel-modules",
    "host-kernel-network",
    "host-mounts",
    "host-ports",
    "host-sshd-crypto",
    "host-sshd-forwarding",
    "host-sshd-login",
    "host-swap",
    "host-time",
}
"""The policies that what the roles do has to satisfy."""
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4nIUAfsNQHSQn9U5Z4bMk5Qy1p2bqzC0SqfXyVb7oY"


def changes(text: str) -> list[list[str]]:
    """Give the rows of a table of changes."""
    return [line.split(maxsplit=2) for line in text.splitlines() if line.startswith("host-1 ")]


def test_what_is_predicted_changes_once_and_holds(host: Guest, image: Image, tmp_path: Path) -> None:
    serve_time(host)
    inventory, key = write(tmp_path, inventory_of(host_of(host))), ("--private-key", image.key)
    before = host.run(STATE)
    predicted = run("check", inventory, *key, expect=Exit.DENIED)
    assert host.run(STATE) == before
    first = run("prepare", inventory, *key)
    assert changes(first.stdout) == changes(predicted.stdout)
    assert {role for _, role, _ in changes(first.stdout)} == {
        "baseline",
        "storage",
        "sshd",
        "time",
        "firewall",
        "audit",
    }
    assert run("prepare", inventory, *key).stdout == AS_ASKED

    host.reboot()
    serve_time(host)
    assert run("prepare", inventory, *key).stdout == AS_ASKED
    assert "1 host as asked; nothing to change.\n" in run("check", inventory, *key, expect=Exit.DENIED).stdout
    run("facts", inventory, *key, "--output", tmp_path / "facts")
    left = denied(tmp_path / "facts" / "host-1.json")
    assert left & ANSWERED == set()
    # They were judged: with no archive and no bundle, nothing tells which updates wait.
    assert "host-patches" in left


PLANTED = {
    "sshd": {"sshd_extra": {"AuthorizedKeysFile": "/nowhere"}, "sshd_confirm_seconds": 25},
    "firewall": {"firewall_first": ["tcp dport 22 drop"], "firewall_confirm_seconds": 25},
}


@pytest.mark.parametrize("role", PLANTED)
def test_what_shuts_out_a_new_login_is_taken_back(role: str, host: Guest, image: Image, tmp_path: Path) -> None:
    key = ("--role", role, "--private-key", image.key)
    good = write(tmp_path, inventory_of(host_of(host)))
    run("prepare", good, *key)
    state = "nft --stateless list table inet tenantry; cat /etc/nftables.conf; sshd -T; cat /etc/ssh/sshd_config.d/*"
    before = host.run(state, check=False)
    bad = write(tmp_path, inventory_of(host_of(host), settings={role: PLANTED[role]}))
    failed = run("prepare", bad, *key, expect=Exit.UNREACHABLE)
    assert "so the host has taken the old ones back" in failed.stderr
    assert host.answers()
    assert host.run(state, check=False) == before
    assert run("prepare", write(tmp_path, inventory_of(host_of(host))), *key).stdout == AS_ASKED


@pytest.mark.parametrize(
    ("role", "settings", "said"),
    [
        ("sshd", {"sshd_extra": {"NoSuchKeyword": "1"}}, "Bad configuration option: NoSuchKeyword"),
        ("firewall", {"firewall_first": ["tcp dport nonsense"]}, "isn't right, and wasn't put in place"),
    ],
)
def test_what_its_own_program_refuses_is_never_put_in_place(
    role: str, settings: dict[str, object], said: str, host: Guest, image: Image, tmp_path: Path
) -> None:
    bad = write(tmp_path, inventory_of(host_of(host), settings={role: settings}))
    before = host.run(STATE)
    failed = run("prepare", bad, "--role", role, "--private-key", image.key, expect=Exit.UNREACHABLE)
    assert said in failed.stderr
    assert host.run(STATE) == before


def test_a_host_that_does_not_answer_is_told_and_nothing_changes_on_the_other(
    host: Guest, image: Image, tmp_path: Path
) -> None:
    gone = {**host_of(host), "name": "host-9", "address": "10.77.0.9", "mac": "52:54:00:00:02:09", "serial": "TEST9"}
    gone |= {"ssh": {"address": "127.0.0.1", "port": 9}}
    inventory = write(tmp_path, inventory_of(host_of(host), gone))
    before = host.run(STATE)
    failed = run("prepare", inventory, "--private-key", image.key, expect=Exit.UNREACHABLE)
    assert "TEN-722 host-9 can't be reached" in failed.stderr
    assert "1 stopped before the first change, 1 unreachable." in failed.stdout
    assert host.run(STATE) == before

    other = inventory_of(host_of(host, hostKey=OTHER_KEY))
    failed = run("prepare", write(tmp_path, other), "--private-key", image.key, expect=Exit.UNREACHABLE)
    assert "TEN-722 host-1 can't be reached" in failed.stderr
    assert host.run(STATE) == before

    inventory = write(tmp_path, inventory_of(host_of(host), gone))
    told = run("facts", inventory, "--private-key", image.key, expect=Exit.UNREACHABLE)
    first, second = (json.loads(part) for part in told.stdout.split("---\n"))
    assert first["spec"]["observations"]["sysctl"]["state"] == "observed"
    assert {one["state"] for one in second["spec"]["observations"].values()} == {"unreachable"}


KILLED = """
import sys, psutil
from pathlib import Path
from tenantry.hosts.reading import read_inventory
from tenantry.hosts.running import PREPARE, run_playbook

def kill(step):
    if step.role == "firewall" and step.changes:
        for one in [*psutil.Process().children(recursive=True), psutil.Process()]:
            one.kill()

inventory = read_inventory(Path(sys.argv[1]))
run_playbook(inventory, PREPARE, Path(sys.argv[2]), check=False, progress=kill, roles=["firewall"])
"""


def test_a_run_that_is_killed_before_it_proved_a_login_is_finished_by_the_next(
    host: Guest, image: Image, tmp_path: Path
) -> None:
    settings = {"firewall": {"firewall_confirm_seconds": 600}}
    inventory = write(tmp_path, inventory_of(host_of(host), settings=settings))
    done = subprocess.run([sys.executable, "-c", KILLED, inventory, image.key], timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    assert host.run("systemctl is-active tenantry-undo-firewall.timer") == "active\n"
    again = run("prepare", inventory, "--role", "firewall", "--private-key", image.key)
    assert "firewall waits for its confirmation" in again.stdout
    assert host.run("systemctl is-active tenantry-undo-firewall.timer", check=False) == "inactive\n"
    assert run("prepare", inventory, "--role", "firewall", "--private-key", image.key).stdout == AS_ASKED
