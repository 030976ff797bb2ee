"""Test hosts that share this machine's kernel: containers of systemd-nspawn with their own boot, disk and network.

They run at native speed, which etcd and a control plane want. What is of the kernel (modules, audit, LUKS) they can't
try. Each has its root on a loop device, so that roles find a disk, and an address on a bridge with no way out.
"""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import guest_image
from filelock import FileLock
from guest_image import PACKAGES
from guests import Guest, GuestError, mac_of, tap_of

from tenantry.paths import cache_dir

TOOLS = ("systemd-nspawn", "mmdebstrap", "losetup", "mkfs.ext4", "ip", "ssh-keygen", "setpriv", "unshare")
"""What this machine needs for them, besides root."""
_OF_A_KERNEL = {"linux-image-amd64", "initramfs-tools"}
_MORE = ["haproxy", "keepalived"]
_DISK_BYTES = 3 << 30
_BOOT_SECONDS = 90
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# Ends with us, however we end, and all that runs in it with it: its first process wouldn't always go with nspawn.
_PRELUDE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@dataclass
class Container(Guest):
    """A container that runs, or whose power was cut."""

    network: int = 0
    command: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Give its address on its bridge."""
        return f"10.77.{self.network}.{self.number}"

    def cut(self) -> None:
        """Take its power away: nothing in it is told."""
        self.stop()

    def boot(self) -> None:
        """Give it power again, and wait for its SSH."""
        self.process = _start(self.command, self.folder)
        _wait(self)


def missing_tools() -> list[str]:
    """Name what this machine lacks to run them."""
    lacking = [tool for tool in TOOLS if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    return [*lacking, *(["root"] if os.geteuid() else [])]


def ensure_disk() -> Path:
    """Give the disk that containers start from, built first where this recipe's isn't there: a minute."""
    recipe = hashlib.sha256(f"{guest_image.recipe()} {_MORE} {_DISK_BYTES}".encode()).hexdigest()[:16]
    folder = cache_dir() / "test-hosts" / f"containers-{recipe}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "root.img").exists():
            guest_image._forget_old(folder.parent)
            _build(folder)
        folder.touch()
    return folder / "root.img"


def _build(folder: Path) -> None:
    tree, partial = folder / "tree", folder / "root.partial"
    shutil.rmtree(tree, ignore_errors=True)
    packages = [name for name in PACKAGES if name not in _OF_A_KERNEL]
    if not (folder / "key").exists():
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tenantry-test", "-f", str(folder / "key"))
    key = (folder / "key.pub").read_text().strip()
    _run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        '--aptopt=Acquire::Retries "3"',
        f"--include={','.join([*packages, *_MORE])}",
        f"--customize-hook={guest_image._SETUP}",
        # They are what roles configure, and start when these say so.
        '--customize-hook=chroot "$1" systemctl -q disable haproxy keepalived',
        "bookworm",
        str(tree),
        env={"KEY": key, "NETWORK": "", "MASKED": " ".join(guest_image._MASKED), "PATH": _PATH},
    )
    with partial.open("wb") as disk:
        disk.truncate(_DISK_BYTES)
    _run("mkfs.ext4", "-q", "-F", "-d", str(tree), str(partial))
    shutil.rmtree(tree)
    partial.rename(folder / "root.img")


@contextmanager
def containers(folder: Path, count: int) -> Iterator[list[Container]]:
    """Bring up containers in one network, as fresh as the disk that they start from."""
    disk = ensure_disk()
    with ExitStack() as stack:
        number = stack.enter_context(_bridge())
        started = [stack.enter_context(_container(disk, folder, number, one)) for one in range(1, count + 1)]
        for one in started:
            _wait(one)
        yield started


@contextmanager
def _bridge() -> Iterator[int]:
    """Make a bridge of which there is none yet, and with it a network: 10.77.<number>.0/24."""
    for number in range(100, 250):
        add = ["ip", "link", "add", f"tnt{number}", "type", "bridge"]
        # What another run left, whose own end came too soon for it.
        left = any(Path("/sys/class/net").glob(f"vb-t{number}-*"))
        if not left and subprocess.run(add, check=False, capture_output=True).returncode == 0:
            break
    else:
        raise GuestError("no bridge can be made")
    try:
        _run("ip", "address", "add", f"10.77.{number}.254/24", "dev", f"tnt{number}")
        _run("ip", "link", "set", f"tnt{number}", "up")
        yield number
    finally:
        _run("ip", "link", "delete", f"tnt{number}")


@contextmanager
def tap(bridge: int, number: int) -> Iterator[None]:
    """Make the interface by which a guest of QEMU is on the containers' bridge."""
    name = tap_of(bridge, number)
    _run("ip", "tuntap", "add", "dev", name, "mode", "tap")
    try:
        _run("ip", "link", "set", name, "master", f"tnt{bridge}", "up")
        yield
    finally:
        _run("ip", "tuntap", "delete", "dev", name, "mode", "tap")


@contextmanager
def _container(disk: Path, folder: Path, network: int, number: int) -> Iterator[Container]:
    name, address = f"host-{number}", f"10.77.{network}.{number}"
    home = folder / name
    (home / "root").mkdir(parents=True)
    _run("cp", "--sparse=always", str(disk), str(home / "root.img"))
    loop = _run("losetup", "--find", "--show", str(home / "root.img")).strip()
    try:
        _run("mount", loop, str(home / "root"))
        try:
            _make_own(home / "root", name, address, number, loop)
            command = _command(home, name, network, loop)
            key = disk.parent / "key"
            started = Container(name, number, home, 22, key, _start(command, home), address, network, command)
            try:
                yield started
            finally:
                started.stop()
        finally:
            _run("umount", "--lazy", str(home / "root"))
    finally:
        _run("losetup", "--detach", loop)
        shutil.rmtree(home, ignore_errors=True)


def _make_own(root: Path, name: str, address: str, number: int, loop: str) -> None:
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    (root / "etc/fstab").write_text("")
    (root / "etc/machine-id").write_text("")
    # As its inventory says; nspawn would make one of the machine's name.
    own = f"[Link]\nMACAddress={mac_of(number)}\n"
    network = f"[Match]\nName=host0\n{own}[Network]\nAddress={address}/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    (root / "etc/systemd/network/10-test.network").write_text(network)
    link = f"d /dev/disk/by-id 0755 - - -\nL+ /dev/disk/by-id/virtio-TEST0ROOT - - - - {loop}\n"
    (root / "etc/tmpfiles.d/test-disk.conf").write_text(link)


def _command(home: Path, name: str, network: int, loop: str) -> list[str]:
    # An interface's name has 15 characters at most: nspawn makes it of the machine's.
    machine = f"t{network}-{name}"
    flags = ("--quiet", "--settings=no", "--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off")
    command = [*_PRELUDE, "systemd-nspawn", *flags, "--timezone=off", "--boot", "--console=pipe"]
    command += [f"--machine={machine}", f"--directory={home / 'root'}", f"--network-bridge=tnt{network}"]
    return [*command, f"--bind={loop}", f"--hostname={name}"]


def _start(command: list[str], home: Path) -> subprocess.Popen[bytes]:
    with (home / "console").open("ab") as console:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)


def _wait(started: Guest) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while not started.answers():
        if started.process.poll() is not None or time.monotonic() > deadline:
            raise GuestError(f"{started.name} doesn't answer:\n{started.console()}")
        time.sleep(0.3)


def _run(*command: str, env: dict[str, str] | None = None) -> str:
    around = env or {**os.environ, "PATH": f"{os.environ['PATH']}:{_PATH}"}
    done = subprocess.run(command, env=around, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}{done.stderr}"
    return done.stdout
