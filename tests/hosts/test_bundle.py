"""A host that lacks packages gets them from the bundle alone: as predicted, once, and after dpkg was killed."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from guest_image import Image
from guests import Guest
from hosts_at_hand import DATA_DISK, ROOT_DISK, host_of, inventory_of, run, write

from tenantry.hosts.bundle.archive import extract, write_archive
from tenantry.hosts.bundle.manifest import INDEX, Manifest, System, read_manifest, write_manifest
from tenantry.hosts.bundle.signing import sign
from tenantry.problems import Exit

pytestmark = pytest.mark.hosts

AS_ASKED = "1 host as asked; nothing was changed.\n"
# With dnsmasq-base, which needs one of them.
LACKING = "audispd-plugins auditd chrony dnsmasq-base libauparse0 libnftables1 nftables"
SETTLED = ("time", "firewall", "audit")
"""The roles that configure what lacks."""
STATE = "find /etc /usr/local/bin -type f -exec sha256sum {} + | sort; dpkg-query -W; systemctl is-enabled ssh"
# What a guest asks for the time: a copy, for the package's own one is about to go.
KEEP_CLOCK = "cp /usr/sbin/chronyd /usr/local/sbin/clock; mkdir -p /srv/clock"
SERVE_CLOCK = (
    "printf 'local stratum 8\\nport 1123\\nbindaddress 127.0.0.1\\nallow 127.0.0.1\\ncmdport 0\\nbindcmdaddress /\\n"
    "pidfile /run/clock.pid\\n' > /srv/clock/conf; /usr/local/sbin/clock -x -u root -f /srv/clock/conf"
)
# Its conflicts are those of whatever sets the clock.
CLOCKD = "Package: clockd\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\nProvides: time-daemon\n"


@dataclasses.dataclass(frozen=True)
class Made:
    """A bundle of the inventory of a host for etcd, and the key that signed it."""

    file: Path
    key: Path

    @property
    def signers(self) -> dict[str, list[str]]:
        return {"signers": [" ".join(self.key.with_suffix(".pub").read_text().split()[:2])]}


def make(inventory: Path, output: Path, key: Path) -> str:
    """Run `tenantry hosts bundle`."""
    return run("bundle", inventory, "--output", output, "--signing-key", key).stdout


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make the bundle once: of Debian's packages, as its archive has them today."""
    folder = tmp_path_factory.mktemp("bundle")
    bundle = Made(folder / "site.bundle", folder / "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", bundle.key], check=True)
    host = {
        "name": "host-1",
        "roles": ["etcd"],
        "rack": "r01",
        "address": "10.77.0.1",
        "mac": "52:54:00:00:02:01",
        "serial": "TEST1",
        "disks": [{"id": ROOT_DISK, "purpose": "system"}, {"id": DATA_DISK, "purpose": "data"}],
    }
    inventory = write(folder, inventory_of(host, bundle=bundle.signers))
    assert f"{bundle.file} is written: " in make(inventory, bundle.file, bundle.key)
    before = bundle.file.read_bytes()
    assert "nothing was written" in make(inventory, bundle.file, bundle.key)
    make(inventory, folder / "again.bundle", bundle.key)
    assert (folder / "again.bundle").read_bytes() == before
    return bundle


def variant(made: Made, folder: Path, change: Callable[[Path, Manifest], Manifest]) -> Path:
    """Make another bundle of one, signed as well."""
    shutil.rmtree(folder / "parts", ignore_errors=True)
    (folder / "parts").mkdir()
    manifest = change(folder / "parts", extract(made.file, made.signers["signers"], folder / "parts").manifest)
    text = write_manifest(manifest)
    files = [(one, folder / "parts" / one.path) for one in manifest.spec.artefacts]
    write_archive(folder / "variant.bundle", text, sign(text, made.key), files)
    assert read_manifest(text, "") == manifest
    return folder / "variant.bundle"


def rows(text: str) -> list[list[str]]:
    """Give the rows of a table of changes, of what lacks and the roles that configure it."""
    found = [line.rstrip().split(maxsplit=2) for line in text.splitlines() if line.startswith("host-1 ")]
    return [row for row in found if row[1] in ("packages", *SETTLED)]


def inventory_for(host: Guest, made: Made, folder: Path, **spec: object) -> Path:
    return write(folder, inventory_of(host_of(host, roles=("etcd",)), bundle=made.signers, **spec))


def test_what_a_host_lacks_comes_from_the_bundle_as_predicted(
    host: Guest, image: Image, made: Made, tmp_path: Path
) -> None:
    host.run(f"{KEEP_CLOCK}; dpkg --purge {LACKING}; {SERVE_CLOCK}", seconds=600)
    inventory, key = inventory_for(host, made, tmp_path), ("--private-key", image.key)
    bundle = ("--bundle", made.file)
    prepare = ("prepare", inventory, *(word for role in SETTLED for word in ("--role", role)), *key)
    before = host.run(STATE)
    refused = run(*prepare, expect=Exit.INPUT)
    assert "preflight refuses package chrony: the package isn't installed" in refused.stderr
    predicted = run("check", inventory, *key, *bundle, expect=Exit.DENIED)
    assert host.run(STATE) == before
    first = run(*prepare, *bundle)
    assert rows(first.stdout) == rows(predicted.stdout)
    said = [row[2] for row in rows(first.stdout) if row[1] == "packages"]
    assert [one for one in said if one.startswith("index of security updates ")]
    assert [one for one in said if one.startswith("package chrony ") and one.endswith(" is missing")]
    # What a host has isn't copied, nor changed.
    assert not [one for one in said if "libc6" in one]
    assert host.run("systemctl is-active chrony auditd nftables") == 3 * "active\n"
    assert host.run("ls /var/cache") == host.run("ls /var/cache | grep -v tenantry")
    assert run(*prepare, *bundle).stdout == AS_ASKED
    run("facts", inventory, *key, "--output", tmp_path / "facts")
    known = json.loads((tmp_path / "facts" / "host-1.json").read_text())["spec"]["observations"]["packages"]
    assert datetime.now(UTC) - datetime.fromisoformat(known["value"]["indexed"]) < timedelta(days=8), known

    host.reboot()
    host.run(SERVE_CLOCK)
    assert run(*prepare, *bundle).stdout == AS_ASKED
    assert run(*prepare).stdout == AS_ASKED


def of_system(version: str, processor: str) -> Callable[[Path, Manifest], Manifest]:
    """Give a change of what a bundle is for."""

    def change(_: Path, manifest: Manifest) -> Manifest:
        spec = dataclasses.replace(manifest.spec, system=System("debian", version, processor))
        return dataclasses.replace(manifest, spec=spec)

    return change


def without_library(folder: Path, manifest: Manifest) -> Manifest:
    """Take what nftables depends on out of a bundle's index."""
    import hashlib

    index = folder / INDEX
    parts = index.read_text().split("\n\n")
    text = "\n\n".join(part for part in parts if "Package: libnftables1" not in part).encode()
    index.write_bytes(text)
    artefacts = tuple(
        dataclasses.replace(one, size=len(text), sha256=hashlib.sha256(text).hexdigest()) if one.path == INDEX else one
        for one in manifest.spec.artefacts
    )
    return dataclasses.replace(manifest, spec=dataclasses.replace(manifest.spec, artefacts=artefacts))


def test_a_bundle_that_does_not_fit_is_refused_before_any_change(
    host: Guest, image: Image, made: Made, tmp_path: Path
) -> None:
    host.run(
        f"dpkg --purge {LACKING}; mkdir -p /srv/clockd/DEBIAN; printf '{CLOCKD}' > /srv/clockd/DEBIAN/control; "
        "dpkg-deb --build /srv/clockd /srv/clockd.deb; dpkg --install /srv/clockd.deb"
    )
    inventory, key = inventory_for(host, made, tmp_path), ("--private-key", image.key)
    before = host.run(STATE)

    def refused(bundle: Path) -> str:
        failed = run("prepare", inventory, *key, "--bundle", bundle, expect=Exit.INPUT)
        assert host.run(STATE) == before
        return " ".join(failed.stderr.split())

    # One that sets the clock, and isn't among those that may go.
    assert "TEN-723 host-1: packages refuses package clockd: the bundle's packages would remove it" in refused(
        made.file
    )
    newer = refused(variant(made, tmp_path, of_system("13", "amd64")))
    assert "TEN-723 host-1: packages refuses bundle debian 13: the host is debian 12" in newer
    other = refused(variant(made, tmp_path, of_system("12", "arm64")))
    assert "packages refuses bundle arm64: the host is amd64" in other
    broken = refused(variant(made, tmp_path, without_library))
    assert "the bundle's packages don't fit what is installed: nftables : Depends: libnftables1" in broken
    tampered = tmp_path / "tampered.bundle"
    content = bytearray(made.file.read_bytes())
    content[len(content) // 2] ^= 1
    tampered.write_bytes(content)
    assert "TEN-783 the file isn't a bundle as it was made: " in refused(tampered)


# With a bracket, for the shell that asks has the pattern in its own words.
KILLS = {
    "while it unpacks": "until pgrep -f '[d]pkg .*--unpack' > /dev/null; do sleep 0.1; done",
    "while it configures": "until pgrep -f '[d]pkg .*--configure' > /dev/null; do sleep 0.1; done",
}


def test_what_a_killed_dpkg_left_is_finished_by_the_next_run(
    host: Guest, image: Image, made: Made, tmp_path: Path
) -> None:
    inventory = inventory_for(host, made, tmp_path)
    words: tuple[Any, ...] = ("prepare", inventory, "--role", "firewall", "--bundle", made.file)
    words = (*words, "--private-key", image.key)
    host.run(f"dpkg --purge {LACKING}", seconds=600)
    run(*words)
    wanted = host.run(STATE)
    for when in KILLS.values():
        # Without its program a service can't be stopped any more; each package's scripts take seconds in a guest.
        host.run(f"systemctl disable --now nftables; nft flush ruleset; dpkg --purge {LACKING}", seconds=600)
        command = [sys.executable, "-m", "tenantry", "hosts", *map(str, words)]
        environment = {**os.environ, "COLUMNS": "160"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
            host.run(f"{when}; pkill -KILL -x 'dpkg|apt-get'", seconds=300)
            said = b"".join(running.communicate(timeout=300)).decode()
        assert running.returncode == Exit.UNREACHABLE, said
        assert "TEN-724 host-1: packages failed at" in said
        again = run(*words)
        assert [row for row in rows(again.stdout) if row[1] == "packages"]
        assert host.run(STATE) == wanted
        assert host.run("dpkg --audit; ls /var/lib/dpkg/updates") == ""
        assert run(*words).stdout == AS_ASKED
