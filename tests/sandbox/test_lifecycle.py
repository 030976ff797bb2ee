"""The sandbox's life: up, already up, killed, back with its data, down without a trace, two at once."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import psutil
import pytest
from command import leftovers, own_environment, pids, ports, rows, tenantry

from sites import Sandbox
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.site import furnish as furnishing
from tenantry.toolchain import binary

CONTROLLERS = "kube-controller-manager"
COMPONENTS = ("etcd", "iam", "s3", "kube-apiserver", CONTROLLERS)
SERVERS = [f"{site}/{component}" for site in ("onprem", "hosted") for component in COMPONENTS]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder with a sandbox of its own, for tests that kill and stop it."""
    folder = tmp_path_factory.mktemp("own")
    assert tenantry(folder, "sandbox", "up").returncode == 0
    yield folder
    chosen = ports(folder)
    done = tenantry(folder, "sandbox", "down", "--delete")
    assert done.returncode == 0, done.stderr
    assert leftovers(folder, chosen) == []
    assert not (folder / "sandbox").exists()
    assert list((folder / "connections").iterdir()) == []


@pytest.fixture
def own(state: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox of this module, whole, and reached through its own connections."""
    monkeypatch.setenv("TENANTRY_STATE", str(state))
    done = tenantry(state, "sandbox", "up")
    assert done.returncode == 0, done.stderr
    return Sandbox(state, ("onprem", "hosted"))


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def keep_something(own: Sandbox) -> None:
    """Leave a mark in every store of both sites."""
    for site in own.sites:
        s3, iam = own.client(site, "s3"), own.client(site, "iam")
        if "kept" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            own.kubectl(site, "create", "configmap", "kept", f"--from-literal=site={site}")
            own.kubectl(site, "create", "secret", "generic", "kept", f"--from-literal=site={site}")
            s3.create_bucket(Bucket="kept")
            s3.put_object(Bucket="kept", Key="site", Body=site.encode())
            iam.create_user(UserName="kept")


def assert_kept(own: Sandbox) -> None:
    for site in own.sites:
        for kind, value in (("configmap", site), ("secret", None)):
            got = own.kubectl(site, "get", kind, "kept", "-o", "json")
            assert got.returncode == 0, got.stderr
            assert value is None or json.loads(got.stdout)["data"]["site"] == value
        assert own.client(site, "s3").get_object(Bucket="kept", Key="site")["Body"].read().decode() == site
        assert "kept" in [user["UserName"] for user in own.client(site, "iam").list_users()["Users"]]


def test_up_again_says_so_and_starts_nothing(own: Sandbox) -> None:
    before = pids(own.state)
    done = tenantry(own.state, "sandbox", "up")
    assert done.returncode == 0
    assert "already up" in done.stdout
    assert pids(own.state) == before


def test_status_shows_every_server_with_its_port_and_memory(own: Sandbox) -> None:
    found = rows(own.state)
    assert sorted(found) == sorted(SERVERS)
    assert all(row["state"] == "ready" and row["pid"] and row["memory"] > 2**20 for row in found.values())
    assert {row["port"] for row in found.values()} <= ports(own.state)
    table = tenantry(own.state, "sandbox", "status")
    assert table.returncode == 0
    assert all(str(row["port"]) in table.stdout for row in found.values())


@pytest.mark.parametrize(
    "server", [*SERVERS[::2], *(pytest.param(server, marks=pytest.mark.faults) for server in SERVERS[1::2])]
)
def test_a_killed_server_comes_back_with_all_data_and_no_other_is_disturbed(own: Sandbox, server: str) -> None:
    keep_something(own)
    before, chosen = pids(own.state), ports(own.state)
    os.kill(before[server], signal.SIGKILL)
    psutil.wait_procs([psutil.Process(before[server])] if psutil.pid_exists(before[server]) else [], timeout=10)
    status = tenantry(own.state, "sandbox", "status")
    assert status.returncode == 3
    assert rows(own.state)[server]["state"] == "stopped"
    done = tenantry(own.state, "sandbox", "up")
    assert done.returncode == 0, done.stderr
    after = pids(own.state)
    restarted = {name for name in SERVERS if after[name] != before[name]}
    site, _, component = server.partition("/")
    # Each of an API server's connections to an etcd that was away waits for up to two minutes, long after it says that
    # it is ready: the two start together. The controller manager ends by itself when its API server is gone for long.
    together = {server} | ({f"{site}/kube-apiserver"} if component == "etcd" else set())
    assert together <= restarted <= together | {f"{site}/kube-controller-manager"}
    assert ports(own.state) == chosen
    assert_kept(own)


def test_all_killed_at_once_come_back_with_all_data(own: Sandbox) -> None:
    keep_something(own)
    for pid in pids(own.state).values():
        os.kill(pid, signal.SIGKILL)
    done = tenantry(own.state, "sandbox", "up")
    assert done.returncode == 0, done.stderr
    assert_kept(own)


@pytest.mark.parametrize(
    "component",
    ["etcd", "kube-apiserver", *(pytest.param(one, marks=pytest.mark.faults) for one in ("iam", "s3", CONTROLLERS))],
)
def test_down_leaves_nothing_also_after_a_kill(own: Sandbox, component: str) -> None:
    chosen = ports(own.state)
    os.kill(pids(own.state)[f"hosted/{component}"], signal.SIGKILL)
    done = tenantry(own.state, "sandbox", "down")
    assert done.returncode == 0, done.stderr
    assert leftovers(own.state, chosen) == []
    status = tenantry(own.state, "sandbox", "status")
    assert status.returncode == 0
    assert "The sandbox is down" in status.stdout


def test_down_keeps_data_and_down_again_is_no_fault(own: Sandbox) -> None:
    keep_something(own)
    assert tenantry(own.state, "sandbox", "down").returncode == 0
    again = tenantry(own.state, "sandbox", "down")
    assert again.returncode == 0
    assert "wasn't running" in again.stdout
    assert tenantry(own.state, "sandbox", "up").returncode == 0
    assert_kept(own)


def test_down_finds_a_server_whose_record_was_lost(own: Sandbox) -> None:
    chosen = ports(own.state)
    (own.state / "sandbox" / "onprem" / "run" / "etcd.json").unlink()
    assert tenantry(own.state, "sandbox", "down").returncode == 0
    assert leftovers(own.state, chosen) == []


def test_a_stranger_with_the_pid_of_a_dead_server_is_left_alone(own: Sandbox) -> None:
    record = own.state / "sandbox" / "onprem" / "run" / "s3.json"
    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        kept = json.loads(record.read_text())
        record.write_text(json.dumps({**kept, "pid": stranger.pid}))
        assert rows(own.state)["onprem/s3"]["state"] == "stopped"
        assert tenantry(own.state, "sandbox", "down").returncode == 0
        assert stranger.poll() is None
        stranger.terminate()


def test_servers_outlive_the_command_and_its_terminal(own: Sandbox) -> None:
    assert tenantry(own.state, "sandbox", "down").returncode == 0
    command = [sys.executable, "-m", "tenantry", "sandbox", "up"]
    environment = own_environment(own.state)
    with subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL) as started:
        session = os.getsid(started.pid)
        assert started.wait(120) == 0
    servers = [psutil.Process(pid) for pid in pids(own.state).values()]
    assert all(os.getsid(server.pid) != session for server in servers)
    assert len({os.getsid(server.pid) for server in servers}) == len(servers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing_behind(own: Sandbox, number: signal.Signals) -> None:
    assert tenantry(own.state, "sandbox", "down").returncode == 0
    command = [sys.executable, "-m", "tenantry", "sandbox", "up"]
    with subprocess.Popen(
        command,
        env=own_environment(own.state),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no threads here)
    ) as starting:
        assert starting.stderr
        assert any("kube-apiserver" in line for line in starting.stderr)
        starting.send_signal(number)
        starting.communicate(timeout=120)
        assert starting.returncode in (3, 130)
    assert leftovers(own.state, ports(own.state)) == []


def test_two_sandboxes_run_side_by_side(sandbox: Sandbox, own: Sandbox) -> None:
    assert not ports(sandbox.state) & ports(own.state)
    assert tenantry(sandbox.state, "sandbox", "status").returncode == 0
    assert tenantry(own.state, "sandbox", "status").returncode == 0
    assert not set(pids(sandbox.state).values()) & set(pids(own.state).values())


def test_connections_are_written_for_both_sites(own: Sandbox) -> None:
    for site in own.sites:
        path = own.state / "connections" / f"{site}.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "aws_secret" not in path.read_text()
        assert own.kubectl(site, "get", "namespaces").returncode == 0


def test_a_server_that_no_longer_answers_is_started_anew_with_all_data(own: Sandbox) -> None:
    keep_something(own)
    before = pids(own.state)
    os.kill(before["hosted/kube-apiserver"], signal.SIGSTOP)
    done = tenantry(own.state, "sandbox", "up")
    assert done.returncode == 0, done.stderr
    assert "stopping hosted/kube-apiserver, which runs but doesn't answer" in done.stderr
    after = pids(own.state)
    assert {name for name in SERVERS if after[name] != before[name]} == {"hosted/kube-apiserver"}
    assert_kept(own)


def test_a_server_that_an_older_version_started_is_started_anew_with_all_data(own: Sandbox) -> None:
    keep_something(own)
    before = pids(own.state)
    record = own.state / "sandbox" / "hosted" / "run" / "kube-apiserver.json"
    kept = json.loads(record.read_text())
    record.write_text(json.dumps({**kept, "command": [*kept["command"], "--anonymous-auth=true"]}))
    done = tenantry(own.state, "sandbox", "up")
    assert done.returncode == 0, done.stderr
    assert "stopping hosted/kube-apiserver, which was started with other settings" in done.stderr
    after = pids(own.state)
    restarted = {name for name in SERVERS if after[name] != before[name]}
    assert "hosted/kube-apiserver" in restarted
    assert restarted <= {"hosted/kube-apiserver", "hosted/kube-controller-manager"}
    assert_kept(own)
    assert "already up" in tenantry(own.state, "sandbox", "up").stdout


def test_a_call_that_hangs_while_etcd_comes_back_is_made_again(own: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(furnishing, "_CALL_SECONDS", 2)
    (site,) = (one for one in Layout(own.state).sites() if one.site == "hosted")
    own.kubectl("hosted", "delete", "priorityclass", "tenant-high")
    etcd = pids(own.state)["hosted/etcd"]
    os.kill(etcd, signal.SIGSTOP)
    Timer(3, os.kill, (etcd, signal.SIGCONT)).start()
    furnishing.furnish(site, binary("kubectl"))
    assert own.kubectl("hosted", "get", "priorityclass", "tenant-high").returncode == 0


def test_objects_of_the_site_come_back_when_someone_changed_them(own: Sandbox) -> None:
    own.kubectl("onprem", "delete", "priorityclass", "tenant-high")
    os.kill(pids(own.state)["onprem/s3"], signal.SIGKILL)
    time.sleep(0.1)
    assert tenantry(own.state, "sandbox", "up").returncode == 0
    assert own.kubectl("onprem", "get", "priorityclass", "tenant-high").returncode == 0
