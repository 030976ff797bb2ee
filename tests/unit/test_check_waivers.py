"""`tenantry check` with waivers: what they excuse is shown and passes, and what is wrong with them is told."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checking import PRIVILEGED, check
from examples import write

TENANT = "t-4f9x2k7q"
TODAY = datetime.now(UTC).date()
WEB = f"{{tenant: {TENANT}, namespace: main, kind: Deployment, name: web}}"
WAIVER = f"""\
apiVersion: tenantry.dev/v1
kind: Waiver
metadata: {{name: old-web}}
spec:
  policy: pod-privileged
  objects: [{WEB}]
  reason: The vendor's image needs it until the next release.
  owner: records@health.gov.example
  approver: ciso@interior.gov.example
  ticket: SEC-311
  approved: {TODAY - timedelta(days=10)}
  expires: {TODAY + timedelta(days=90)}
"""
DEPLOYMENT = PRIVILEGED.replace("namespace: main", f"namespace: {TENANT}-main")


def checked(folder: Path, *options: str) -> tuple[int, list[dict[str, Any]], dict[str, int]]:
    """Check a folder; give the exit code, what was found of objects and waivers, and the sums."""
    done = check(".", "--format", "json", *options, cwd=folder)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    found = [one for one in report["results"] if one["code"] != "TEN-160"]
    return done.returncode, found, report["summary"]


def write_both(folder: Path, old: str = "", new: str = "", deployment: str = DEPLOYMENT) -> None:
    assert old in WAIVER
    write(folder, "waiver.yaml", WAIVER.replace(old, new) if old else WAIVER)
    write(folder, "web.yaml", deployment)


def test_what_a_waiver_excuses_passes_and_is_shown(tmp_path: Path) -> None:
    write_both(tmp_path)
    code, (found,), summary = checked(tmp_path)
    assert code == 0
    assert (found["policy"], found["verdict"], found["code"], found["waiver"]) == (
        "pod-privileged",
        "allow",
        "TEN-620",
        "old-web",
    )
    assert (summary["allow"], summary["deny"]) == (2, 0)
    shown = check(".", cwd=tmp_path).stdout
    assert re.search(r"allow pod-privileged: .*TEN-620\n    Waived by old-web\.\n", shown)


@pytest.mark.parametrize(
    "deployment",
    [DEPLOYMENT.replace("name: web,", "name: web-2,"), DEPLOYMENT.replace(TENANT, "t-4f9x2k7r")],
    ids=["another name", "another tenant"],
)
def test_it_excuses_nothing_else(tmp_path: Path, deployment: str) -> None:
    write_both(tmp_path, deployment=deployment)
    code, found, _ = checked(tmp_path)
    assert code == 1
    assert [(one["verdict"], one["waiver"]) for one in found if one["policy"] == "pod-privileged"] == [("deny", None)]


def test_another_policy_still_denies(tmp_path: Path) -> None:
    write_both(tmp_path, deployment=DEPLOYMENT.replace("drop: [ALL]", "drop: []"))
    code, found, _ = checked(tmp_path)
    assert code == 1
    assert {(one["policy"], one["verdict"]) for one in found} == {
        ("pod-privileged", "allow"),
        ("pod-capabilities", "deny"),
    }


@pytest.mark.parametrize(
    ("old", "new", "code", "word"),
    [
        (f"expires: {TODAY + timedelta(days=90)}", f"expires: {TODAY - timedelta(days=1)}", "TEN-621", "lapsed on"),
        (f"approved: {TODAY - timedelta(days=10)}", f"approved: {TODAY + timedelta(days=1)}", "TEN-621", "nothing yet"),
        ("policy: pod-privileged", "policy: pod-privilege", "TEN-624", "no policy pod-privilege"),
        ("name: web}", "name: api}", "TEN-622", "none of the objects"),
    ],
    ids=["lapsed", "early", "unknown policy", "another object"],
)
def test_one_without_effect_is_told_and_excuses_nothing(
    tmp_path: Path, old: str, new: str, code: str, word: str
) -> None:
    write_both(tmp_path, old, new)
    exit_code, found, _ = checked(tmp_path)
    assert exit_code == 1
    (told,) = (one for one in found if one["policy"] == "waivers")
    assert (told["verdict"], told["code"], told["object"]["name"], told["line"]) == ("warn", code, "old-web", 1)
    assert word in told["message"]
    assert [one["verdict"] for one in found if one["policy"] == "pod-privileged"] == ["deny"]


def test_its_last_day_counts(tmp_path: Path) -> None:
    write_both(tmp_path, f"expires: {TODAY + timedelta(days=90)}", f"expires: {TODAY}")
    assert checked(tmp_path)[0] == 0


def test_one_that_is_approved_by_its_owner_excuses_nothing(tmp_path: Path) -> None:
    write_both(tmp_path, "approver: ciso@interior", "approver: records@health")
    code, found, _ = checked(tmp_path)
    assert code == 2
    assert {("TEN-153", "deny"), ("TEN-610", "deny")} <= {(one["code"], one["verdict"]) for one in found}


def test_one_that_is_wide_is_told(tmp_path: Path) -> None:
    write_both(tmp_path, WEB, f"{{tenant: {TENANT}}}")
    code, found, _ = checked(tmp_path)
    assert code == 0
    assert {one["code"] for one in found} == {"TEN-620", "TEN-623"}


def test_one_that_is_context_excuses_and_is_not_reported(tmp_path: Path) -> None:
    for name in ("around", "own"):
        (tmp_path / name).mkdir()
    write(tmp_path, "around/waiver.yaml", WAIVER.replace(WEB, f"{{tenant: {TENANT}}}"))
    write(tmp_path, "own/web.yaml", DEPLOYMENT)
    done = check("own", "--context", "around", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0
    assert {one["code"] for one in json.loads(done.stdout)["results"]} <= {"TEN-620", "TEN-160"}


def test_every_format_shows_it(tmp_path: Path) -> None:
    write_both(tmp_path)
    sarif = json.loads(check(".", "--format", "sarif", cwd=tmp_path).stdout)
    (result,) = (one for one in sarif["runs"][0]["results"] if one["ruleId"] == "pod-privileged")
    assert result["level"] == "note"
    (suppression,) = result["suppressions"]
    assert (suppression["status"], suppression["justification"]) == ("accepted", "waiver old-web")
    assert "::notice file=web.yaml" in check(".", "--format", "github", cwd=tmp_path).stdout
    junit = check(".", "--format", "junit", cwd=tmp_path).stdout
    assert "waived by old-web" in junit
    assert 'failures="0"' in junit


def test_a_folder_of_other_policies_names_its_own(tmp_path: Path) -> None:
    policies = Path(__file__).parents[2] / "policies" / "bucket"
    write_both(tmp_path)
    done = check("waiver.yaml", "--policy", policies, "--format", "json", cwd=tmp_path)
    codes = {one["code"] for one in json.loads(done.stdout)["results"]}
    assert "TEN-624" in codes
