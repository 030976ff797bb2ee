"""What can go wrong with the sandbox is a clear message, and mends without loss."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import leftovers, own_environment, pids, ports, tenantry
from filelock import FileLock

from tenantry.sandbox.layout import Layout
from tenantry.toolchain import BINARIES, find

FILL = """
fill() {
    dd if=/dev/zero of="$TENANTRY_STATE/filler$(date +%N)" bs=64k 2>/dev/null || true
    dd if=/dev/zero of="$TENANTRY_STATE/filler$(date +%N)" bs=1 2>/dev/null || true
}
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder with a sandbox that was up once and is down."""
    folder = tmp_path_factory.mktemp("own")
    for command in ("up", "down"):
        done = tenantry(folder, "sandbox", command)
        assert done.returncode == 0, done.stderr
    yield folder
    assert tenantry(folder, "sandbox", "down", "--delete").returncode == 0


def assert_refused(done: subprocess.CompletedProcess[str], code: str, *words: str) -> None:
    assert done.returncode == 3, done.stdout + done.stderr
    assert_message(done.stderr, code, *words)


def assert_message(text: str, code: str, *words: str) -> None:
    assert "Traceback" not in text
    for word in (code, "Fix: ", *words):
        assert word in text


def test_a_taken_port_is_named_with_who_has_it(state: Path) -> None:
    port = Layout(state).sites()[1].ports["s3"]
    with socket.create_server(("127.0.0.1", port)):
        done = tenantry(state, "sandbox", "up")
    assert_refused(done, "TEN-301", f"port {port} of hosted/s3", f"pid {os.getpid()}")
    assert leftovers(state, ports(state)) == []


def test_a_second_command_at_the_same_time_is_refused(state: Path) -> None:
    with FileLock(state / "sandbox" / "lock"):
        for command in ("up", "down"):
            assert_refused(tenantry(state, "sandbox", command), "TEN-300", "another `tenantry sandbox` command")


def test_a_server_that_ends_while_starting_shows_what_it_said(state: Path) -> None:
    log = state / "sandbox" / "onprem" / "log" / "kube-apiserver.log"
    with log.open("a") as earlier:
        earlier.write("write failed: no space left on device\n")
    with broken(state / "sandbox" / "onprem" / "conf" / "encryption.yaml", "kind: Nonsense\n"):
        done = tenantry(state, "sandbox", "up")
    assert_refused(done, "TEN-304", "onprem/kube-apiserver", "Nonsense", "kube-apiserver.log")
    assert "no space left" not in done.stderr
    assert leftovers(state, ports(state)) == []


def test_a_broken_certificate_is_said(state: Path) -> None:
    nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    with broken(state / "sandbox" / "hosted" / "pki" / "etcd.crt", nonsense):
        done, status = tenantry(state, "sandbox", "up"), tenantry(state, "sandbox", "status")
    assert_refused(done, "TEN-306", "certificate")
    assert "Traceback" not in status.stderr
    assert "stopped" in status.stdout


@pytest.mark.parametrize("content", ["", "nonsense", "[hosted]\n", "[other]\naws_access_key_id = a\n"])
def test_broken_keys_of_an_object_store_are_said(state: Path, content: str) -> None:
    with broken(state / "sandbox" / "hosted" / "conf" / "aws-credentials", content):
        for command in ("up", "status"):
            assert_refused(tenantry(state, "sandbox", command), "TEN-306", "aws-credentials")
        assert tenantry(state, "sandbox", "down").returncode == 0


def test_status_makes_nothing_that_is_missing(state: Path) -> None:
    certificate = state / "sandbox" / "hosted" / "pki" / "server.crt"
    kept = certificate.read_bytes()
    certificate.unlink()
    try:
        assert "stopped" in tenantry(state, "sandbox", "status").stdout
        assert not certificate.exists()
    finally:
        certificate.write_bytes(kept)


def test_a_server_that_could_not_be_noted_is_not_left_behind(state: Path) -> None:
    records = state / "sandbox" / "onprem" / "run"
    records.rmdir()
    records.touch()
    try:
        done = tenantry(state, "sandbox", "up")
        assert_refused(done, "TEN-306", str(records))
        assert leftovers(state, ports(state)) == []
    finally:
        records.unlink()


def test_an_object_store_that_refuses_its_first_bucket_is_said(state: Path) -> None:
    bucket = state / "sandbox" / "onprem" / "data" / "s3" / "service-account-issuer"
    kept = bucket.rename(bucket.parent.parent / "kept")
    bucket.touch()
    try:
        done = tenantry(state, "sandbox", "up")
    finally:
        bucket.unlink()
        kept.rename(bucket)
    assert_refused(done, "TEN-305", "onprem/s3", "s3.log")
    assert leftovers(state, ports(state)) == []


def test_a_lock_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    (tmp_path / "sandbox" / "lock").mkdir(parents=True)
    for command in ("up", "down"):
        assert_refused(tenantry(tmp_path, "sandbox", command), "TEN-306", "lock")


@pytest.mark.parametrize("command", ["down", pytest.param("up", marks=pytest.mark.faults)])
def test_servers_of_a_folder_that_was_removed_are_ended(tmp_path: Path, command: str) -> None:
    assert tenantry(tmp_path, "sandbox", "up").returncode == 0
    before, chosen = set(pids(tmp_path).values()), ports(tmp_path)
    shutil.rmtree(tmp_path / "sandbox")
    done = tenantry(tmp_path, "sandbox", command)
    assert done.returncode == 0, done.stderr
    if command == "up":
        assert not before & set(pids(tmp_path).values())
        assert tenantry(tmp_path, "sandbox", "down", "--delete").returncode == 0
    assert leftovers(tmp_path, chosen) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ports": {}}', "\x00\xff"])
def test_an_unreadable_state_file_is_said_and_mended_by_delete(tmp_path: Path, content: str) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "state.json").write_text(content)
    for command in ("up", "status", "down"):
        assert_refused(tenantry(tmp_path, "sandbox", command), "TEN-306", "state.json")
    assert tenantry(tmp_path, "sandbox", "down", "--delete").returncode == 0
    assert not (tmp_path / "sandbox").exists()


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o644), (b"", 0o755), (b"\x7fELF nonsense", 0o755)])
def test_a_binary_that_cannot_run_is_named(state: Path, tmp_path: Path, content: bytes, mode: int) -> None:
    cache = tmp_path / "tenantry" / "toolchain"
    cache.mkdir(parents=True)
    for folder in {find(binary).path.parent for binary in BINARIES if find(binary).source == "cache"}:
        if folder.name.startswith("etcd-"):
            (cache / folder.name).mkdir()
            (program := cache / folder.name / "etcd").write_bytes(content)
            program.chmod(mode)
        else:
            (cache / folder.name).symlink_to(folder)
    done = tenantry(state, "sandbox", "up", XDG_CACHE_HOME=str(tmp_path), PATH="/nowhere")
    assert_refused(done, "TEN-303", "onprem/etcd can't be started", f"delete {program.parent}, then", "toolchain build")
    assert leftovers(state, ports(state)) == []


def test_a_disk_too_small_is_said_before_anything_starts(tmp_path: Path) -> None:
    done = on_small_disk(tmp_path, 64, '"$PYTHON" -m tenantry sandbox up')
    assert_refused(done, "TEN-302", "the disk is full", "TENANTRY_STATE")


def test_a_disk_that_fills_later_loses_nothing(tmp_path: Path) -> None:
    done = on_small_disk(
        tmp_path,
        900,
        """
        set -e
        "$PYTHON" -m tenantry sandbox up
        kubectl() { "$KUBECTL" --kubeconfig "$TENANTRY_STATE/sandbox/onprem/conf/tenantry.kubeconfig" "$@"; }
        trap '"$PYTHON" -m tenantry sandbox down --delete' EXIT
        kubectl create configmap kept
        "$PYTHON" -m tenantry sandbox down
        fill
        "$PYTHON" -m tenantry sandbox up >"$TENANTRY_STATE/../refused" 2>&1 && exit 9
        rm "$TENANTRY_STATE"/filler*
        "$PYTHON" -m tenantry sandbox up
        kubectl get configmap kept
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_message((tmp_path / "refused").read_text(), "TEN-302")


def test_a_full_disk_keeps_nothing_up(tmp_path: Path) -> None:
    done = on_small_disk(
        tmp_path,
        900,
        """
        set -e
        "$PYTHON" -m tenantry sandbox up
        trap 'rm -f "$TENANTRY_STATE"/filler*; "$PYTHON" -m tenantry sandbox down --delete' EXIT
        fill
        "$PYTHON" -m tenantry sandbox down || true
        pgrep -f "$TENANTRY_STATE/sandbox/" && exit 8
        # What the servers let go of made room again.
        fill
        "$PYTHON" -m tenantry sandbox down >"$TENANTRY_STATE/../refused" 2>&1 && exit 9
        rm "$TENANTRY_STATE"/filler*
        "$PYTHON" -m tenantry sandbox down
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_message((tmp_path / "refused").read_text(), "TEN-302")


@contextmanager
def broken(path: Path, content: str) -> Iterator[None]:
    """Put something else into a file for a while."""
    kept = path.read_bytes()
    path.write_text(content)
    try:
        yield
    finally:
        path.write_bytes(kept)


def on_small_disk(folder: Path, megabytes: int, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script whose state folder is a file system of a size, in a mount namespace of its own."""
    unshare = shutil.which("unshare")
    assert unshare, "util-linux's unshare is needed to make a small disk"
    state = folder / "small"
    state.mkdir()
    mounted = f'mount -t tmpfs -o size={megabytes}m tmpfs "$TENANTRY_STATE"\n{FILL}\n{script}'
    environment = own_environment(state, PYTHON=sys.executable, KUBECTL=str(find("kubectl").path))
    command = [unshare, "--map-root-user", "--mount", "sh", "-c", mounted]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
