"""A control plane on real hosts: three servers behind an address that moves, changed one at a time, and killed."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from clusters import CLUSTER, Machines, Site, problems, told, wait_until
from containers import Container
from hosts_at_hand import denied, run
from vrrp import another_router

from tenantry.hardening import APISERVER, CONTROLLER_MANAGER, SCHEDULER, to_flags

pytestmark = pytest.mark.hosts

ROLES = ("pki", "etcd", "controlplane")
SERVICES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "haproxy", "keepalived")
STATE = (
    "find /etc/tenantry /etc/haproxy /etc/keepalived /etc/systemd/system -type f -exec sha256sum {} + 2>/dev/null "
    "| sort; "
    f"systemctl show -p MainPID {' '.join(SERVICES)}"
)
POLICIES = {
    "host-api-server-access",
    "host-api-server-audit",
    "host-api-server-tls",
    "host-control-plane-files",
    "host-controllers",
    "host-etcd-files",
    "host-etcd-tls",
    "host-pki-files",
    "host-secrets-encryption",
}
"""What the policies ask of a control plane and of etcd, but for the disk below etcd."""


@pytest.fixture
def three(machines: Callable[[int], list[Container]], tmp_path: Path) -> Machines:
    """Give three hosts of a cluster."""
    return Machines(machines(3), tmp_path, CLUSTER, {})


@pytest.fixture
def site(site_state: Path) -> Site:
    """Give the site's administrator."""
    return Site(site_state)


def holders(three: Machines) -> list[Container]:
    """Give the hosts that have the virtual address."""
    virtual = three.spec["network"]["virtualAddress"]
    return [one for one in three.guests if f" {virtual}/" in one.run("ip -4 address show", check=False)]


def test_three_hosts_serve_one_api_that_outlives_each_of_them(three: Machines, site: Site, tmp_path: Path) -> None:
    done = three.settle(*ROLES)
    notes = [note for one in done.values() for note in one.notes]
    assert sum("administrator.kubeconfig" in note for note in notes) == 1
    assert site.answers()
    assert len(holders(three)) == 1
    site.kubectl("create", "secret", "generic", "canary", "--from-literal=says=sings")
    hardened_as_the_sandbox_is(three)
    secrets_are_encrypted(three)
    policies_allow(three, tmp_path)

    three.set("controlplane", controlplane_apiserver_flags={"v": 3})
    with site.watched() as silent:
        changed = three.settle(*ROLES)
    assert silent == []
    wanted = [
        "file /etc/systemd/system/kube-apiserver.service differs",
        "service kube-apiserver was started with other files",
    ]
    assert {name: one.changes for name, one in changed.items()} == {
        guest.name: {"controlplane": wanted} for guest in three.guests
    }

    (first,) = holders(three)
    first.run("systemctl kill --kill-whom=main --signal=KILL kube-apiserver kube-controller-manager kube-scheduler")
    wait_until(site.answers, "the API doesn't answer without one of its servers")
    first.cut()
    wait_until(site.answers, "the API doesn't answer without one of its hosts")
    assert "says" in site.kubectl("get", "secret", "canary", "-o", "json")
    wait_until(site.is_written_to, "nothing is written without one of the hosts")
    first.boot()
    wait_until(lambda: served_by(three) == 3, "the host doesn't come back")
    assert len(holders(three)) == 1
    three.unchanged(*ROLES)


def served_by(three: Machines) -> int:
    """Say on how many hosts all services run, and the API server is ready."""
    pki = "/etc/tenantry/pki"
    asked = f"curl -s --cacert {pki}/kubernetes-ca.crt --cert {pki}/haproxy.crt --key {pki}/haproxy.key"
    command = f"systemctl is-active --quiet {' '.join(SERVICES)} && {asked} https://$ADDRESS:6443/readyz"
    return sum(one.run(command.replace("$ADDRESS", one.address), check=False) == "ok" for one in three.guests)


def hardened_as_the_sandbox_is(three: Machines) -> None:
    """See that each server runs with every flag of hardening, as an account of its own."""
    servers = {"kube-apiserver": APISERVER, "kube-controller-manager": CONTROLLER_MANAGER, "kube-scheduler": SCHEDULER}
    for guest in three.guests:
        for name, flags in servers.items():
            running = guest.run(f"tr '\\0' '\\n' < /proc/$(pidof -s {name})/cmdline").splitlines()
            assert set(to_flags(flags)) <= set(running)
            assert guest.run(f"stat --format %U /proc/$(pidof -s {name})") == f"{name}\n"


def secrets_are_encrypted(three: Machines) -> None:
    """See that etcd has no secret in clear."""
    pki = "/etc/tenantry/pki"
    guest = three.guests[0]
    asked = json.dumps({"key": "L3JlZ2lzdHJ5L3NlY3JldHMvZGVmYXVsdC9jYW5hcnk="})
    said = guest.run(
        f"curl -s --cacert {pki}/etcd-ca.crt --cert {pki}/etcd.crt --key {pki}/etcd.key "
        f"https://{guest.address}:2379/v3/kv/range --data '{asked}' | python3 -c "
        '\'import base64, json, sys; print(base64.b64decode(json.load(sys.stdin)["kvs"][0]["value"])[:40])\''
    )
    assert "k8s:enc:secretbox:v1:tenantry-1:" in said


def policies_allow(three: Machines, tmp_path: Path) -> None:
    """See that what hosts run is what the baseline's policies ask for."""
    run("facts", three.inventory, "--private-key", three.guests[0].key, "--output", tmp_path / "facts")
    for guest in three.guests:
        assert denied(tmp_path / "facts" / f"{guest.name}.json") & POLICIES == set()


def test_an_address_or_a_router_of_others_is_refused_before_any_change(three: Machines) -> None:
    network = three.guests[0].address.rpartition(".")[0]
    virtual, bridge = three.spec["network"]["virtualAddress"], f"tnt{network.rpartition('.')[2]}"
    before = three.state(STATE)
    subprocess.run(["ip", "address", "add", f"{virtual}/32", "dev", bridge], check=True)
    with another_router(51, f"{network}.254", "192.0.2.1"):
        refused = three.run(*ROLES)
    assert f"preflight refuses virtualAddress {virtual}: the virtual address is in use, by " in told(refused)
    assert (
        f"preflight refuses controlplane_router_id 51: another virtual router of this network has the number, at "
        f"{network}.254" in told(refused)
    )
    assert {one.code for one in problems(refused)} == {"TEN-723"}
    assert three.state(STATE) == before


def test_a_change_that_fails_stops_at_the_first_host(three: Machines, site: Site, site_state: Path) -> None:
    assert problems(three.run(*ROLES)) == []
    before = three.state(STATE)
    key = site_state / "encryption.json"
    kept = key.rename(site_state / "kept")
    three.set("controlplane", controlplane_apiserver_flags={"v": 3})
    refused = told(three.run(*ROLES))
    assert refused.count("secrets are encrypted by another key than the one of the site here") == 3
    assert three.state(STATE) == before
    kept.rename(key)

    three.set("controlplane", controlplane_apiserver_flags={"no-such-flag": "x"}, controlplane_wait_seconds=30)
    done = three.run(*ROLES)
    assert "kube-apiserver didn't get ready" in told({"host-1": done["host-1"]})
    for name in ("host-2", "host-3"):
        assert "the API server of host-1 isn't ready, and this host's would be changed" in told({name: done[name]})
    after = three.state(STATE)
    assert {name for name in after if after[name] != before[name]} == {"host-1"}
    assert site.answers()

    three.set("controlplane")
    assert problems(three.run(*ROLES)) == []
    three.unchanged(*ROLES)
