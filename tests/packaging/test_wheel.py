"""The wheel carries all that tenantry needs and nothing else, and works where no checkout is."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SOURCES = ("modules", "stacks", "policies", "playbooks", "toolchain", "pyproject.toml", "README.md")
DATA = ("stacks", "policies", "playbooks", "toolchain")
# What working in a checkout leaves behind, and what Pulumi and Python make there.
LITTER = (
    "stacks/__pycache__/__main__.cpython-311.pyc",
    "stacks/.pulumi/stacks/tenantry/t-4f9x2k7q.json",
    "stacks/Pulumi.t-4f9x2k7q.yaml",
    "policies/__pycache__/__main__.cpython-311.pyc",
    "toolchain/pulumi/pulumi",
    "toolchain/etcd/etcd.log",
)


def run(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    # What leads Python back to the checkout stays out.
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=environment | more,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of a copy of the checkout that was worked in, with the build tools that are installed."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    for name in LITTER:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("litter")
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.iterdir()
    return built


def test_the_wheel_carries_all_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.partition("/")[0].endswith(".dist-info")}
    listed = subprocess.run(["git", "ls-files", "-z", *DATA], cwd=ROOT, capture_output=True, text=True, check=True)
    data = {f"tenantry/_data/{name}" for name in listed.stdout.split("\0") if name}
    code = {f"tenantry/{path.relative_to(ROOT / 'modules' / 'tenantry')}" for path in _code()}
    assert sorted(held - data - code) == []
    assert sorted(data - held) == []
    assert sorted(code - held) == []
    for name in ("stacks/schema/tenant.json", "stacks/templates/service.yaml", "policies/baseline.yaml"):
        assert f"tenantry/_data/{name}" in held
    assert {f"tenantry/_data/toolchain/{path.parent.name}/go.mod" for path in ROOT.glob("toolchain/*/go.mod")} <= held


def _code() -> list[Path]:
    package = ROOT / "modules" / "tenantry"
    return [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with its dependencies, as pinned, in a virtual environment of its own; give its commands."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=True)
    pip = (place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    # Few of the packages are used here: they're compiled as they are.
    done = run(*pip, "--no-compile", "-c", ROOT / "constraints.txt", wheel, cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "bin"


@pytest.fixture
def government(installed: Path, tmp_path: Path) -> Path:
    """Copy the example government out of the wheel to a folder that no checkout is around."""
    code = "from tenantry.data import example_dir; print(example_dir())"
    done = run(installed / "python", "-I", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shipped = Path(done.stdout.strip())
    assert shipped.is_relative_to(installed.parent)
    return Path(shutil.copytree(shipped, tmp_path / "government"))


def test_check_works_from_the_wheel(installed: Path, government: Path) -> None:
    done = run(installed / "tenantry", "check", government, cwd=government.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no problems" in done.stdout


def test_render_works_from_the_wheel(installed: Path, government: Path) -> None:
    done = run(installed / "tenantry", "render", "laa-portal", "--layer", "all", cwd=government)
    assert (done.returncode, done.stderr) == (0, "")
    kinds = {document["kind"] for document in yaml.safe_load_all(done.stdout)}
    assert {"Namespace", "ResourceQuota", "NetworkPolicy", "Role", "Bucket"} <= kinds


def test_every_command_explains_itself_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "tenantry", "--help", cwd=tmp_path).returncode == 0
    for name in ("pulumi-resource-objectstore", "pulumi-analyzer-policy-python"):
        assert (installed / name).is_file()


INVENTORY = """\
apiVersion: tenantry.dev/v1
kind: Inventory
metadata: {name: nowhere}
spec:
  site: nowhere
  offline: true
  racks: [{name: r01}]
  management: {account: ops, networks: [10.20.254.0/24]}
  network: {hosts: [10.20.0.0/24], pods: [10.128.0.0/14], services: [10.96.0.0/16]}
  time: {servers: [ntp1.gov.example]}
  hosts:
    - name: host-1
      roles: [etcd]
      rack: r01
      address: 10.20.0.1
      mac: '52:54:00:00:00:01'
      serial: S1
      ssh: {address: 127.0.0.1, port: 9}
      disks: [{id: /dev/disk/by-id/x, purpose: system}]
"""


def test_playbooks_are_found_and_run_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "nowhere.yaml"
    inventory.write_text(INVENTORY)
    done = run(installed / "tenantry", "hosts", "prepare", inventory, cwd=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "TEN-722 host-1 can't be reached" in done.stderr
    assert done.stdout == "1 unreachable.\n"
