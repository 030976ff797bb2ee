"""The toolchain's pins, and which binary is used."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tenantry.paths import cache_dir
from tenantry.problems import InputError, UnreachableError
from tenantry.toolchain import BINARIES, LOCAL, ensure, find, find_all, lookup
from tenantry.toolchain import found as finding
from tenantry.toolchain.golang import find_go
from tenantry.toolchain.table import COMPONENTS, Component, component_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with nothing built, and a PATH with nothing on it but a folder that the test may fill."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def put(folder: Path, name: str, says: str) -> Path:
    """Put a program on the PATH that answers a question for its version."""
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


def pin(package: str) -> str:
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return next(text.partition("==")[2] for text in pins if text.startswith(f"{package}=="))


def test_the_engine_is_the_one_that_the_python_package_is_pinned_to() -> None:
    assert component_of("pulumi").version == pin("pulumi")


def test_the_provider_is_the_one_that_the_python_package_is_pinned_to() -> None:
    assert component_of("pulumi-resource-kubernetes").version == pin("pulumi-kubernetes")


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_versions_come_from_the_pins(component: Component) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", component.version)
    assert component.version in component.linker_flags or not component.flags
    if not component.distribution:
        assert f"{component.module} v{component.version}" in (component.folder / "go.mod").read_text()


@pytest.mark.parametrize(
    ("binary", "says", "used"),
    [
        ("kubectl", "Client Version: v{0}.{1}.99", True),
        ("kubectl", "Client Version: v1.32.4-dispatcher", False),
        ("kube-apiserver", "Kubernetes v{0}.{1}.0", True),
        ("etcd", "etcd Version: {0}.{1}.99", True),
        ("etcd", "etcd Version: {0}.1.0", False),
        ("versitygw", "Version  : v{0}.{1}.99", True),
        ("versitygw", "Version  : git", False),
        ("pulumi", "v{0}.{1}.{2}", True),
        ("pulumi", "v{0}.{1}.99", False),
        ("pulumi-resource-kubernetes", "{0}.{1}.99", False),
    ],
)
def test_a_program_on_the_path_is_used_where_its_version_is_fit(
    empty_cache: Path, binary: str, says: str, used: bool
) -> None:
    program = put(empty_cache, binary, says.format(*component_of(binary).version.split(".")))
    found = find(binary)
    assert (found.source, found.path == program) == (("PATH", True) if used else ("not built", False))


def test_a_program_that_was_replaced_is_asked_again(empty_cache: Path) -> None:
    version = component_of("pulumi").version
    program = put(empty_cache, "pulumi", f"v{version}")
    assert find("pulumi").source == "PATH"
    put(empty_cache, "pulumi", "v3.0.0 of long ago")
    os.utime(program, (1, 1))
    assert find("pulumi").source == "not built"


def test_every_real_component_is_fit_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for binary, path in ensure(LOCAL).items():
        (tmp_path / binary).symlink_to(path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [(found.version, found.source) for found in find_all() if found.binary in LOCAL] == [
        (component.version, "PATH") for component in BINARIES.values() if not component.for_hosts
    ]


def test_what_runs_on_hosts_alone_is_not_built_for_this_machine() -> None:
    hosts = set(BINARIES) - set(LOCAL)
    assert {"kubelet", "kube-proxy", "pause", "kube-network-policies"} <= hosts
    assert component_of("kubelet").version == component_of("kube-apiserver").version


def test_a_fit_program_is_found_behind_an_old_one(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(empty_cache, "kubectl", "Client Version: v1.32.4-dispatcher")
    (behind := empty_cache / "behind").mkdir()
    fit = put(behind, "kubectl", f"Client Version: v{component_of('kubectl').version}")
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (empty_cache, behind))))
    assert (find("kubectl").source, find("kubectl").path) == ("PATH", fit)


def test_a_folder_of_the_path_that_is_said_from_here_gives_a_path_that_works_from_everywhere(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = put(empty_cache, "etcd", f"etcd Version: {component_of('etcd').version}")
    monkeypatch.chdir(empty_cache.parent)
    monkeypatch.setenv("PATH", empty_cache.name)
    assert find("etcd").path == fit


def test_a_program_that_was_too_slow_to_answer_is_asked_again(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep, program = shutil.which("sleep", path=os.defpath), put(empty_cache, "pulumi", "")
    program.write_text(f"#!/bin/sh\n[ -e {empty_cache}/awake ] || exec {sleep} 30\necho v{pin('pulumi')}\n")
    monkeypatch.setattr("tenantry.toolchain.asking._SECONDS", 0.2)
    assert find("pulumi").source == "not built"
    (empty_cache / "awake").touch()
    monkeypatch.setattr("tenantry.toolchain.asking._SECONDS", 30)
    assert find("pulumi").source == "PATH"


def test_looking_up_what_is_not_there_says_how_to_get_it(empty_cache: Path) -> None:
    with pytest.raises(UnreachableError, match="TEN-203") as error:
        lookup("etcd")
    assert "tenantry toolchain build" in str(error.value)


def test_an_unknown_binary_is_said_before_anything_is_built(empty_cache: Path) -> None:
    with pytest.raises(InputError, match="TEN-205"):
        ensure(["etcd", "docker"])


@pytest.fixture
def no_go(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No Go anywhere, and no registry that has one; the folder is on the PATH."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setattr("tenantry.toolchain.golang._beside", lambda: empty_cache / "none")
    return empty_cache


def test_without_go_and_without_a_registry_it_says_what_to_install(no_go: Path) -> None:
    told: list[str] = []
    with pytest.raises(UnreachableError, match="TEN-200") as error:
        find_go((1, 26), lambda: told.append("fetching"))
    assert "Fix: install Go 1.26 or newer" in str(error.value)
    assert told == ["fetching"]
    assert [path.name for path in (cache_dir() / "toolchain").iterdir() if path.is_dir()] == []


def test_a_go_that_is_too_old_is_not_used(no_go: Path) -> None:
    put(no_go, "go", "go1.25.9")
    with pytest.raises(UnreachableError, match="TEN-200"):
        find_go((1, 26), lambda: None)
    new = put(no_go, "go", "go1.27.0")
    assert find_go((1, 26), lambda: None) == new


def test_an_old_go_in_the_folder_of_a_newer_module_does_not_pass_for_the_one_it_would_fetch(no_go: Path) -> None:
    program = put(no_go, "go", "")
    program.write_text('#!/bin/sh\n[ "$GOTOOLCHAIN" = local ] && echo go1.25.9 || echo go1.27.0\n')
    with pytest.raises(UnreachableError, match="TEN-200"):
        find_go((1, 26), lambda: None)


def test_the_cache_is_keyed_by_all_that_decides_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    component = component_of("pulumi-resource-kubernetes")
    folder = tmp_path / component.name
    folder.mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (folder / name).write_bytes((component.folder / name).read_bytes())
    monkeypatch.setattr("tenantry.toolchain.table.toolchain_dir", lambda: tmp_path)
    seen = {finding.build_dir(component)}
    for name in ("go.mod", "go.sum", "main.go"):
        with (folder / name).open("a") as file:
            file.write("\n")
        seen.add(finding.build_dir(component))
    monkeypatch.setattr(finding, "BUILD_FLAGS", ("-race",))
    seen.add(finding.build_dir(component))
    assert len(seen) == 5


def test_the_list_names_every_binary_in_both_formats() -> None:
    command = [sys.executable, "-m", "tenantry", "toolchain"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    listed = json.loads(subprocess.run([*command, "--format", "json"], capture_output=True, check=True).stdout)
    assert [row["component"] for row in listed] == list(BINARIES) == [found.binary for found in find_all()]
    for row in listed:
        assert re.search(rf"^{row['component']} +{re.escape(row['version'])} +{row['source']}", table, re.MULTILINE)
