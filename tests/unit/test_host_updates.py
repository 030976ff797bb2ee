"""Which security updates wait is told by the newest index that a host has, and never by none."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from playbook_modules import load

pytestmark = pytest.mark.skipif(shutil.which("apt") is None, reason="apt, which is asked, is Debian's")

OLD, NEW = "Mon, 02 Nov 2026 03:04:05 UTC", "Thu, 26 Nov 2026 21:03:35 UTC"
HISTORY = "2026-11-20T03:10:00Z"


@pytest.fixture
def updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the hosts' module, on a host whose folders are in a temporary one."""
    module = load("module_utils/host_updates.py")
    monkeypatch.setattr(module, "HELD", str(tmp_path / "held"))
    monkeypatch.setattr(module, "OWN", str(tmp_path / "own"))
    monkeypatch.setattr(module, "last_patched", lambda: HISTORY)
    return module


def architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def lay(folder: Path, date: str, suite: str = "oldstable-security", version: str = "999") -> None:
    """Lay an archive's index of one package as apt keeps it, and the line that names it."""
    processor, place = architecture(), "mirror.gov.example_debian_dists_bookworm-security"
    index = (
        f"Package: base-files\nVersion: {version}\nArchitecture: {processor}\nMaintainer: x\nDescription: x\n"
        f"Filename: pool/x.deb\nSize: 1\nSHA256: {'0' * 64}\n"
    )
    name = f"main/binary-{processor}/Packages"
    lists = folder / "lists"
    lists.mkdir(parents=True)
    (lists / f"{place}_{name.replace('/', '_')}").write_text(index)
    digest = hashlib.sha256(index.encode()).hexdigest()
    release = f"Origin: Debian\nSuite: {suite}\nCodename: bookworm-security\nDate: {date}\nComponents: main\n"
    release += f"Architectures: {processor}\nSHA256:\n {digest} {len(index)} {name}\n"
    (lists / f"{place}_InRelease").write_text(release)
    (folder / "sources.list").write_text("deb http://mirror.gov.example/debian bookworm-security main\n")


def test_what_a_bundle_brought_tells_what_waits(updates: ModuleType, tmp_path: Path) -> None:
    lay(tmp_path / "held", NEW)
    assert updates.packages() == {
        "securityUpdates": 1,
        "indexed": "2026-11-26T21:03:35Z",
        "lastPatched": HISTORY,
    } | reboot(updates)


def test_a_host_that_has_the_newest_waits_for_none(updates: ModuleType, tmp_path: Path) -> None:
    lay(tmp_path / "held", NEW, version="0")
    assert updates.packages()["securityUpdates"] == 0


def test_the_newer_index_is_asked(updates: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path / "held", OLD)
    lay(tmp_path / "apt", NEW)
    monkeypatch.setattr(updates, "OWN", str(tmp_path / "apt" / "lists"))
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(updates, "said", lambda *words: asked.append(words) or "Listing...\n")
    assert updates.packages()["indexed"] == "2026-11-26T21:03:35Z"
    assert asked == [("apt", "list", "--upgradable")]


@pytest.mark.parametrize("suite", [None, "oldstable", "oldstable-updates"])
def test_a_host_with_no_index_of_security_updates_tells_nothing(
    updates: ModuleType, tmp_path: Path, suite: str | None
) -> None:
    if suite:
        lay(tmp_path / "held", NEW, suite=suite)
    with pytest.raises(Exception, match="no index of security updates"):
        updates.packages()


def reboot(updates: ModuleType) -> dict[str, Any]:
    """Give what is told of a reboot that waits on this machine itself."""
    pending = Path("/run/reboot-required")
    return {"rebootPendingSince": updates.utc(pending.stat().st_mtime)} if pending.exists() else {}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the module that installs, on such a host, to which the bundle's files were copied."""
    module = load("library/host_packages.py")
    monkeypatch.setattr(module, "HELD", str(tmp_path / "held"))
    monkeypatch.setattr(module, "SCRATCH", str(tmp_path / "scratch"))
    return module


def bundled(folder: Path, date: str) -> list[dict[str, str]]:
    """Give what a bundle's manifest says of an index, whose files are laid in a folder."""
    lay(folder, date)
    return [
        {
            "path": f"updates/{file.relative_to(folder)}",
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "date": date,
        }
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]


def test_an_index_comes_once_and_an_older_one_never(packages: ModuleType, tmp_path: Path) -> None:
    of_bundle = tmp_path / "scratch" / "files" / "updates"
    newer, older = "2026-11-26T21:03:35Z", "2026-11-02T03:04:05Z"
    wanted = [one | {"date": newer} for one in bundled(of_bundle, NEW)]
    assert packages.look_at_updates(wanted) == (
        [f"index of security updates {newer} is missing"],
        [one["path"] for one in wanted],
    )
    packages.replace_updates()
    assert packages.look_at_updates(wanted) == ([], [])
    assert not (tmp_path / "scratch" / "files" / "updates").exists()
    (damaged := next((tmp_path / "held" / "lists").glob("*Packages"))).write_text("")
    assert packages.look_at_updates(wanted)[1] == [one["path"] for one in wanted]
    assert damaged.exists()
    earlier = [one | {"date": older} for one in bundled(tmp_path / "earlier", OLD)]
    assert packages.look_at_updates(earlier) == ([], [])
    assert packages.look_at_updates([]) == ([], [])
