"""etcd on real hosts: members are changed one at a time after a snapshot, and never when a majority would be lost."""

import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from clusters import Machines, problems, told
from containers import Container
from guests import Guest, free_port
from meanwhile import meanwhile

from tenantry.toolchain.found import lookup

pytestmark = pytest.mark.hosts

ROLES = ("pki", "etcd")
PKI = "/etc/tenantry/pki"
CURL = f"curl --silent --max-time 5 --cacert {PKI}/etcd-ca.crt"
CERTIFICATE = f"--cert {PKI}/etcd.crt --key {PKI}/etcd.key"
STATE = (
    "find /etc/tenantry /etc/systemd/system/etcd.service /var/lib/etcd/member.json /var/lib/etcd-snapshots -type f "
    "-exec sha256sum {} + 2>/dev/null | sort; systemctl show -p MainPID etcd"
)
KEY, VALUE = base64.b64encode(b"canary").decode(), base64.b64encode(b"sings").decode()


@pytest.fixture
def three(machines: Callable[[int], list[Container]], tmp_path: Path) -> Machines:
    """Give three members."""
    return Machines(machines(3), tmp_path, ["etcd"], {})


def call(guest: Guest, what: str, flags: str = CERTIFICATE, **asked: object) -> dict[str, object]:
    said = guest.run(f"{CURL} {flags} https://{guest.address}:2379/v3/{what} --data '{json.dumps(asked)}'", check=False)
    found: dict[str, object] = json.loads(said or "{}")
    return found


def healthy(three: Machines) -> set[str]:
    wanted = f"{CURL} {CERTIFICATE} https://127.0.0.1:2379/health"
    return {guest.name for guest in three.guests if '"health":"true"' in guest.run(wanted, check=False)}


def sing(three: Machines) -> None:
    call(three.guests[0], "kv/put", key=KEY, value=VALUE)


def sings(guest: Guest) -> bool:
    return VALUE in json.dumps(call(guest, "kv/range", key=KEY))


def test_three_members_are_healthy_and_changed_one_at_a_time_after_a_snapshot(three: Machines, tmp_path: Path) -> None:
    three.settle(*ROLES)
    assert healthy(three) == {"host-1", "host-2", "host-3"}
    members = call(three.guests[0], "cluster/member/list")["members"]
    assert len(members) == 3  # type: ignore[arg-type]
    assert set(three.state("stat -c '%a %U:%G' /var/lib/etcd /var/lib/etcd/data").values()) == {"700 etcd:etcd\n" * 2}
    assert set(three.state("ps -o user= -C etcd").values()) == {"etcd\n"}
    # Without a certificate nobody comes in.
    assert call(three.guests[0], "kv/range", flags="", key=KEY) == {}

    sing(three)
    lost: list[set[str]] = []

    def watch() -> None:
        if len(now := healthy(three)) < 2:
            lost.append(now)

    three.set("etcd", etcd_heartbeat_ms=150, etcd_election_ms=1500)
    with meanwhile(watch, 0):
        changed = three.settle(*ROLES)
    assert lost == []
    unit = "file /etc/systemd/system/etcd.service differs"
    assert {name: one.changes for name, one in changed.items()} == {
        guest.name: {"etcd": [unit, "service etcd was started with other files"]} for guest in three.guests
    }
    for guest in three.guests:
        assert sings(guest)
        assert "--heartbeat-interval=150" in guest.run("tr '\\0' ' ' < /proc/$(pidof -s etcd)/cmdline")
    snapshot = guest.run("ls /var/lib/etcd-snapshots/*.db").split()
    assert len(snapshot) == 1
    assert guest.run("stat -c '%a %U' /var/lib/etcd-snapshots /var/lib/etcd-snapshots/*.db") == "700 root\n600 root\n"
    assert restored(guest, snapshot[0], tmp_path) == VALUE


def restored(guest: Guest, path: str, tmp_path: Path) -> str:
    """Restore a snapshot into a cluster of its own on this machine, and give what the canary does there."""
    encoded = guest.run(f"base64 -w0 {path}")
    (tmp_path / "snapshot.db").write_bytes(base64.b64decode(encoded))
    restore = [lookup("etcdutl"), "snapshot", "restore", tmp_path / "snapshot.db", "--data-dir", tmp_path / "restored"]
    subprocess.run(restore, check=True, capture_output=True, timeout=60)
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    flags = ["--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer]
    with subprocess.Popen(
        [lookup("etcd"), "--data-dir", tmp_path / "restored", *flags], stderr=subprocess.DEVNULL
    ) as server:
        try:
            for _ in range(100):
                time.sleep(0.2)
                try:
                    asked = urllib.request.Request(f"{client}/v3/kv/range", json.dumps({"key": KEY}).encode())
                    with urllib.request.urlopen(asked, timeout=5) as answer:
                        value: str = json.load(answer)["kvs"][0]["value"]
                        return value
                except OSError:
                    continue
        finally:
            server.kill()
    raise AssertionError("the restored etcd doesn't answer")


def test_a_member_that_is_killed_comes_back(three: Machines) -> None:
    three.run(*ROLES)
    sing(three)
    three.guests[1].run("systemctl kill --kill-whom=main --signal=KILL etcd")
    deadline = time.monotonic() + 60
    while len(healthy(three)) < 3:
        assert time.monotonic() < deadline
    assert sings(three.guests[1])
    three.unchanged(*ROLES)


def test_no_majority_is_lost(three: Machines) -> None:
    three.run(*ROLES)
    three.guests[1].run("systemctl stop etcd")
    three.set("etcd", etcd_snapshots_kept=3, etcd_quota_mib=512)
    before = three.state(STATE)
    refused = three.run(*ROLES, limit=["host-1"])
    assert "etcd refuses quorum host-1, host-3: to restart host-1 would lose the majority" in told(refused)
    assert three.state(STATE) == before
    # Whoever is down is started first, by the same command without a limit.
    three.run(*ROLES)
    assert problems(three.run(*ROLES)) == []
    assert healthy(three) == {"host-1", "host-2", "host-3"}
    three.unchanged(*ROLES)


@pytest.mark.parametrize(
    ("plant", "whose"),
    [
        ("""sed -i 's/"cluster": "test"/"cluster": "other"/' /var/lib/etcd/member.json""", "other's host-2"),
        ("sed -i 's/host-2/host-9/' /var/lib/etcd/member.json", "test's host-9"),
        ("rm /var/lib/etcd/member.json", "nobody known"),
    ],
)
def test_data_of_another_member_is_refused_before_any_change(plant: str, whose: str, three: Machines) -> None:
    three.run(*ROLES)
    three.guests[1].run(f"systemctl stop etcd; {plant}")
    three.guests[0].run(f"rm {PKI}/etcd.crt")
    before = three.state(STATE)
    refused = three.run(*ROLES)
    assert f"preflight refuses folder /var/lib/etcd: the data in it is that of {whose}, not of test's host-2" in told(
        refused
    )
    assert three.state(STATE) == before


def test_nothing_is_changed_without_a_fresh_snapshot(three: Machines) -> None:
    three.run(*ROLES)
    for guest in three.guests:
        guest.run("mkdir -p /var/lib/etcd-snapshots; mount -t tmpfs -o size=16k,mode=700 none /var/lib/etcd-snapshots")
    three.set("etcd", etcd_quota_mib=512)
    before = three.state(STATE)
    failed = three.run(*ROLES)
    assert told(failed).count("no fresh snapshot, so nothing was changed") == 3
    assert "No space left on device" in told(failed)
    assert three.state(STATE) == before
    three.state("umount /var/lib/etcd-snapshots")
    assert problems(three.run(*ROLES)) == []
    three.unchanged(*ROLES)


def test_a_member_that_lost_its_data_comes_anew(three: Machines) -> None:
    three.run(*ROLES)
    sing(three)
    three.guests[2].run("systemctl stop etcd; rm -rf /var/lib/etcd")
    done = three.settle(*ROLES)
    assert "folder /var/lib/etcd is missing" in done["host-3"].changes["etcd"]
    assert healthy(three) == {"host-1", "host-2", "host-3"}
    assert sings(three.guests[2])
    members = call(three.guests[0], "cluster/member/list")["members"]
    assert len(members) == 3  # type: ignore[arg-type]


def test_a_new_certificate_restarts_one_member(three: Machines) -> None:
    three.run(*ROLES)
    three.guests[0].run(f"rm {PKI}/etcd.crt")
    changed = three.settle(*ROLES)
    assert {name: one.changes for name, one in changed.items()} == {
        "host-1": {"pki": ["certificate etcd is missing"], "etcd": ["service etcd was started with other files"]},
        "host-2": {},
        "host-3": {},
    }
