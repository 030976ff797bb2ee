"""`tenantry grants usage` finds the government around it, and asks no store where the logs name users and roles."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from golden.catalogue import GOVERNMENT
from golden.usage import LOG, report


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tenantry", "grants", "usage", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def grants_of(document: dict[str, Any]) -> dict[str, Any]:
    return {one["grant"]: one["total"] for one in document["grants"]}


def test_it_counts_what_a_government_grants_from_wherever_in_it(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("\n".join(line for line in LOG if "AKIA" not in line), encoding="utf-8")
    for folder, words in ((GOVERNMENT / "tenants", ()), (tmp_path, ("--context", str(GOVERNMENT)))):
        done = run(folder, str(log), "--format", "json", *words)
        assert done.returncode == 0, done.stderr
        assert grants_of(json.loads(done.stdout)) == {"air-prices": grants_of(report())["air-prices"]}
    every = json.loads(run(GOVERNMENT, str(log), "--all", "--format", "json").stdout)
    assert grants_of(every).keys() == grants_of(report()).keys()


def test_without_a_government_it_says_what_to_name(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(LOG[0], encoding="utf-8")
    done = run(tmp_path, "access.log")
    assert (done.returncode, done.stdout) == (2, "")
    assert "TEN-573 there is no government's folder here" in done.stderr
    assert "name the folder with --context" in done.stderr


def test_a_key_s_user_is_asked_of_the_stores_and_without_them_nothing_is_counted(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("\n".join(LOG), encoding="utf-8")
    done = run(GOVERNMENT, str(tmp_path / "access.log"), "--all", "--output", str(tmp_path / "usage"))
    assert (done.returncode, done.stdout) == (3, "")
    assert not (tmp_path / "usage").exists()
