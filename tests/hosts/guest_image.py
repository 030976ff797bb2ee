"""The image that test hosts boot: Debian 12 from its own packages, kept in the user's cache by a hash of its recipe."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tenantry.paths import cache_dir

# Debian has tools for file systems where an account's PATH doesn't lead.
_SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
TOOLS = ("qemu-system-x86_64", "qemu-img", "mmdebstrap", "genext2fs", "e2fsck", "resize2fs", "tune2fs", "ssh-keygen")
"""What a build and a boot call; `make test` installs them from Debian's packages."""

# What a fresh installation of a host has, and what the roles' packages are: a guest has no way to fetch any.
PACKAGES = (
    "linux-image-amd64 initramfs-tools systemd-sysv udev kmod dbus openssh-server python3 sudo iproute2 "
    "procps util-linux nftables chrony auditd audispd-plugins apparmor cryptsetup-bin lvm2 xfsprogs e2fsprogs "
    "ca-certificates curl lynis dnsmasq-base ipxe debian-installer-12-netboot-amd64 openssl containerd runc "
    "containernetworking-plugins busybox-static libpam-pwquality"
).split()
_LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/lib/debian-installer/images/*/gtk/*",
)
_NETWORK = "[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
# Nothing here may call out, and nothing is to run beside a test.
_MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer lynis.timer "
    "systemd-networkd-wait-online.service"
).split()
_SETUP = """set -eu
chroot "$1" useradd --create-home --shell /bin/bash --password '*' ops
install -d -m 700 "$1/home/ops/.ssh"
printf '%s\\n' "$KEY" > "$1/home/ops/.ssh/authorized_keys"
chroot "$1" chown -R ops:ops /home/ops/.ssh
echo 'ops ALL=(ALL) NOPASSWD: ALL' > "$1/etc/sudoers.d/ops"
echo guest > "$1/etc/hostname"
printf '127.0.0.1 localhost\\n127.0.1.1 guest\\n' > "$1/etc/hosts"
echo '/dev/vda / ext4 defaults 0 1' > "$1/etc/fstab"
printf '%s' "$NETWORK" > "$1/etc/systemd/network/10-test.network"
chroot "$1" systemctl -q enable systemd-networkd
chroot "$1" systemctl -q mask $MASKED
chroot "$1" passwd -q -l root
"""
_DISK_BYTES = 4 << 30
_KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Image:
    """What a guest boots, and the key of its account `ops`."""

    kernel: Path
    initrd: Path
    disk: Path
    key: Path


def missing_tools() -> list[str]:
    """Name what this machine lacks to build and boot the image."""
    return [tool for tool in TOOLS if shutil.which(tool, path=_SEARCHED) is None]


def ensure_image() -> Image:
    """Give the image, built first where this recipe's isn't there: two minutes, and 350 MB of packages."""
    folder = cache_dir() / "test-hosts" / recipe()
    folder.mkdir(parents=True, exist_ok=True)
    image = Image(folder / "vmlinuz", folder / "initrd", folder / "root.qcow2", folder / "key")
    with FileLock(folder / "lock"):
        if not image.disk.exists():
            _forget_old(folder.parent)
            _build(image, folder)
        # By this time others see that it is in use.
        folder.touch()
    return image


def _forget_old(parent: Path) -> None:
    """Remove images of recipes that nobody has booted for a week: each takes 2 GB."""
    for other in parent.iterdir():
        if time.time() - other.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def recipe() -> str:
    """Give the name of what this file builds: a change of it builds anew."""
    source = importlib.util.find_spec(__name__)
    assert source is not None
    assert source.origin is not None
    return hashlib.sha256(Path(source.origin).read_bytes()).hexdigest()[:16]


def _build(image: Image, folder: Path) -> None:
    raw = folder / "root.img"
    raw.unlink(missing_ok=True)
    if not image.key.exists():
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tenantry-test", "-f", str(image.key))
    key = image.key.with_suffix(".pub").read_text().strip()
    # In its environment: a hook's text is a shell's, and no key is to be quoted in it.
    hooks = {"KEY": key, "NETWORK": _NETWORK, "MASKED": " ".join(_MASKED), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    _run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--format=ext2",
        '--aptopt=Acquire::Retries "3"',
        *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT),
        f"--include={','.join(PACKAGES)}",
        f"--customize-hook={_SETUP}",
        f"--customize-hook=download /vmlinuz {image.kernel}",
        f"--customize-hook=download /initrd.img {image.initrd}",
        "bookworm",
        str(raw),
        env=hooks,
    )
    _to_ext4(raw)
    partial = image.disk.with_suffix(".partial")
    _run("qemu-img", "convert", "-O", "qcow2", str(raw), str(partial))
    raw.unlink()
    partial.rename(image.disk)


def _to_ext4(raw: Path) -> None:
    """Make of what mmdebstrap writes without root, ext2 as small as can be, the file system that hosts have."""
    with raw.open("r+b") as disk:
        disk.truncate(_DISK_BYTES)
    _run("tune2fs", "-j", "-O", "extents,uninit_bg,dir_index,filetype", str(raw))
    # It says 1 when it mended something, as it does with what tune2fs just announced.
    _run("e2fsck", "-fyD", str(raw), most=1)
    _run("resize2fs", str(raw))


def _run(*command: str, env: dict[str, str] | None = None, most: int = 0) -> None:
    around = {**(env if env is not None else os.environ), "PATH": _SEARCHED}
    found = shutil.which(command[0], path=_SEARCHED) or command[0]
    done = subprocess.run([found, *command[1:]], env=around, capture_output=True, text=True, check=False)
    assert done.returncode <= most, f"{command[0]} failed:\n{done.stdout}{done.stderr}"
