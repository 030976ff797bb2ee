"""Disks of a real guest: encrypted, mounted, back after a boot; what is anybody's is refused; a kill costs nothing."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from guest_image import Image
from guests import DATA_DISK, Guest
from hosts_at_hand import AS_ASKED, PASSPHRASE, ROOT_DISK, denied, host_of, inventory_of, run, write

from tenantry.hosts.reading import read_inventory
from tenantry.hosts.running import PREPARE, run_playbook
from tenantry.problems import Exit

pytestmark = pytest.mark.hosts

DATA = "/var/lib/tenantry/data"
SERIAL = "TEST0DATA"
STATE = (
    "find /etc -type f -exec sha256sum {} + | sort; cut -d' ' -f1-4 /proc/mounts; wipefs /dev/vda /dev/vdb; "
    "head -c 1048576 /dev/vdb | sha256sum; lsblk --output NAME,TYPE,FSTYPE; ls /dev/mapper"
)
# Encoded, for sudo logs what it runs. What it prints is where a secret was found, and then what has them.
SECRETS = f"""
passphrase=$(echo {base64.b64encode(PASSPHRASE.encode()).decode()} | base64 -d)
places="/etc /home /root /run /srv /tmp /usr/local /var"
grep -rlsF "$passphrase" $places
grep -rlsFf /etc/cryptsetup-keys.d/*.key --exclude-dir=cryptsetup-keys.d $places
journalctl --no-pager | grep -F "$passphrase"
journalctl --no-pager | grep -Ff /etc/cryptsetup-keys.d/*.key
stat --format '%a %U' /etc/cryptsetup-keys.d /etc/cryptsetup-keys.d/*.key
"""
KEPT = "700 root\n400 root\n"
FORGET = f"""
umount {DATA}; vgchange --quiet --quiet -an tenantry_data; cryptsetup close luks-*; rm -r /etc/cryptsetup-keys.d
sed -i /luks-/d /etc/crypttab; sed -i /tenantry/d /etc/fstab; systemctl daemon-reload
"""


def changes(text: str) -> list[str]:
    """Give what a table of changes says of the role."""
    rows = [line.split(maxsplit=2) for line in text.splitlines() if line.startswith("host-1 ")]
    return [row[2].rstrip() for row in rows if row[1] == "storage"]


def predict(inventory: Path, image: Image) -> list[str]:
    """Give what the role would change."""
    (one,) = run_playbook(
        read_inventory(inventory), PREPARE, image.key, check=True, progress=lambda _: None, roles=["storage"]
    )
    assert one.problems == []
    return list(one.changes["storage"])


def inventory(folder: Path, guest: Guest, *disks: dict[str, str], **storage: object) -> Path:
    """Write an inventory of a guest with other disks than the usual ones, and with settings of the role."""
    named = [{"id": ROOT_DISK, "purpose": "system"}, *(disks or [{"id": DATA_DISK, "purpose": "data"}])]
    return write(folder, inventory_of(host_of(guest, disks=named), settings={"storage": storage}))


def told(refused: Any) -> str:  # noqa: ANN401
    return " ".join(refused.stderr.split())


def test_a_disk_becomes_an_encrypted_volume_once_and_is_back_after_a_boot(
    host: Guest, image: Image, tmp_path: Path
) -> None:
    key = ("--private-key", image.key)
    half = inventory(tmp_path, host, storage_percent=50)
    before = host.run(STATE)
    predicted = predict(half, image)
    assert host.run(STATE) == before
    first = run("prepare", half, "--role", "storage", *key)
    assert changes(first.stdout) == predicted != []
    assert run("prepare", half, "--role", "storage", *key).stdout == AS_ASKED
    assert PASSPHRASE not in first.stdout + first.stderr
    assert host.run(SECRETS) == KEPT
    assert "nosuid,nodev" in host.run(f"findmnt --noheadings --types xfs --output OPTIONS {DATA}")
    host.run(f"printf '{PASSPHRASE}' | cryptsetup open --test-passphrase --key-slot 1 --key-file - /dev/vdb")
    host.run(f"echo kept > {DATA}/kept; sync")

    host.reboot()
    assert host.run(f"cat {DATA}/kept") == "kept\n"
    assert run("prepare", half, "--role", "storage", *key).stdout == AS_ASKED
    run("facts", half, *key, "--output", tmp_path / "facts")
    facts = tmp_path / "facts" / "host-1.json"
    assert "host-disk-encryption" not in denied(facts)
    mounts = json.loads(facts.read_text())["spec"]["observations"]["mounts"]["value"]
    assert [one["encrypted"] for one in mounts if one["path"] == DATA] == [True]

    space = f"df --output=size --block-size=1M {DATA} | tail -1"
    small = int(host.run(space))
    grown = run("prepare", inventory(tmp_path, host), "--role", "storage", *key)
    assert changes(grown.stdout) == ["volume tenantry_data/volume is smaller than asked"]
    assert int(host.run(space)) > small + 400
    assert run("prepare", inventory(tmp_path, host), "--role", "storage", *key).stdout == AS_ASKED
    before = host.run(STATE)
    half = inventory(tmp_path, host, storage_percent=50)
    refused = run("prepare", half, "--role", "storage", *key, expect=Exit.INPUT)
    assert "TEN-723 host-1: preflight refuses volume tenantry_data" in told(refused)
    assert "more than storage_percent, and never shrinks" in told(refused)
    assert host.run(STATE) == before


def test_what_is_anybodys_is_refused_and_only_its_own_number_lets_it_be_wiped(
    host: Guest, image: Image, tmp_path: Path
) -> None:
    key = ("--private-key", image.key)
    host.run("mkfs.ext4 -q /dev/vdb && mount /dev/vdb /mnt && echo theirs > /mnt/theirs && umount /mnt && sync")

    def refuse(said: str, *disks: dict[str, str], state: str = STATE, **storage: object) -> None:
        before = host.run(state)
        refused = run("prepare", inventory(tmp_path, host, *disks, **storage), *key, expect=Exit.INPUT)
        assert "TEN-723 host-1: preflight refuses" in told(refused)
        assert said in told(refused)
        assert host.run(state) == before

    wiped = {"id": DATA_DISK, "purpose": "data", "wipe": SERIAL}
    refuse(f"it holds ext4. Fix: if that may be destroyed, add wipe: {SERIAL}", {"id": DATA_DISK, "purpose": "data"})
    refuse("its wipe in the inventory is TEST9DATA, and the disk there says TEST0DATA", {**wiped, "wipe": "TEST9DATA"})
    refuse("no passphrase is given that would open it", wiped, storage_recovery_file="")
    host.run("mount /dev/vdb /mnt")
    # A file system that is mounted writes to its disk by itself.
    refuse("it is mounted at /mnt", wiped, state="cat /mnt/theirs /proc/mounts; wipefs /dev/vdb")
    host.run("umount /mnt")
    root = inventory_of(
        host_of(host, disks=[{"id": DATA_DISK, "purpose": "system"}, {"id": ROOT_DISK, "purpose": "data"}])
    )
    before = host.run(STATE)
    refused = run("prepare", write(tmp_path, root), *key, expect=Exit.INPUT)
    assert f"disk {ROOT_DISK}: the system is on it" in told(refused)
    assert host.run(STATE) == before

    asked = inventory(tmp_path, host, wiped)
    first = run("prepare", asked, "--role", "storage", *key)
    assert "disk virtio-TEST0DATA holds ext4, which may be wiped" in first.stdout
    host.run(f"echo ours > {DATA}/ours; sync")
    assert run("prepare", asked, "--role", "storage", *key).stdout == AS_ASKED
    refuse("it is tenantry's, for data, and readable", {**wiped, "purpose": "etcd"})

    # As after its system was installed anew: the wipe is still in the inventory, and the passphrase opens the disk.
    host.run(FORGET)
    (tmp_path / "other").write_text("a passphrase that opens nothing")
    (tmp_path / "other").chmod(0o600)
    other = {"storage_recovery_file": str(tmp_path / "other")}
    refuse(
        "which neither this host's key nor the passphrase opens",
        {"id": DATA_DISK, "purpose": "data"},
        **other,
    )
    asked = inventory(tmp_path, host, wiped)
    again = run("prepare", asked, "--role", "storage", *key)
    assert "disk virtio-TEST0DATA isn't opened by a key of this host" in again.stdout
    assert host.run(f"cat {DATA}/ours") == "ours\n"
    assert run("prepare", asked, "--role", "storage", *key).stdout == AS_ASKED


KILLER = r"""
move() {
    mv "/usr/sbin/$1" "/usr/sbin/$1.real" 2>/dev/null || mv "/usr/bin/$1" "/usr/sbin/$1.real"
    cat > "/usr/sbin/$1" <<'END'
#!/bin/sh
# Kills who called it: first in the middle of what it does, where that can be, then at its end; each once.
name=$(basename "$0"); word="$name $1"
case $name in vg*|lv*) set -- /usr/sbin/lvm "$name" "$@" ;; *) set -- "/usr/sbin/$name.real" "$@" ;; esac
case "$*" in *--test-passphrase*|*luksDump*) exec "$@" ;; esac
once() { ! grep -qsxF "$1" /srv/killed && echo "$1" >> /srv/killed; }
if [ "$word" = "cryptsetup luksFormat" ] && once "half $word"; then
    dd if=/dev/urandom of=/dev/vdb bs=64k count=4 conv=fsync 2>/dev/null; kill -9 $PPID; exit 1
fi
"$@"; code=$?
if [ "$name" = mkfs.xfs ] && once "half $word"; then
    printf '\001' | dd of=/dev/tenantry_data/volume bs=1 seek=126 conv=notrunc,fsync 2>/dev/null; kill -9 $PPID; exit 1
fi
if once "$word"; then kill -9 $PPID; fi
exit $code
END
    chmod +x "/usr/sbin/$1"
}
for tool in cryptsetup vgcreate lvcreate mkfs.xfs mount; do move $tool; done
"""
KILLED = [
    "half cryptsetup luksFormat",
    "cryptsetup luksFormat",
    "cryptsetup luksAddKey",
    "cryptsetup open",
    "vgcreate --yes",
    "lvcreate --yes",
    "half mkfs.xfs -q",
    "mkfs.xfs -q",
    f"mount {DATA}",
    "cryptsetup token",
]


def test_a_run_that_is_killed_at_any_step_is_finished_by_the_next(host: Guest, image: Image, tmp_path: Path) -> None:
    key = ("--role", "storage", "--private-key", image.key)
    asked = inventory(tmp_path, host)
    host.run(KILLER)
    for number, step in enumerate(KILLED):
        run("prepare", asked, *key, expect=Exit.UNREACHABLE)
        assert host.run("cat /srv/killed").splitlines() == KILLED[: number + 1], step
    # The last kill came after all was done, but for the look that says so.
    assert run("prepare", asked, *key).stdout == AS_ASKED
    assert (
        host.run("ls /etc/cryptsetup-keys.d | wc -l; grep -c luks- /etc/crypttab; grep -c xfs /etc/fstab")
        == "1\n1\n1\n"
    )
    assert host.run("cryptsetup luksDump /dev/vdb | grep -cE '^  [01]: luks2$|^  0: tenantry$'") == "3\n"
    assert host.run(SECRETS) == KEPT


EXTRA = """
for name in one two; do
    truncate -s 600M /srv/$name
    loop=$(losetup --find --show /srv/$name)
    dmsetup create $name --table "0 $(blockdev --getsz $loop) linear $loop 0"
done
udevadm settle
"""


def test_each_purpose_has_its_volume_which_takes_a_disk_more_and_none_less(
    host: Guest, image: Image, tmp_path: Path
) -> None:
    key = ("--role", "storage", "--private-key", image.key)
    host.run(EXTRA)
    first = [{"id": DATA_DISK, "purpose": "data"}, {"id": "/dev/disk/by-id/dm-name-one", "purpose": "etcd"}]
    run("prepare", inventory(tmp_path, host, *first), *key)
    assert host.run("findmnt --noheadings --types xfs --output TARGET").split() == ["/var/lib/etcd", DATA]
    assert "noexec" in host.run("findmnt --noheadings --output OPTIONS /var/lib/etcd")
    # What it isn't mounted on takes no files.
    host.run("umount /var/lib/etcd && ! touch /var/lib/etcd/file && mount /var/lib/etcd")

    space = f"df --output=size --block-size=1M {DATA} | tail -1"
    small = int(host.run(space))
    more = inventory(tmp_path, host, *first, {"id": "/dev/disk/by-id/dm-name-two", "purpose": "data"})
    predicted = predict(more, image)
    grown = run("prepare", more, *key)
    assert changes(grown.stdout) == predicted != []
    assert int(host.run(space)) > small + 500
    assert run("prepare", more, *key).stdout == AS_ASKED
    before = host.run(STATE)
    refused = run("prepare", inventory(tmp_path, host, *first), *key, expect=Exit.INPUT)
    assert "a disk of it isn't named for data" in told(refused)
    assert host.run(STATE) == before
