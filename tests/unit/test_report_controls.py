"""Controls: what frameworks list, what policies name, and what `tenantry report controls` makes of both."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from examples import write
from tenantry.check.judging import load_baseline_policies
from tenantry.data import controls_dir, policy_dir
from tenantry.evidence.coverage import Coverage, Status, cover_framework, find_unknown
from tenantry.evidence.frameworks import Framework, State, load_frameworks
from tenantry.policy.documents.model import Policy
from tenantry.problems import InputError

PAGE = Path(__file__).parents[2] / "docs" / "controls.md"
FRAMEWORKS = load_frameworks()
POLICIES = [one.policy for one in load_baseline_policies(None).policies]
NAMED = {(policy.name, control) for policy in POLICIES for control in policy.controls}
ROWS = {
    (policy, f"{framework.name}/{control.number}")
    for framework in FRAMEWORKS
    for control in framework.controls
    for policy in control.policies
}
SMALL = """\
name: small
title: A small framework
publisher: Somebody
scope: Three controls that were made up for a test.
sources:
  read: {document: A book, place: page 7}
  unread: {document: Another book}
controls:
  - number: "1"
    title: Be careful
    judged: automatic
    policies:
      careful: {state: verified, source: read}
      wary: {state: asserted, source: unread}
  - number: "2"
    title: Be watchful
    judged: automatic
  - number: "3"
    title: Be wise
    judged: manual
    why: wisdom shows in no object
"""


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tenantry", "report", "controls", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@cache
def report(*arguments: str | Path) -> list[dict[str, Any]]:
    done = run(*arguments, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)["frameworks"]
    return found


def policy(name: str, *controls: str, layer: str = "workload") -> Policy:
    annotations = {"tenantry.dev/controls": " ".join(controls), "tenantry.dev/layer": layer}
    return Policy(name, match=POLICIES[0].match, annotations=annotations)


def small(folder: Path) -> Framework:
    (found,) = load_frameworks(write(folder, "small.yaml", SMALL).parent)
    return found


def stands(coverage: Coverage) -> dict[str, str]:
    return {one.control.number: one.status.value for one in coverage.answers}


# What ships: policies, which say by annotation what they are for, and frameworks, which say why that is so.


def test_every_control_that_a_policy_names_is_listed() -> None:
    assert [str(found) for found in find_unknown(FRAMEWORKS, POLICIES)] == []


def test_every_control_that_a_policy_names_has_a_row_that_says_why() -> None:
    missing = [
        f"add to policies/controls/{framework}.yaml, below number {number!r}, policies: "
        f"{name}: {{state: asserted, source: ...}} (docs/controls.md)"
        for name, control in sorted(NAMED - ROWS)
        for framework, _, number in [control.partition("/")]
    ]
    assert missing == [], "\n".join(missing)


def test_every_row_is_of_a_policy_that_names_the_control() -> None:
    extra = [
        f"add {control} to tenantry.dev/controls of policy {name}, or remove its row from policies/controls"
        for name, control in sorted(ROWS - NAMED)
    ]
    assert extra == [], "\n".join(extra)


def test_a_policy_names_a_control_of_both_versions_of_the_benchmark_by_the_number_that_it_has_there() -> None:
    # Numbers moved between versions; titles, within a section, didn't.
    older, newer = ({_place(one.number, one.title): one for one in _framework(v).controls} for v in ("1.11", "1.12"))
    both = older.keys() & newer.keys()
    assert len(both) > 120
    assert any(older[place].number != newer[place].number for place in both)
    wrong = [
        f"{', '.join(set(older[place].policies) ^ set(newer[place].policies))} must name both "
        f"cis-kubernetes-1.11/{older[place].number} and cis-kubernetes-1.12/{newer[place].number}"
        for place in sorted(both)
        if set(older[place].policies) != set(newer[place].policies)
    ]
    assert wrong == [], "\n".join(wrong)


def _framework(version: str) -> Framework:
    return next(one for one in FRAMEWORKS if one.name == f"cis-kubernetes-{version}")


def _place(number: str, title: str) -> tuple[str, str]:
    return number.rpartition(".")[0], title


def test_nothing_of_a_standard_that_nobody_read_is_verified() -> None:
    standard = next(one for one in FRAMEWORKS if one.name == "gbt-22239-l3")
    assert {row.state for one in standard.controls for row in one.policies.values()} == {State.ASSERTED}


# What is made of them.


def test_a_control_is_covered_by_the_policies_that_name_it(tmp_path: Path) -> None:
    policies = [policy("wary", "small/1"), policy("careful", "small/1", "other/2", layer="bucket")]
    coverage = cover_framework(small(tmp_path), policies)
    assert stands(coverage) == {"1": "covered", "2": "uncovered", "3": "manual"}
    told = [(one.policy, one.layer, one.state, one.source) for one in coverage.answers[0].evidence]
    assert told == [
        ("careful", "bucket", "verified", "A book: page 7"),
        ("wary", "workload", "asserted", "Another book"),
    ]
    assert (coverage.count(Status.COVERED), coverage.verified) == (1, 1)


def test_a_row_alone_covers_nothing(tmp_path: Path) -> None:
    coverage = cover_framework(small(tmp_path), [policy("careful", "other/1")])
    assert (stands(coverage)["1"], coverage.verified) == ("uncovered", 0)


def test_a_policy_without_a_row_is_never_taken_for_verified(tmp_path: Path) -> None:
    coverage = cover_framework(small(tmp_path), [policy("new", "small/2")])
    assert stands(coverage)["2"] == "covered"
    assert coverage.answers[1].evidence[0].state is State.ASSERTED
    assert coverage.verified == 0


def test_people_are_told_of_evidence_for_what_they_judge_themselves(tmp_path: Path) -> None:
    assert stands(cover_framework(small(tmp_path), [policy("new", "small/3")]))["3"] == "covered"


def test_a_policy_that_is_removed_leaves_its_controls_uncovered(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(policy_dir(), tmp_path / "policies"))
    gone = "rbac-nodes-proxy"
    shutil.rmtree(copy / "workload" / gone)
    before, after = report(), report("--policy", copy)
    alone = {
        (one["name"], control["number"])
        for one in before
        for control in one["controls"]
        if [named["policy"] for named in control["policies"]] == [gone]
    }
    assert alone
    changed = {
        (one["name"], now["number"])
        for one, other in zip(before, after, strict=True)
        for then, now in zip(one["controls"], other["controls"], strict=True)
        if (then["status"], now["status"]) == ("covered", "uncovered")
    }
    assert changed == alone


def test_sums_are_those_of_the_controls() -> None:
    for one in report():
        counts = [control["status"] for control in one["controls"]]
        verified = [c for c in one["controls"] if any(p["state"] == "verified" for p in c["policies"])]
        expected = {status.value: counts.count(status.value) for status in Status}
        assert one["summary"] == {"controls": len(counts), "verified": len(verified), **expected}
        assert all((control["status"] == "covered") == bool(control["policies"]) for control in one["controls"])


def test_the_page_shows_the_sums_that_are() -> None:
    (shown,) = re.findall(r'"name": "([^"]+)".*\n +"summary": ({.*}),', PAGE.read_text())
    (found,) = report("--framework", shown[0])
    assert json.loads(shown[1]) == found["summary"]


def test_the_text_has_a_sum_for_each_framework_and_marks_what_is_only_asserted() -> None:
    done = run("--framework", "pod-security")
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = report("--framework", "pod-security")
    total = found["summary"]
    assert f"{total['covered']} of {total['controls']} covered ({total['verified']} verified), " in done.stdout
    assert f"{total['manual']} manual, {total['outside']} outside, {total['uncovered']} uncovered." in done.stdout
    header, *lines = done.stdout.splitlines()[1:]
    column = header.index("asserted")
    for control in found["controls"]:
        for named in control["policies"]:
            (line,) = [line for line in lines if f"/{named['policy']} " in f"{line} "]
            assert (line.index(f"/{named['policy']}") > column) == (named["state"] == "asserted")


def test_frameworks_are_chosen_by_name() -> None:
    chosen = report("--framework", "pod-security", "--framework", "cis-kubernetes-1.12")
    assert [one["name"] for one in chosen] == ["pod-security", "cis-kubernetes-1.12"]
    assert [one["name"] for one in report()] == sorted(file.stem for file in controls_dir().glob("*.yaml"))


def test_an_unknown_framework_is_told_with_those_that_there_are() -> None:
    done = run("--framework", "cis-kubernetes-1.13")
    assert (done.returncode, done.stdout) == (2, "")
    assert "TEN-630 there is no framework cis-kubernetes-1.13" in done.stderr
    assert all(one.name in done.stderr for one in FRAMEWORKS)


def test_a_control_that_no_framework_lists_is_told_of(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(policy_dir() / "workload" / "rbac-exec", tmp_path / "workload" / "rbac-exec"))
    text = (copy / "policy.yaml").read_text()
    (copy / "policy.yaml").write_text(text.replace("nist-800-53r5/AC-17", "nist-800-53r5/AC-170"))
    done = run("--policy", tmp_path)
    assert done.returncode == 0
    assert "TEN-632 policy rbac-exec names the control nist-800-53r5/AC-170" in done.stderr
    assert f"{copy / 'policy.yaml'}:1" in done.stderr


# Bad data.


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "words"),
    [
        ("title: Be careful", "tile: Be careful", "TEN-120", 10, ["write title"]),
        ("    title: Be careful\n", "", "TEN-121", 9, ["controls[0] has no title"]),
        ('number: "2"', "number: 2", "TEN-122", 15, ['put it in quotes: "2"']),
        ("judged: manual", "judged: manually", "TEN-124", 20, ["write manual"]),
        ("state: verified", "state: surely", "TEN-124", 13, ["choose one of verified, asserted"]),
        ("name: small", "name: Small One", "TEN-123", 1, ["name is"]),
        ("name: small", "name: large", "TEN-631", 1, ["the file of large is named small"]),
        ('number: "2"', 'number: "1"', "TEN-631", 15, ["control 1 is listed twice"]),
        ("    why: wisdom shows in no object\n", "", "TEN-631", 20, ["judged manual, without a why"]),
        ("    why: wisdom", "    why: wisdom: [", "TEN-105", 21, ["isn't YAML"]),
        ("source: unread", "source: third", "TEN-631", 14, ["refers to third", "wary for control 1"]),
        ("asserted, source: unread", "verified, source: unread", "TEN-631", 14, ["which nobody has read"]),
    ],
)
def test_bad_data_is_refused_at_its_line(
    old: str, new: str, code: str, line: int, words: Sequence[str], tmp_path: Path
) -> None:
    assert SMALL.count(old) == 1
    path = write(tmp_path, "small.yaml", SMALL.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_frameworks(tmp_path)
    told = [one for one in caught.value.problems if one.code == code]
    assert [(one.file, one.line) for one in told] == [(str(path), line)]
    assert all(word in str(told[0]) for word in words), told[0]


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "small.yaml", SMALL.replace("judged: manual", "judged: never"))
    write(tmp_path, "tiny.yaml", SMALL)
    with pytest.raises(InputError) as caught:
        load_frameworks(tmp_path)
    assert [Path(one.file).name for one in caught.value.problems] == ["small.yaml", "tiny.yaml"]
