"""What can go wrong with the sandbox is a clear message, and mends without loss."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import leftovers, own_environment, ports, tenantry
from filelock import FileLock

from tenantry.sandbox.layout import Layout
from tenantry.toolchain import BINARIES, find


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
    assert "Traceback" not in done.stderr
    assert code in done.stderr
    assert "Fix: " in done.stderr
    for word in words:
        assert word in done.stderr


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
    settings = state / "sandbox" / "onprem" / "conf" / "encryption.yaml"
    kept = settings.read_bytes()
    settings.write_text("kind: Nonsense\n")
    try:
        done = tenantry(state, "sandbox", "up")
    finally:
        settings.write_bytes(kept)
    assert_refused(done, "TEN-304", "onprem/kube-apiserver", "Nonsense", "kube-apiserver.log")
    assert leftovers(state, ports(state)) == []


def test_a_broken_certificate_is_said(state: Path) -> None:
    certificate = state / "sandbox" / "hosted" / "pki" / "etcd.crt"
    kept = certificate.read_bytes()
    certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    try:
        done = tenantry(state, "sandbox", "up")
    finally:
        certificate.write_bytes(kept)
    assert_refused(done, "TEN-306", "certificate")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ports": {}}', "\x00\xff"])
def test_an_unreadable_state_file_is_said_and_mended_by_delete(tmp_path: Path, content: str) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "state.json").write_text(content)
    for command in ("up", "status", "down"):
        assert_refused(tenantry(tmp_path, "sandbox", command), "TEN-306", "state.json")
    assert tenantry(tmp_path, "sandbox", "down", "--delete").returncode == 0
    assert not (tmp_path / "sandbox").exists()


def test_a_binary_that_cannot_run_is_named(state: Path, tmp_path: Path) -> None:
    cache = tmp_path / "tenantry" / "toolchain"
    cache.mkdir(parents=True)
    for folder in {find(binary).path.parent for binary in BINARIES if find(binary).source == "cache"}:
        if folder.name.startswith("etcd-"):
            (cache / folder.name).mkdir()
            (cache / folder.name / "etcd").write_bytes(b"")
        else:
            (cache / folder.name).symlink_to(folder)
    done = tenantry(state, "sandbox", "up", XDG_CACHE_HOME=str(tmp_path), PATH="/nowhere")
    assert_refused(done, "TEN-303", "onprem/etcd can't be started", "toolchain build")


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
        dd if=/dev/zero of="$TENANTRY_STATE/filler" bs=64k 2>/dev/null || true
        dd if=/dev/zero of="$TENANTRY_STATE/filler2" bs=1 2>/dev/null || true
        "$PYTHON" -m tenantry sandbox up >"$TENANTRY_STATE/../refused" 2>&1 && exit 9
        rm "$TENANTRY_STATE/filler" "$TENANTRY_STATE/filler2"
        "$PYTHON" -m tenantry sandbox up
        kubectl get configmap kept
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    refused = (tmp_path / "refused").read_text()
    assert "TEN-302" in refused
    assert "Traceback" not in refused


def on_small_disk(folder: Path, megabytes: int, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script whose state folder is a file system of a size, in a mount namespace of its own."""
    unshare = shutil.which("unshare")
    assert unshare, "util-linux's unshare is needed to make a small disk"
    state = folder / "small"
    state.mkdir()
    mounted = f'mount -t tmpfs -o size={megabytes}m tmpfs "$TENANTRY_STATE"\n{script}'
    environment = own_environment(state, PYTHON=sys.executable, KUBECTL=str(find("kubectl").path))
    command = [unshare, "--map-root-user", "--mount", "sh", "-c", mounted]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
