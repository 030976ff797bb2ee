"""Certificates of real hosts: keys never leave them, and authorities never this machine."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from clusters import CLUSTER, Machines, problems, told
from containers import Container

from tenantry.hosts.pki.authorities import AUTHORITIES, ensure_authorities

pytestmark = pytest.mark.hosts

PKI = "/etc/tenantry/pki"
STATE = f"cd {PKI} 2>/dev/null && sha256sum * || echo none"


@pytest.fixture
def three(machines: Callable[[int], list[Container]], tmp_path: Path) -> Machines:
    """Give three hosts of a cluster."""
    return Machines(machines(3), tmp_path, CLUSTER, {})


def test_keys_are_made_on_their_hosts_once_and_stay_there(three: Machines, site_state: Path, tmp_path: Path) -> None:
    done = three.settle("pki")
    kept = site_state / "pki"
    (note,) = [note for one in done.values() for note in one.notes]
    assert str(kept) in note
    assert {path.name for path in kept.rglob("*.key")} == {f"{name}-ca.key" for name in AUTHORITIES}
    for guest in three.guests:
        assert set(guest.run(f"stat --format '%a %U:%G' {PKI}/*.key").split("\n")[:-1]) == {"600 root:root"}
        guest.run(
            f"cd {PKI}; for name in kube-apiserver kube-scheduler haproxy; do "
            "openssl verify -CAfile kubernetes-ca.crt $name.crt; done; openssl verify -CAfile etcd-ca.crt etcd.crt; "
            "test $(grep -c BEGIN service-account.pub) = 3"
        )
        assert "10.96.0.1" in guest.run(f"openssl x509 -noout -ext subjectAltName -in {PKI}/kube-apiserver.crt")
    keys = three.state(f"cat {PKI}/*.key")
    assert len({line for text in keys.values() for line in text.splitlines() if "-" not in line}) > 100
    here = [path for path in tmp_path.rglob("*") if path.is_file() and "machines" not in path.parts]
    everything = "".join(path.read_text(errors="replace") for path in here)
    for text in keys.values():
        for line in text.splitlines():
            assert line.startswith("-----") or line not in everything
    assert "PRIVATE KEY" not in three.guests[0].run("journalctl --no-pager")


def test_what_ends_soon_is_made_anew_with_a_new_key(three: Machines) -> None:
    three.run("pki")
    before = three.state(f"sha256sum {PKI}/etcd.key {PKI}/service-account.key")
    three.set("pki", pki_renew_days=396)
    three.unchanged("pki")
    # Shorter ones are made at the next renewal, and that is due.
    three.guests[0].run(f"rm {PKI}/etcd.crt")
    three.set("pki", pki_leaf_days=30, pki_renew_days=7)
    changed = three.settle("pki")
    assert changed["host-1"].changes == {"pki": ["certificate etcd is missing"]}
    three.set("pki", pki_leaf_days=397, pki_renew_days=60)
    (said,) = three.settle("pki")["host-1"].changes["pki"]
    assert said.startswith("certificate etcd ends on ")
    after = three.state(f"sha256sum {PKI}/etcd.key {PKI}/service-account.key")
    first, second = before["host-1"].splitlines(), after["host-1"].splitlines()
    assert first[0] != second[0]
    assert first[1] == second[1]
    assert before["host-2"] == after["host-2"]


def test_a_key_that_others_could_read_or_that_is_lost_is_made_anew(three: Machines) -> None:
    three.run("pki")
    three.guests[1].run(f"chmod 644 {PKI}/kube-scheduler.key; rm {PKI}/service-account.key")
    changed = three.settle("pki")
    known = f"file {PKI}/service-account.pub differs"
    read, lost = "key kube-scheduler has other rights than 0600 root:root", "key service-account is missing"
    assert {name: one.changes for name, one in changed.items()} == {
        "host-1": {"pki": [known]},
        "host-2": {"pki": [read, lost, known]},
        "host-3": {"pki": [known]},
    }


def test_no_authority_is_overwritten(three: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three.run("pki")
    before = three.state(STATE)
    monkeypatch.setenv("TENANTRY_STATE", str(tmp_path / "other"))
    refused = three.run("pki")
    assert told(refused).count("pki") >= 3
    assert "preflight refuses etcd-ca" in told(refused)
    assert "no authority is overwritten" in told(refused)
    assert {one.code for one in problems(refused)} == {"TEN-723"}
    assert three.state(STATE) == before
    assert not (tmp_path / "other").exists()
    # Also where another one was made there for it.
    ensure_authorities(tmp_path / "other" / "hosts" / "test" / "pki", "test", 3650)
    assert "this one is here" in told(three.run("pki"))
    assert three.state(STATE) == before


def test_a_certificate_beyond_its_authoritys_end_is_refused(three: Machines, site_state: Path) -> None:
    ensure_authorities(site_state / "pki", "test", 100)
    refused = three.run("pki")
    assert "preflight refuses certificate etcd 397 days: " in told(refused)
    assert "and its authority ends on" in told(refused)
    assert set(three.state(STATE).values()) == {"none\n"}


def test_an_authority_that_others_may_read_is_refused(three: Machines, site_state: Path) -> None:
    kept = site_state / "pki"
    ensure_authorities(kept, "test", 3650)
    (kept / "kubernetes-ca.key").chmod(0o640)
    assert "others may read the authority's key (0640)" in told(three.run("pki"))
    assert set(three.state(STATE).values()) == {"none\n"}


KILLED = """
import os, signal, sys
from pathlib import Path
from tenantry.hosts.reading import read_inventory
from tenantry.hosts.running import PREPARE, run_playbook
import psutil, threading, time

def kill():
    # Once keys wait for their certificates somewhere.
    time.sleep(float(sys.argv[3]))
    for one in [*psutil.Process().children(recursive=True), psutil.Process()]:
        one.kill()

threading.Thread(target=kill, daemon=True).start()
inventory = read_inventory(Path(sys.argv[1]))
run_playbook(inventory, PREPARE, Path(sys.argv[2]), check=False, progress=lambda _: None, roles=["pki"])
"""


@pytest.mark.parametrize("seconds", ["5", "7"])
def test_a_run_that_is_killed_is_finished_by_the_next(three: Machines, seconds: str) -> None:
    command = [sys.executable, "-c", KILLED, str(three.inventory), str(three.guests[0].key), seconds]
    subprocess.run(command, env=os.environ, timeout=120, check=False)
    assert problems(three.run("pki")) == []
    three.unchanged("pki")
