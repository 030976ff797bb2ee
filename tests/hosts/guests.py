"""Test hosts: guests of QEMU, brought from a snapshot to SSH in seconds, and gone with whoever started them."""

import shlex
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from guest_image import Image

_MEMORY = 640
_BOOT_SECONDS = 300
_SNAPSHOT = "clean"
_PEERS = "/etc/systemd/network/20-peers.network"
# Ends with us, however we end: a test that was killed leaves no guest behind.
PRELUDE = ("setpriv", "--pdeathsig", "KILL")
SERVED = "10.0.2.100:6443"
"""Where a guest reaches a port of this machine, if it was given one."""
_RELAY = Path(__file__).with_name("relay.py")
DATA_DISK = "/dev/disk/by-id/virtio-TEST0DATA"
"""The second disk of each guest, by its stable id; it is empty."""


class GuestError(Exception):
    """A guest didn't come up, or a command on it failed."""


@dataclass
class Guest:
    """A running guest: reached by SSH at `at` and a port, and in a network of guests by `address`."""

    name: str
    number: int
    folder: Path
    port: int
    key: Path
    process: subprocess.Popen[bytes]
    at: str = "127.0.0.1"
    network: int = 0

    @property
    def address(self) -> str:
        """Give its address in the network of guests."""
        return f"10.77.{self.network}.{self.number}"

    @property
    def mac(self) -> str:
        """Give the MAC of its interface there."""
        return mac_of(self.number)

    @property
    def ssh(self) -> list[str]:
        """Give the command that runs another one on the guest."""
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=10")
        flags = [word for option in options for word in ("-o", option)]
        return ["ssh", "-i", str(self.key), "-o", "IdentitiesOnly=yes", *flags, "-p", str(self.port), f"ops@{self.at}"]

    def run(self, command: str, *, seconds: int = 120, check: bool = True, user: str = "root") -> str:
        """Run a shell's text, as root, and give what it printed."""
        text = f"sudo sh -c {shlex.quote(command)}" if user == "root" else command
        done = subprocess.run([*self.ssh, text], capture_output=True, text=True, timeout=seconds, check=False)
        if check and done.returncode:
            raise GuestError(f"{self.name}: {command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def read(self, path: str) -> bytes:
        """Give a file's bytes."""
        return subprocess.run([*self.ssh, f"cat {path}"], capture_output=True, timeout=120, check=True).stdout

    def send(self, data: bytes, path: str) -> None:
        """Write bytes to a file of the account."""
        subprocess.run([*self.ssh, f"cat > {path}"], input=data, timeout=300, check=True)

    def answers(self) -> bool:
        """Say whether a new login works now."""
        with suppress(subprocess.TimeoutExpired):
            # Without a standard input: an ssh that is killed leaves ours non-blocking, which Ansible refuses.
            asked, nothing = [*self.ssh, "true"], subprocess.DEVNULL
            done = subprocess.run(asked, stdin=nothing, capture_output=True, timeout=30, check=False)
            return done.returncode == 0
        return False

    def reboot(self) -> None:
        """Boot it anew, and wait for its SSH."""
        self._boot(lambda: self.run("systemd-run --on-active=1 systemctl reboot", check=False))

    def lose_power(self) -> None:
        """Take its power away at once, give it back, and wait for its SSH."""
        self._boot(lambda: self.monitor("system_reset"))

    def _boot(self, begin: Callable[[], object]) -> None:
        before = self.run("cat /proc/sys/kernel/random/boot_id")
        begin()
        deadline = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < deadline:
            with suppress(GuestError, subprocess.TimeoutExpired):
                if self.run("cat /proc/sys/kernel/random/boot_id", seconds=30) != before:
                    return
            time.sleep(1)
        raise GuestError(f"{self.name} didn't come back:\n{self.console()}")

    def restore(self) -> None:
        """Bring it back to what it was just after its first boot."""
        self.monitor(f"loadvm {_SNAPSHOT}")
        _wait(self)
        _make_own(self)

    def monitor(self, command: str) -> str:
        """Have QEMU's monitor do something, and give what it said."""
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(_BOOT_SECONDS)
            talk.connect(str(self.folder / "monitor"))
            _until_prompt(talk)
            talk.sendall(f"{command}\n".encode())
            return _until_prompt(talk)

    def console(self) -> str:
        """Give the last lines of its console."""
        return "\n".join((self.folder / "console").read_text(errors="replace").splitlines()[-20:])

    def stop(self) -> None:
        """End it at once; its disks aren't needed any more."""
        self.process.kill()
        self.process.wait(30)


@contextmanager
def guest(
    image: Image,
    folder: Path,
    name: str = "host-1",
    *,
    number: int = 1,
    network: int = 0,
    memory: int = _MEMORY,
    served: int = 0,
    bridge: int = 0,
) -> Iterator[Guest]:
    """Bring up a guest as it was just after its first boot. Of several, each has a number, and all the same network.

    `memory` is in MiB. What listens on the port `served` of this machine's loopback is reached at `SERVED` by it.
    With the number of a `bridge` it is in the network of the containers there.
    """
    clean = _ensure_clean(image, memory)
    home = folder / name
    home.mkdir(parents=True)
    for disk in ("root.qcow2", "data.qcow2"):
        shutil.copyfile(clean / disk, home / disk)
    machine = Machine(number, network or free_port(), memory, served, bridge)
    started = _start(image, home, name, machine, restore=True)
    try:
        _wait(started)
        _make_own(started)
        yield started
    finally:
        started.stop()
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class Machine:
    """What a guest is given: its number, its network with others, MiB of memory, a port that it reaches, a bridge."""

    number: int
    network: int
    memory: int
    served: int = 0
    bridge: int = 0


def _ensure_clean(image: Image, memory: int) -> Path:
    """Boot the image once, wait for its SSH, and keep it as it is then, memory and disks."""
    called = "clean" if memory == _MEMORY else f"clean-{memory}"
    folder = image.disk.parent / called
    with FileLock(image.disk.parent / f"{called}.lock"):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            shutil.copyfile(image.disk, folder / "root.qcow2")
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", folder / "data.qcow2", "1G"], check=True)
            first = _start(image, folder, "guest", Machine(0, free_port(), memory), restore=False)
            try:
                _wait(first)
                # Until nothing of the boot is left to be done by each guest anew.
                first.run("systemctl is-system-running --wait; sync; fstrim -a || true", seconds=_BOOT_SECONDS)
                first.monitor(f"savevm {_SNAPSHOT}")
            finally:
                first.stop()
            (folder / "ready").touch()
    return folder


def _start(image: Image, folder: Path, name: str, machine: Machine, *, restore: bool) -> Guest:
    port, number = free_port(), machine.number
    net = f"user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"
    if machine.served:
        # A program a connection: one device would mix what several of them say.
        net += f",guestfwd=tcp:{SERVED}-cmd:{sys.executable} {_RELAY} {machine.served}"
    peers = f"socket,id=net1,mcast=230.0.0.1:{machine.network},localaddr=127.0.0.1"
    if machine.bridge:
        peers = f"tap,id=net1,ifname={tap_of(machine.bridge, number)},script=no,downscript=no"
    command = [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-name", name),
        *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=128", "-cpu", "max", "-smp", "2"),
        *("-m", str(machine.memory), "-rtc", "base=utc,clock=host", "-device", "virtio-rng-pci"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet"),
        *("-drive", f"file={folder}/root.qcow2,if=none,id=d0,cache=unsafe,discard=unmap"),
        *("-device", "virtio-blk-pci,drive=d0,serial=TEST0ROOT"),
        *("-drive", f"file={folder}/data.qcow2,if=none,id=d1,cache=unsafe,discard=unmap"),
        *("-device", "virtio-blk-pci,drive=d1,serial=TEST0DATA"),
        *("-netdev", net, "-device", "virtio-net-pci,netdev=net0,mac=52:54:00:00:01:01"),
        *("-netdev", peers, "-device", f"virtio-net-pci,netdev=net1,mac={mac_of(number)}"),
        *("-serial", f"file:{folder}/console", "-monitor", f"unix:{folder}/monitor,server=on,wait=off"),
        *(("-loadvm", _SNAPSHOT) if restore else ()),
    ]
    with (folder / "qemu.log").open("wb") as log:
        process = subprocess.Popen([*PRELUDE, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return Guest(name, number, folder, port, image.key, process, network=machine.bridge)


def _wait(started: Guest) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while time.monotonic() < deadline:
        if started.process.poll() is not None:
            said = (started.folder / "qemu.log").read_text(errors="replace")
            raise GuestError(f"{started.name} ended: {said}")
        if started.answers():
            return
        time.sleep(0.5)
    raise GuestError(f"{started.name} doesn't answer:\n{started.console()}")


def _make_own(started: Guest) -> None:
    """Tell guests of one snapshot apart, and bring their clock to today's."""
    started.run(
        f"date -s @{time.time():.0f} >/dev/null; hostname {started.name}; echo {started.name} > /etc/hostname; "
        f"sed -i 's/guest/{started.name}/' /etc/hosts; echo {uuid.uuid4().hex} > /etc/machine-id; "
        f"ip link set eth1 address {started.mac} up; ip address replace {started.address}/24 dev eth1; "
        f"printf '[Match]\\nName=eth1\\n[Network]\\nAddress={started.address}/24\\n' > {_PEERS}; sync"
    )


def mac_of(number: int) -> str:
    """Give the MAC that the guest of a number has among guests."""
    return f"52:54:00:00:02:{number:02x}"


def tap_of(bridge: int, number: int) -> str:
    """Give the name of the interface by which a guest is on a bridge."""
    return f"tnt{bridge}-{number}"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _until_prompt(talk: socket.socket) -> str:
    said = b""
    while not said.rstrip().endswith(b"(qemu)"):
        part = talk.recv(65536)
        if not part:
            break
        said += part
    return said.decode(errors="replace")
