"""Hosts of a site are changed by one command at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from test_inventory import good

from tenantry.hosts.alone import alone
from tenantry.hosts.reading import read_inventory
from tenantry.problems import Exit


@pytest.mark.parametrize("command", ["prepare", "upgrade"])
def test_a_second_command_is_refused(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANTRY_STATE", str(tmp_path / "state"))
    file = tmp_path / "onprem.yaml"
    file.write_text(yaml.safe_dump(good()))
    words = [sys.executable, "-m", "tenantry", "hosts", command, str(file)]
    with alone(read_inventory(file)):
        done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "160"})
    assert done.returncode == Exit.INPUT
    assert "TEN-776 hosts of onprem are being changed by another command on this machine" in done.stderr


def test_the_next_one_may_begin_when_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANTRY_STATE", str(tmp_path / "state"))
    file = tmp_path / "onprem.yaml"
    file.write_text(yaml.safe_dump(good()))
    site = read_inventory(file)
    for _ in range(2):
        with alone(site):
            pass
