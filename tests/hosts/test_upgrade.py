"""Hosts are upgraded one at a time from an older Kubernetes; a run that failed or was killed is gone on with."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clusters import CLUSTER, Machines, Site, problems, told, wait_until
from containers import Container
from hosts_at_hand import run
from meanwhile import meanwhile
from older import SERVERS, older_bundle, opened_bundle, package
from upgrading import BOOT, command, journal, killed, powered

from tenantry.hosts.outcome import Step
from tenantry.hosts.pki.operators import administrator_file
from tenantry.hosts.reading import read_inventory
from tenantry.hosts.upgrade.nodes import Nodes
from tenantry.hosts.upgrade.plan import Asked
from tenantry.hosts.upgrade.run import Upgrade, Way
from tenantry.hosts.upgrade.target import target_of
from tenantry.hosts.words import Reboot
from tenantry.problems import Exit, InputError
from tenantry.toolchain import lookup

pytestmark = pytest.mark.hosts

ROLES = ("pki", "etcd", "controlplane")
RUNNING = f"for one in {' '.join(SERVERS)}; do basename $(dirname $(readlink /proc/$(pidof -s $one)/exe)); done"
STATE = (
    "find /etc/tenantry /etc/haproxy /etc/keepalived /etc/systemd/system /var/lib/etcd-snapshots -type f "
    "-exec sha256sum {} + 2>/dev/null | sort; "
    f"systemctl show -p MainPID {' '.join((*SERVERS, 'etcd', 'haproxy', 'keepalived'))}"
)
BROKEN = "/etc/systemd/system/kube-scheduler.service.d/broken.conf"


@pytest.fixture
def three(machines: Callable[[int], list[Container]], tmp_path: Path, site_state: Path) -> Machines:
    """Give three hosts of a cluster with the older Kubernetes."""
    assert not site_state.exists()
    found = Machines(machines(3), tmp_path, CLUSTER, {})
    assert problems(found.run(*ROLES, bundle=older_bundle(tmp_path / "older"))) == []
    return found


def upgrade(hosts: Machines, *words: str, expect: Exit = Exit.DONE) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return run("upgrade", hosts.inventory, "--private-key", hosts.guests[0].key, *words, expect=expect)


def versions(hosts: Machines) -> list[set[str]]:
    """Give the versions of Kubernetes that run on each host."""
    return [version(one) for one in hosts.guests]


def version(host: Container) -> set[str]:
    return {line.split("-")[-2] for line in host.run(RUNNING).splitlines()}


def ours(hosts: Machines) -> list[set[str]]:
    return [{target_of(read_inventory(hosts.inventory), None)["kube-apiserver"]}] * len(hosts.guests)


@contextmanager
def counted(hosts: Machines) -> Iterator[list[set[str]]]:
    """Give the sets of hosts, of more than one each, that didn't let anybody connect at once."""
    found: list[set[str]] = []

    def look() -> None:
        down = {one.name for one in hosts.guests if not all(is_open(one, port) for port in (2379, 6443))}
        if len(down) > 1:
            found.append(down)

    with meanwhile(look, 0.1):
        yield found


def is_open(host: Container, port: int) -> bool:
    """Say whether a host lets somebody connect: its address, so neither haproxy's nor keepalived's."""
    try:
        socket.create_connection((host.address, port), timeout=5).close()
    except OSError:
        return False
    return True


def test_three_hosts_come_to_a_newer_kubernetes_one_at_a_time(
    three: Machines, site_state: Path, tmp_path: Path
) -> None:
    site = Site(site_state)
    old = versions(three)
    assert old[0] != ours(three)[0]
    site.kubectl("create", "secret", "generic", "canary", "--from-literal=says=sings")
    before = three.state(STATE)
    assert told(three.run(*ROLES)).count("run tenantry hosts upgrade") == 3
    planned = json.loads(upgrade(three, "--check", "--format", "json").stdout)
    assert [one["host"] for one in planned] == ["host-1", "host-2", "host-3"]
    assert {tuple(each.values()) for one in planned for each in one["programs"]} == {
        (name, *old[0], *ours(three)[0]) for name in SERVERS
    }
    three.guests[2].run("systemctl stop etcd")
    assert "TEN-773 host-3: etcd.service inactive: the service doesn't run" in upgrade(three, expect=Exit.INPUT).stderr
    three.guests[2].run("systemctl start etcd")
    wait_until(lambda: upgrade_is_planned(three), "etcd doesn't come back")
    assert three.state(STATE)["host-1"] == before["host-1"]

    with site.watched() as silent, counted(three) as down:
        done = upgrade(three)
    assert (silent, down) == ([], [])
    assert done.stdout.endswith("3 changed.\n")
    assert versions(three) == ours(three)
    assert "says" in site.kubectl("get", "secret", "canary", "-o", "json")
    assert not (site_state / "upgrade.json").exists()
    three.unchanged(*ROLES)
    assert upgrade(three).stdout == "No host is to be upgraded.\n3 hosts as asked; nothing was changed.\n"

    before = three.state(STATE)
    back = begun(three, tmp_path / "older")
    with pytest.raises(InputError) as refused:
        back.look(first=True)
    assert [one.code for one in refused.value.problems] == ["TEN-770"] * 9
    assert three.state(STATE) == before


def upgrade_is_planned(hosts: Machines) -> bool:
    """Say whether nothing is refused any more."""
    return subprocess.run(typed(hosts, "--check"), capture_output=True, timeout=300, check=False).returncode == 0


def typed(hosts: Machines, *words: str) -> list[str]:
    """Give the command, for what isn't waited for, or may fail."""
    return command(hosts.inventory, hosts.guests[0].key, *words)


def begun(hosts: Machines, bundle: Path | None, nodes: Nodes | None = None, reboot: Reboot = Reboot.NEEDED) -> Upgrade:
    """Make an upgrade, from an opened bundle where there is one."""
    inventory = read_inventory(hosts.inventory)
    return Upgrade(inventory, Asked(target_of(inventory, bundle), reboot), Way(hosts.guests[0].key, bundle, nodes))


def test_a_failure_stops_at_its_host_and_the_same_command_goes_on(three: Machines, site_state: Path) -> None:
    old, new = version(three.guests[0]), ours(three)[0]
    three.guests[1].run(f"mkdir -p {Path(BROKEN).parent}; printf '[Service]\\nExecStartPre=/bin/false\\n' > {BROKEN}")
    before = three.state(STATE)
    failed = upgrade(three, expect=Exit.UNREACHABLE)
    assert "TEN-724 host-2: controlplane failed at «Settle the servers»" in failed.stderr
    assert failed.stdout.endswith("1 changed, 1 stopped before the first change, 1 failed.\n")
    assert (version(three.guests[0]), version(three.guests[2])) == (new, old)
    assert three.state(STATE)["host-3"] == before["host-3"]
    kept = journal(site_state)
    assert (kept["done"], kept["current"]) == (["host-1/control"], "host-2/control")
    assert (site_state / "upgrade.json").stat().st_mode & 0o777 == 0o600

    first = three.state(STATE)["host-1"]
    assert (
        "it was cut off, and --limit leaves its host out"
        in upgrade(three, "--limit", "host-3", expect=Exit.INPUT).stderr
    )
    three.guests[1].run(f"rm {BROKEN}; systemctl daemon-reload")
    seconds = float(os.environ.get("TENANTRY_KILL_AFTER", "6"))
    killed(typed(three), lambda: journal(site_state)["current"] == "host-3/control", seconds=seconds)
    done = upgrade(three)
    assert "Goes on with the upgrade that was cut off at host-3." in done.stdout
    assert versions(three) == [new, new, new]
    assert three.state(STATE)["host-1"] == first
    assert not (site_state / "upgrade.json").exists()
    three.unchanged(*ROLES)


@pytest.fixture
def one(machines: Callable[[int], list[Container]], tmp_path: Path, site_state: Path) -> Machines:
    """Give the one host of a cluster with our Kubernetes."""
    assert not site_state.exists()
    found = Machines(machines(1), tmp_path, CLUSTER, {})
    assert problems(found.run(*ROLES)) == []
    return found


def test_a_host_is_booted_where_asked_and_once_although_the_command_was_killed(one: Machines, site_state: Path) -> None:
    (host,) = one.guests
    first = host.run(BOOT)
    assert "nothing was changed" in upgrade(one).stdout
    assert host.run(BOOT) == first
    with powered(host) as boots:
        killed(typed(one, "--reboot", "always"), lambda: bool(boots))
        assert journal(site_state)["current"] == "host-1/control"
        upgrade(one, "--reboot", "always")
        assert len(boots) == 1
        assert host.run(BOOT) != first
        assert not (site_state / "upgrade.json").exists()

        host.run("touch /run/reboot-required")
        assert "No host is to be upgraded" in upgrade(one, "--reboot", "never", "--check").stdout
        assert "reboot: /run/reboot-required is there" in upgrade(one, "--check").stdout
        assert "Boot the host anew" in upgrade(one).stdout
        assert len(boots) == 2
        one.unchanged(*ROLES)


def test_packages_that_a_bundle_has_newer_come_and_none_is_taken_back(one: Machines, tmp_path: Path) -> None:
    (host,) = one.guests
    for name, version in (("tenantry-newer", "1.0"), ("tenantry-older", "2.0")):
        host.send(package(tmp_path, name, version).read_bytes(), f"/tmp/{name}.deb")
        host.run(f"dpkg -i /tmp/{name}.deb")
    target = target_of(read_inventory(one.inventory), None)
    programs = {name: (version, lookup(name)) for name, version in target.items()}
    brought = [package(tmp_path, "tenantry-newer", "1.5"), package(tmp_path, "tenantry-older", "1.5")]
    bundle = opened_bundle(tmp_path / "bundle", programs, brought)
    before = host.run(STATE)
    run_ = begun(one, bundle)
    (step,) = run_.look(first=True)
    assert step.packages == ("package tenantry-newer: 1.0 to 1.5",)
    assert host.run(STATE) == before
    run_.carry_out((step,))
    assert run_.outcomes["host-1"].changes == {"packages": ["package tenantry-newer: 1.0 to 1.5"]}
    shown = host.run("dpkg-query -W -f '${Package} ${Version}\\n' tenantry-newer tenantry-older")
    assert shown == "tenantry-newer 1.5\ntenantry-older 2.0\n"
    assert host.run(STATE) == before
    assert begun(one, bundle).look(first=True) == ()


READY = {"type": "Ready", "status": "True", "reason": "Test", "message": "as a kubelet says"}


def make_node(site: Site, name: str, folder: Path) -> None:
    """Make a node, Ready, that is an object alone, and a ReplicaSet with a pod on it that goes at once."""
    labels = {"app": "web"}
    pod = {"nodeName": name, "terminationGracePeriodSeconds": 0, "tolerations": [{"operator": "Exists"}]}
    template = {"metadata": {"labels": labels}, "spec": {**pod, "containers": [{"name": "main", "image": "none"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    documents = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "spec": spec},
    ]
    (folder / "node.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))
    site.kubectl("create", "-f", str(folder / "node.json"))


@contextmanager
def beating(site: Site, name: str) -> Iterator[None]:
    """Say again and again that a node is Ready, as its kubelet would."""

    def beat() -> None:
        conditions = [{**READY, "lastHeartbeatTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}]
        patch = f"--patch={json.dumps({'status': {'conditions': conditions}})}"
        site.kubectl("patch", "node", name, "--subresource=status", patch, check=False)

    with meanwhile(beat, 2):
        yield


def test_a_node_is_drained_before_its_host_is_booted_and_given_back_after(
    one: Machines, site_state: Path, tmp_path: Path
) -> None:
    (host,), site = one.guests, Site(site_state)
    nodes = Nodes(lookup("kubectl"), administrator_file(site_state))
    make_node(site, host.name, tmp_path)

    def pods() -> list[str]:
        return site.kubectl("get", "pods", "--output=name").split()

    wait_until(lambda: bool(pods()), "no pod comes")
    before = pods()
    with powered(host) as boots, beating(site, host.name):
        wait_until(lambda: nodes.all()[host.name].ready, "the node isn't Ready")
        nodes.cordon(host.name)
        with pytest.raises(InputError) as refused:
            begun(one, None, nodes).look(first=True)
        assert [each.code for each in refused.value.problems] == ["TEN-774"]
        nodes.uncordon(host.name)

        run_ = begun(one, None, nodes, Reboot.ALWAYS)
        seen: list[tuple[str, list[str]]] = []

        def see(_: Step) -> None:
            said = site.kubectl("get", "node", host.name, "--output=jsonpath={.spec.unschedulable}", check=False)
            seen.append((said, journal(site_state)["cordoned"]))

        run_.tell(see)
        run_.carry_out(run_.look(first=True))
        assert len(boots) == 1
        assert ("true", [host.name]) in seen
        assert not set(before) & set(pods())
        assert not nodes.all()[host.name].cordoned
        assert not (site_state / "upgrade.json").exists()
