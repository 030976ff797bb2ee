"""What a host is reached by is taken back by a boot, too, unless somebody confirmed it."""

import os
import subprocess
import sys
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
    host.run(f"echo MaxAuthTries 3 > {FILE}; systemctl reload ssh; sync")
    guard = {"name": "sshd", "path": FILE, "apply": "systemctl reload ssh", "undo": "systemctl reload ssh"}
    run_module(host, image, tmp_path, {**guard, "content": "MaxAuthTries 5\n", "seconds": HOUR})
    assert host.run(IN_FORCE).split() == ["MaxAuthTries", "5", "maxauthtries", "5"]
    host.lose_power()
    assert host.run(IN_FORCE).split() == ["MaxAuthTries", "3", "maxauthtries", "3"]

    run_module(host, image, tmp_path, {**guard, "content": "MaxAuthTries 4\n", "seconds": HOUR})
    run_module(host, image, tmp_path, {"name": "sshd", "state": "confirmed"})
    host.run("sync")
    host.lose_power()
    assert host.run(IN_FORCE).split() == ["MaxAuthTries", "4", "maxauthtries", "4"]


def run_module(host: Guest, image: Image, folder: Path, asked: dict[str, object]) -> None:
    """Run `host_guard` by itself, as a role does."""
    inventory = read_inventory(write(folder, inventory_of(host_of(host))))
    known = folder / "known_hosts"
    known.write_text(to_known_hosts(inventory))
    hosts = folder / "hosts.json"
    hosts.write_bytes(orjson.dumps(to_ansible(inventory, image.key, known)))
    ansible = Path(sys.executable).with_name("ansible")
    command = [ansible, "all", "-i", hosts, "--become", "-m", "host_guard", "-a", orjson.dumps(asked).decode()]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(playbook_dir() / "ansible.cfg")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
