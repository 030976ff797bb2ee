"""A host installs another one over the network: the one that is listed, and no other."""

import time
from pathlib import Path
from typing import Any

import pytest
from controllers import controller
from guest_image import Image
from guests import Guest, free_port, guest
from hosts_at_hand import AS_ASKED, ROOT_DISK, host_of, inventory_of, run, write
from machines import machine, notified

from tenantry.problems import Exit

pytestmark = pytest.mark.hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4nIUAfsNQHSQn9U5Z4bMk5Qy1p2bqzC0SqfXyVb7oY"
LISTED, UNKNOWN = "52:54:00:00:00:02", "52:54:00:00:00:09"
ROLES = ("--role", "firewall", "--role", "provision")
CONFIGURATION = "/etc/tenantry-provision/dnsmasq.conf"
SECONDS = 900


def described(host: Guest, interface: str = "eth1", install: tuple[str, ...] = ("host-2",), **more: object) -> Any:  # noqa: ANN401
    """Make an inventory of a host that installs, and of a machine without a system."""
    bare = {
        "name": "host-2",
        "roles": ["object-store"],
        "rack": "r01",
        "address": "10.77.0.2",
        "mac": LISTED,
        "serial": "CZJ2",
        # On loopback, where nothing listens: some networks answer for everybody.
        "ssh": {"address": "127.0.0.1", "port": 1},
        "disks": [
            {"id": "/dev/disk/by-id/virtio-BARE0ROOT", "purpose": "system"},
            {"id": "/dev/disk/by-id/virtio-BARE0DATA", "purpose": "data"},
        ],
        **more,
    }
    provision = {
        "server": "host-1",
        "install": list(install),
        "mirror": "http://10.77.0.1/debian",
        "keys": [KEY],
        "nameservers": ["10.77.0.1"],
        "ranges": [{"interface": interface, "block": "10.77.0.0/24"}],
    }
    settings = {"provision": {"provision_arguments": ["console=ttyS0"]}}
    server = host_of(host, disks=[{"id": ROOT_DISK, "purpose": "system"}])
    return inventory_of(server, bare, provision=provision, settings=settings)


def journal(host: Guest) -> list[str]:
    # Of the guest's former id, too: journald keeps the one that it started with.
    return host.run("journalctl --merge --unit tenantry-provision --output cat --no-pager").splitlines()


def await_line(host: Guest, *parts: str, console: Any) -> None:  # noqa: ANN401
    """Wait until the server says something."""
    deadline = time.monotonic() + SECONDS
    said = journal(host)
    while not any(all(part in line for part in parts) for line in said):
        assert time.monotonic() < deadline, "\n".join([*said[-60:], console()[-3000:]])
        time.sleep(3)
        said = journal(host)


def rows(text: str) -> list[list[str]]:
    """Give the changes of the role in a table of them."""
    return [line.split() for line in text.splitlines() if line.startswith("host-1  provision ")]


def test_the_listed_machine_starts_its_installer_and_an_unknown_one_gets_nothing(image: Image, tmp_path: Path) -> None:
    network, key = free_port(), ("--private-key", image.key)
    (tmp_path / "bmc").mkdir()
    with (
        guest(image, tmp_path, number=1, network=network) as host,
        machine(tmp_path / "listed", LISTED, network) as listed,
        machine(tmp_path / "unknown", UNKNOWN, network, 64) as unknown,
        notified({"host-2": listed}.get) as told,
        controller(tmp_path / "bmc", delay=1, notify=told.url) as by,
    ):
        wrong = write(tmp_path, described(host, "eth7"))
        refused = run("prepare", wrong, "--limit", "host-1", *ROLES, *key, expect=Exit.INPUT)
        assert "preflight refuses port eth7: there is no such port, but eth0, eth1, lo" in refused.stderr

        bmc = {"address": "127.0.0.1", "port": by.port, "fingerprint": by.fingerprint}
        file = write(tmp_path, described(host, bmc=bmc))
        only = ("prepare", file, "--limit", "host-1", *ROLES, *key)
        predicted = run("check", file, "--limit", "host-1", *key, expect=Exit.DENIED)
        assert rows(run(*only).stdout) == rows(predicted.stdout) != []
        assert run(*only).stdout == AS_ASKED
        assert host.run(f"dnsmasq --test --conf-file={CONFIGURATION} 2>&1") == "dnsmasq: syntax check OK.\n"

        unknown.on()
        power = ("bmc", file, "--limit", "host-2", "--credentials", by.credentials)
        run(*power, "--boot", "pxe", "--power", "on")
        assert told.told[-1]["booted_from"] == "Pxe"
        assert listed.runs
        await_line(host, "sent /srv/site/boot.ipxe to 10.77.0.2", console=listed.console)
        # By the installer, which has the address, and this is the first thing that it asks for.
        await_line(host, "sent /srv/site/preseed.cfg to 10.77.0.2", console=listed.console)
        await_line(host, "DHCPDISCOVER", UNKNOWN, console=unknown.console)
        said = journal(host)
        assert {line.split()[-1] for line in said if "sent /srv" in line} == {"10.77.0.2"}
        assert not [line for line in said if UNKNOWN in line and ("DHCPOFFER" in line or "DHCPACK" in line)]
        run(*power, "--power", "off", "--force", "host-2")
        assert not listed.runs

        host.reboot()
        assert run(*only).stdout == AS_ASKED
        write(tmp_path, described(host, install=(), bmc=bmc))
        assert "1 changed" in run(*only).stdout
        assert LISTED not in host.run(f"cat {CONFIGURATION} /etc/tenantry-provision/served/*")
        assert run(*only).stdout == AS_ASKED
