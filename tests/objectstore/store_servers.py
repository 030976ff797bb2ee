"""The real object stores that the tests run on: versitygw with its IAM, and a one-node Ceph RGW, both on loopback."""

import os
import secrets
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

import certificates
from tenantry.connection import Connection, KubernetesConnection, ObjectStoreConnection

READY_SECONDS = 60
ACCESS_LOG = "access.log"


@dataclass(frozen=True)
class Store:
    """A running store: its kind (`versitygw`, `rgw`), how to reach it, and the secret that must never show.

    `log` is what it writes of each request.
    """

    kind: str
    site: str
    settings: ObjectStoreConnection
    secret: str
    log: Path
    processes: tuple[psutil.Process, ...]

    @property
    def connection(self) -> Connection:
        nowhere = KubernetesConnection(kubeconfig=Path("/dev/null"), context="none")
        return Connection(site=self.site, kubernetes=nowhere, object_store=self.settings)


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def wait_until(what: str, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, subprocess.SubprocessError):
            if ready():
                return
        time.sleep(0.1)
    raise TimeoutError(what)


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def credentials_file(directory: Path, secret: str) -> Path:
    path = directory / "credentials"
    path.write_text(f"[admin]\naws_access_key_id = admin\naws_secret_access_key = {secret}\n")
    path.chmod(0o600)
    return path


@contextmanager
def versitygw(binary: Path, directory: Path, site: str) -> Iterator[Store]:
    """Run a gateway with its IAM server; TLS from a CA made on the spot."""
    secret = secrets.token_hex(20)
    s3, iam = free_ports(2)
    pair = certificates.issue(directory / "tls")
    for name in ("data", "versions", "iam"):
        (directory / name).mkdir()
    private = directory / "iam.sock"
    keys = ["--cert", str(pair.certificate), "--key", str(pair.key), "--quiet", "--health", "/healthz"]
    log = ["--access-log", str(directory / ACCESS_LOG)]
    posix = ["posix", "--versioning-dir", str(directory / "versions"), str(directory / "data")]
    commands = [
        ["-p", f"127.0.0.1:{iam}", *keys, "iam", "--dir", str(directory / "iam"), "--private-ports", str(private)],
        ["-p", f"127.0.0.1:{s3}", *keys, *log, "--iam-standalone-endpoint", str(private), *posix],
    ]
    environment = {**os.environ, "ROOT_ACCESS_KEY": "admin", "ROOT_SECRET_KEY": secret}
    with ExitStack() as stack:
        running = []
        for port, command in zip((iam, s3), commands, strict=True):
            log = stack.enter_context((directory / f"{port}.log").open("wb"))
            process = subprocess.Popen([str(binary), *command], env=environment, stdout=log, stderr=log)
            running.append(process)
            stack.callback(process.wait)
            stack.callback(process.kill)
            wait_until(f"versitygw {command}", partial(listens, port))
        settings = ObjectStoreConnection(
            endpoint=f"https://127.0.0.1:{s3}",
            iam_endpoint=f"https://127.0.0.1:{iam}",
            sts_endpoint=f"https://127.0.0.1:{iam}",
            region="us-east-1",
            ca_file=pair.authority,
            credentials_file=credentials_file(directory, secret),
            profile="admin",
        )
        yield Store(
            "versitygw", site, settings, secret, directory / ACCESS_LOG, tuple(psutil.Process(p.pid) for p in running)
        )


CEPH_CONF = """\
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}
ms bind ipv4 = true
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
mon allow pool size one = true
mon warn on pool no redundancy = false
osd crush chooseleaf type = 0
run dir = {d}/run
keyring = {d}/keyring
log file = {d}/log/$name.log
admin socket = {d}/run/$name.asok
osd pool default pg autoscale mode = off
paxos propose interval = 0.05
osd objectstore = memstore
memstore device bytes = 2147483648
mon data avail crit = 1
mon data avail warn = 2
[mon.a]
mon data = {d}/mon
[osd.0]
osd data = {d}/osd
[client.rgw.a]
rgw frontends = beast ssl_endpoint=127.0.0.1:{rgw} ssl_certificate={tls}
rgw data = {d}/rgw
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw lc debug interval = 5
rgw sts key = abcdefghijklmnop
rgw s3 auth use sts = true
rgw verify ssl = false
rgw enable ops log = true
rgw ops log rados = false
rgw ops log file path = {d}/access.log
"""
RGW_CAPS = "users=*;buckets=*;roles=*;user-policy=*;oidc-provider=*"
KEYS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *"},
    "client.rgw.a": {"mon": "allow rwx", "osd": "allow rwx"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
}


def ceph_run(directory: Path, *command: str, timeout: float = 60) -> bytes:
    environment = {**os.environ, "CEPH_CONF": str(directory / "ceph.conf")}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        raise subprocess.SubprocessError(f"{command[0]}: {done.stderr.decode()[-2000:]}")
    return done.stdout


@contextmanager
def ceph_rgw(directory: Path, site: str) -> Iterator[Store]:
    """Run a one-node Ceph in memory with its S3 gateway; needs Debian's packages (`make test-rgw` installs them)."""
    if not shutil.which("radosgw"):
        raise FileNotFoundError("radosgw isn't installed: run `make test-rgw`")
    secret = secrets.token_hex(20)
    mon1, mon2, rgw = free_ports(3)
    for name in ("mon", "osd", "rgw", "log", "run"):
        (directory / name).mkdir()
    pair = certificates.issue(directory / "tls")
    tls = directory / "tls" / "both.pem"
    tls.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    conf = CEPH_CONF.format(fsid=uuid.uuid4(), d=directory, mon1=mon1, mon2=mon2, rgw=rgw, tls=tls)
    (directory / "ceph.conf").write_text(conf)
    try:
        start_ceph(directory, mon1, mon2)
        ceph_run(directory, "radosgw", "-n", "client.rgw.a", "--pid-file", str(directory / "rgw.pid"))
        wait_until("radosgw", lambda: listens(rgw))
        user = ["--uid", "admin", "--display-name", "admin", "--access-key", "admin", "--secret-key", secret]
        ceph_run(directory, "radosgw-admin", "user", "create", *user, "--caps", RGW_CAPS)
        endpoint = f"https://127.0.0.1:{rgw}"
        settings = ObjectStoreConnection(
            endpoint=endpoint,
            iam_endpoint=endpoint,
            sts_endpoint=endpoint,
            region="us-east-1",
            ca_file=pair.authority,
            credentials_file=credentials_file(directory, secret),
            profile="admin",
        )
        yield Store("rgw", site, settings, secret, directory / ACCESS_LOG, tuple(started(directory)))
    finally:
        for process in started(directory):
            process.kill()
            process.wait(10)


def started(directory: Path) -> Iterator[psutil.Process]:
    for pid in directory.glob("*.pid"):
        with suppress(psutil.NoSuchProcess, ValueError):
            yield psutil.Process(int(pid.read_text()))


def start_ceph(directory: Path, mon1: int, mon2: int) -> None:
    ring = str(directory / "keyring")
    ceph_run(directory, "ceph-authtool", "-C", ring)
    for name, caps in KEYS.items():
        given = [word for service, cap in caps.items() for word in ("--cap", service, cap)]
        ceph_run(directory, "ceph-authtool", ring, "--gen-key", "-n", name, *given)
    monmap = str(directory / "monmap")
    fsid = next(line.split()[2] for line in (directory / "ceph.conf").read_text().splitlines() if "fsid" in line)
    address = f"[v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]"
    ceph_run(directory, "monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
    ceph_run(directory, "ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", ring)
    ceph_run(directory, "ceph-mon", "-i", "a", "--pid-file", str(directory / "mon.pid"))
    # The monitor took all of the keys as it was made; asking it once for an OSD is also waiting for it.
    osd = str(uuid.uuid4())
    wait_until("ceph-mon", lambda: bool(ceph_run(directory, "ceph", "osd", "new", osd, timeout=20)))
    ceph_run(directory, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
    ceph_run(directory, "ceph-osd", "-i", "0", "--pid-file", str(directory / "osd.pid"))
