"""Inventories of test hosts, and the command run on them."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from guests import DATA_DISK, Guest

from tenantry.problems import Exit

ROOT_DISK = "/dev/disk/by-id/virtio-TEST0ROOT"
PASSPHRASE = "correct horse battery staple, as they say"
AS_ASKED = "1 host as asked; nothing was changed.\n"
STATE = (
    "find /etc /boot -type f -exec sha256sum {} + | sort -k 2; nft list ruleset; cut -d' ' -f1-4 /proc/mounts; "
    "stat -c '%a %n' /etc/ssh/* /etc/cron* /home/*; sysctl -a 2>/dev/null | "
    "grep -E '^(net.ipv..conf.(all|default)|net.core.bpf|dev.tty|kernel.(k|y|pe|pa|un|co|sysr)|fs.protected|vm.)'"
)
"""A shell's text for what roles change: files' hashes and rights, the firewall's rules, mounts, settings in force."""
TIME_SOURCE = "127.0.0.1:1123"
_SOURCE = (
    "local stratum 8\nport 1123\nbindaddress 127.0.0.1\nallow 127.0.0.1\n"
    "cmdport 0\nbindcmdaddress /\npidfile /run/chrony/source.pid\n"
)


def serve_time(guest: Guest) -> None:
    """Have a guest serve the time to itself, by a second chrony that keeps its hands off the clock."""
    guest.run(f"printf '{_SOURCE}' > /etc/chrony/source.conf; chronyd -x -f /etc/chrony/source.conf")


def host_of(guest: Guest, roles: tuple[str, ...] = (), **more: object) -> dict[str, Any]:
    """Describe a guest as an inventory does; by default one that is no part of a cluster, which would be made."""
    return {
        "name": guest.name,
        "roles": list(roles),
        "rack": "r01",
        "address": guest.address,
        "mac": guest.mac,
        "serial": f"TEST{guest.number}",
        "ssh": {"address": guest.at, "port": guest.port},
        "hostKey": " ".join(guest.run("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2]),
        "disks": [{"id": ROOT_DISK, "purpose": "system"}, {"id": DATA_DISK, "purpose": "data"}],
        **more,
    }


def inventory_of(*hosts: dict[str, Any], **spec: object) -> dict[str, Any]:
    """Make an inventory of hosts, with other parts of its spec where they are given."""
    whole = {
        "site": "test",
        "offline": True,
        "racks": [{"name": "r01"}],
        "management": {"account": "ops", "networks": ["10.0.2.0/24"]},
        "network": {"hosts": ["10.77.0.0/24"], "pods": ["10.128.0.0/14"], "services": ["10.96.0.0/16"]},
        "time": {"servers": [TIME_SOURCE]},
        "hosts": list(hosts),
        **spec,
    }
    return {"apiVersion": "tenantry.dev/v1", "kind": "Inventory", "metadata": {"name": "test"}, "spec": whole}


def write(folder: Path, document: dict[str, Any]) -> Path:
    """Write an inventory as a file, and the passphrase for its hosts' disks, where it names no other, beside it."""
    kept, file = folder / "passphrase", folder / "inventory.yaml"
    kept.touch(0o600)
    kept.write_text(f"{PASSPHRASE}\n")
    whole = copy.deepcopy(document)
    settings = whole["spec"].setdefault("settings", {})
    settings.setdefault("storage", {}).setdefault("storage_recovery_file", str(kept))
    file.write_text(yaml.safe_dump(whole, sort_keys=False))
    return file


def run(*words: str | Path, expect: Exit = Exit.DONE) -> subprocess.CompletedProcess[str]:
    """Run `tenantry hosts ...`, which has to exit with a code."""
    command = [sys.executable, "-m", "tenantry", "hosts", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=1800, check=False, env={**os.environ, "COLUMNS": "160"}
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def denied(file: Path) -> set[str]:
    """Give the policies that deny a host's facts."""
    command = [sys.executable, "-m", "tenantry", "check", str(file), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return {one["policy"] for one in json.loads(done.stdout)["results"] if one["verdict"] == "deny"}
