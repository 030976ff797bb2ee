"""A sandbox has its ports for itself, also while another one is stopped or has only just chosen."""

import json
from pathlib import Path

import pytest

from tenantry.sandbox.layout import Layout


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def choose(folder: Path) -> list[int]:
    return [port for site in Layout(folder).choose() for port in site.ports.values()]


def test_no_two_sandboxes_choose_the_same_port(tmp_path: Path) -> None:
    # Nothing listens at any of them; chosen blindly, 560 of 10,000 ports would meet almost surely.
    chosen = [port for number in range(40) for port in choose(tmp_path / str(number))]
    assert len(set(chosen)) == len(chosen)


def test_the_ports_of_a_deleted_sandbox_are_free_again(tmp_path: Path) -> None:
    choose(tmp_path / "kept")
    choose(tmp_path / "deleted")
    Layout(tmp_path / "deleted").state_file.unlink()
    choose(tmp_path / "new")
    listed = json.loads((tmp_path / "cache" / "tenantry" / "sandboxes.json").read_text(encoding="utf-8"))
    assert listed == [str(Layout(tmp_path / name).state_file) for name in ("kept", "new")]


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_a_list_that_cannot_be_read_stops_nobody(tmp_path: Path, content: str) -> None:
    listed = tmp_path / "cache" / "tenantry" / "sandboxes.json"
    listed.parent.mkdir(parents=True)
    listed.write_text(content, encoding="utf-8")
    assert choose(tmp_path / "one")


def test_a_sandbox_keeps_its_ports(tmp_path: Path) -> None:
    assert choose(tmp_path / "one") == choose(tmp_path / "one")
