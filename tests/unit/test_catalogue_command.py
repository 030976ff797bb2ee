"""`tenantry catalogue` writes the catalogue, and tells of all that is wrong before it writes anything."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from golden.catalogue import GOVERNMENT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the small government."""
    return Path(shutil.copytree(GOVERNMENT, tmp_path / "government"))


def change(file: Path, do: Callable[[Any], object]) -> None:
    data = yaml.safe_load(file.read_text())
    do(data["spec"])
    file.write_text(yaml.safe_dump(data), encoding="utf-8")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tenantry", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def says(spec: Any) -> Any:  # noqa: ANN401  (YAML)
    """Give what a request says of its first bucket for the catalogue."""
    return spec["buckets"][0]["catalogue"]


STATISTICS = "tenants/hospital-statistics"
PLACE = {"bucket": "more", "title": "More data", "publisher": "nobody"}
WRONG: list[tuple[str, Callable[[Any], object], str]] = [
    ("sites/south", lambda spec: spec.update(catalogue={**PLACE, "publisher": "digital"}), "TEN-530"),
    ("sites/north", lambda spec: spec.update(catalogue=PLACE), "TEN-157"),
    ("sites/north", lambda spec: spec.update(accessLogBucket="gov-catalogue"), "TEN-531"),
    ("sites/north", lambda spec: spec["catalogue"].update(bucket="t-4f9x2k7q-admissions"), "TEN-123"),
    ("sites/north", lambda spec: spec.update(publicEndpoint="http://data.gov.example"), "TEN-123"),
    (STATISTICS, lambda spec: spec["buckets"][0].update(publish=False), "TEN-532"),
    (STATISTICS, lambda spec: says(spec)["files"].append({"key": "2026/admissions.csv"}), "TEN-533"),
    *(
        (STATISTICS, lambda spec, key=key: says(spec).update(files=[{"key": key}]), "TEN-123")
        for key in ("../t-9b3m5n1p-records/a", "a/../../b", "/a", "a/.", "a?versionId=1", "a b")
    ),
    (STATISTICS, lambda spec: says(spec).update(licence="javascript:alert(1)"), "TEN-123"),
    (STATISTICS, lambda spec: says(spec).update(title="two\nlines"), "TEN-123"),
]


@pytest.mark.parametrize(("name", "do", "code"), WRONG)
def test_what_is_wrong_is_told_of_with_its_place_and_nothing_is_written(
    folder: Path, name: str, do: Callable[[Any], object], code: str
) -> None:
    change(folder / f"{name}.yaml", do)
    done = run(folder, "catalogue", "--output", "out")
    assert done.returncode == 2
    assert f"{code} " in done.stderr
    assert f"{name}.yaml:" in done.stderr
    assert not (folder / "out").exists()


def test_a_government_without_a_catalogue_is_told_how_to_have_one(folder: Path) -> None:
    change(folder / "sites" / "north.yaml", lambda spec: spec.pop("catalogue"))
    done = run(folder, "catalogue")
    assert (done.returncode, "TEN-534" in done.stderr) == (2, True)


def test_every_site_whose_address_is_not_known_is_told_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANTRY_CONNECTIONS", str(folder / "none"))
    for site in ("north", "south"):
        change(folder / "sites" / f"{site}.yaml", lambda spec: spec.pop("publicEndpoint"))
    done = run(folder, "catalogue")
    assert (done.returncode, done.stderr.count("TEN-535")) == (2, 2)


def test_the_command_writes_both_files_and_shows_hostile_titles_as_they_are(folder: Path) -> None:
    change(
        folder / "tenants" / "meteorology.yaml",
        lambda spec: spec["buckets"][0].update(catalogue={"title": "[/] [bold]x"}),
    )
    done = run(folder, "catalogue", "--output", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[/] [bold]x" in done.stdout
    assert {path.name for path in (folder / "out").iterdir()} == {"catalogue.jsonld", "index.html"}
    shown = run(folder, "catalogue", "--format", "json")
    assert shown.stdout.encode() == (folder / "out" / "catalogue.jsonld").read_bytes()
