"""Hundreds of real tenants in one run (`make test-load`)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from estate.requests import requests, write
from sites import Sandbox
from tenantry.data import example_dir

TENANTS = 200


@pytest.mark.load
def test_two_hundred_tenants_of_the_estate_are_provisioned_in_one_run(sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("sites", "departments"):
        shutil.copytree(example_dir() / name, tmp_path / name)
    documents = requests(TENANTS, salt="load")
    write(tmp_path / "tenants", documents)

    applied = _apply(tmp_path)
    again = _apply(tmp_path)

    assert {one["action"] for one in applied} == {"created"}
    assert {one["action"] for one in again} == {"unchanged"}
    assert {one["tenant"] for one in applied} == {document["spec"]["id"] for document in documents}
    living = sandbox.snapshot()
    for one in applied:
        there = living[one["site"]]
        assert all(f"Namespace//{namespace}" in there for namespace in one["namespaces"])
        assert all(f"Bucket/{bucket}" in there for bucket in one["buckets"])


def _apply(government: Path) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "tenantry", "apply", str(government), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcomes: list[dict[str, object]] = json.loads(done.stdout)
    return outcomes
