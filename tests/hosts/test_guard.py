"""What a host is reached by is taken back by a boot, too, unless somebody confirmed it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from guest_image import Image
from guests import Guest
from hosts_at_hand import host_of, inventory_of, write

from tenantry.data import playbook_dir
from tenantry.hosts.reading import read_inventory
from tenantry.hosts.variables import to_ansible, to_known_hosts

pytestmark = pytest.mark.hosts

FILE = "/etc/ssh/sshd_config.d/50-own.conf"
IN_FORCE = f"cat {FILE}; sshd -T | grep -i maxauthtries"
HOUR = 3600


def test_a_power_failure_takes_back_what_nobody_confirmed(host: Guest, image: Image, tmp_path: Path) -> None:
    inventory = write(tmp_path, inventory_of(host_of(host)))
    host.run(f"echo MaxAuthTries 3 > {FILE}; systemctl reload ssh; sync")
    guard = {"name": "sshd", "path": FILE, "apply": "systemctl reload ssh", "undo": "systemctl reload ssh"}
    run_module(inventory, image, {**guard, "content": "MaxAuthTries 5\n", "seconds": HOUR})
    assert in_force(host) == ["MaxAuthTries", "5", "maxauthtries", "5"]
    host.lose_power()
    assert in_force(host) == ["MaxAuthTries", "3", "maxauthtries", "3"]

    run_module(inventory, image, {**guard, "content": "MaxAuthTries 4\n", "seconds": HOUR})
    run_module(inventory, image, {"name": "sshd", "state": "confirmed"})
    in_force(host)
    host.run("sync")
    host.lose_power()
    assert in_force(host) == ["MaxAuthTries", "4", "maxauthtries", "4"]


def in_force(host: Guest) -> list[str]:
    """Give what sshd's file says, and what is in force; while sshd starts anew, it takes no connection for a moment."""
    while not host.answers():
        time.sleep(1)
    return host.run(IN_FORCE).split()


def run_module(file: Path, image: Image, asked: dict[str, object]) -> None:
    """Run `host_guard` by itself, as a role does."""
    inventory = read_inventory(file)
    known = file.with_name("known_hosts")
    known.write_text(to_known_hosts(inventory))
    hosts = file.with_name("hosts.json")
    hosts.write_bytes(orjson.dumps(to_ansible(inventory, image.key, known)))
    ansible = Path(sys.executable).with_name("ansible")
    command = [ansible, "all", "-i", hosts, "--become", "-m", "host_guard", "-a", orjson.dumps(asked).decode()]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(playbook_dir() / "ansible.cfg")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
