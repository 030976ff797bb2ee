"""`tenantry check` and `tenantry new`, as a department types them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from examples import APPROVALS, MINIMAL, write
from tenantry.contract.reading.schema import load_schema
from tenantry.data import baseline_file, example_dir, schema_dir

TEMPLATES = ("service", "sensing", "software", "content", "data")


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tenantry", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=60)


def world(folder: Path) -> Path:
    """Write the department and the site that the minimal request needs."""
    around = folder / "around"
    around.mkdir()
    for kind, name in (("Department", "department-north"), ("Site", "onprem")):
        example: dict[str, Any] = load_schema(kind)["examples"][0]
        write(around, f"{kind.lower()}.json", json.dumps({**example, "metadata": {"name": name}}))
    return around


def test_a_sound_request_passes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", MINIMAL + APPROVALS)
    done = run("check", path, "--context", world(tmp_path), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    read, judged = done.stdout.splitlines()
    assert read == "1 document read, no problems."
    # And so is all that it is rendered to.
    assert re.fullmatch(r"(?!0)\d+ objects judged: (?!0)\d+ allow, 0 warn, 0 deny, 0 undecidable\.", judged)


def test_what_was_not_judged_is_said(tmp_path: Path) -> None:
    done = run("check", write(tmp_path, "a.yaml", MINIMAL), cwd=tmp_path)
    assert done.returncode == 0
    assert "Not judged: placement" in done.stdout
    assert "Not judged: departments" in done.stdout


def test_every_problem_of_every_file_is_told_with_exit_code_2(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", MINIMAL.replace("service", "servce").replace("prod", "life"))
    write(tmp_path, "b.yaml", "a: [\n")
    done = run("check", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "at a.yaml:8:13.\n        Fix: write service, if that was meant." in done.stdout
    assert "at a.yaml:9:16" in done.stdout
    assert "TEN-105" in done.stdout
    assert "at b.yaml:" in done.stdout


def test_nothing_to_check_is_not_a_pass(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in ("empty", "absent.yaml"):
        done = run("check", path, cwd=tmp_path)
        assert done.returncode == 2
        assert "TEN-100" in done.stdout


@pytest.mark.parametrize("name", ["loop.yaml", "x" * 300, "x/" * 3000, "locked/a.yaml"])
def test_a_path_that_leads_nowhere_is_a_problem_and_the_others_are_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    write(tmp_path, "locked", "a file, no folder")
    write(tmp_path, "b.yaml", "a: [\n")
    done = run("check", name, "b.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "")
    assert re.findall(r"TEN-\d+", done.stdout) == ["TEN-105", "TEN-100"]


def test_a_file_that_may_not_be_read_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    write(closed, "a.yaml", MINIMAL)
    write(tmp_path, "c.yaml", MINIMAL).chmod(0)
    write(tmp_path, "b.yaml", "a: [\n")
    closed.chmod(0)
    # What root may read regardless, it may no longer.
    barred = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*barred, sys.executable, "-m", "tenantry", "check", "closed/a.yaml", "c.yaml", "b.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    closed.chmod(0o700)
    assert (done.returncode, done.stderr) == (2, "")
    assert sorted(re.findall(r"TEN-\d+", done.stdout)) == ["TEN-100", "TEN-100", "TEN-105"]


# The command line itself, which says when it reads the first request. Ctrl-C reaches it, also where these tests run in
# the background of a script, whose children ignore it.
SAYS_WHEN_IT_READS = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith("/0.yaml"):
        print("reading", file=sys.stderr, flush=True)
sys.addaudithook(hook)
from tenantry.cli import main
main()
"""


def test_ctrl_c_ends_a_check_with_a_word_and_its_own_exit_code(tmp_path: Path) -> None:
    for number in range(3000):
        write(tmp_path, f"{number}.yaml", MINIMAL)
    command = [sys.executable, "-c", SAYS_WHEN_IT_READS, "check", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("Stopped.")


def test_json_has_the_form_that_ci_reads(tmp_path: Path) -> None:
    text = MINIMAL + "  size: enormous\n"
    done = run("check", write(tmp_path, "a.yaml", text), "--format", "json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert done.returncode == 2
    assert found["summary"] == {"objects": 1, "allow": 0, "warn": 0, "deny": 1, "undecidable": 2}
    denied = found["results"][0]
    about = {"apiVersion": "tenantry.dev/v1", "kind": "Tenant", "namespace": "", "name": "vaccine-records"}
    place = (denied["line"], denied["column"])
    assert (denied["verdict"], denied["code"], place, denied["object"]) == ("deny", "TEN-148", (11, 9), about)
    assert [one["verdict"] for one in found["results"][1:]] == ["undecidable", "undecidable"]


def test_json_names_the_document_that_a_problem_is_in_also_a_broken_one(tmp_path: Path) -> None:
    sound, same = MINIMAL.replace("vaccine-records", "sound"), json.dumps(load_schema("Waiver")["examples"][0])
    broken = MINIMAL.replace("vaccine-records", "broken").replace("service", "servce").replace("4f9x", "aaaa")
    text = f"{sound}---\n{broken}---\n{same}\n---\n{same}\n--- {{a: 1}}\n"
    done = run("check", write(tmp_path, "a.yaml", text), "--format", "json", cwd=tmp_path)
    found = json.loads(done.stdout)
    denied = [
        (one["code"], one["object"]["kind"], one["object"]["name"])
        for one in found["results"]
        if one["verdict"] == "deny"
    ]
    waiver = load_schema("Waiver")["examples"][0]["metadata"]["name"]
    assert denied == [("TEN-124", "Tenant", "broken"), ("TEN-131", "Waiver", waiver), ("TEN-112", "", "")]
    assert found["summary"] == {"objects": 5, "allow": 2, "warn": 0, "deny": 3, "undecidable": 2}


def test_a_request_with_a_peer_is_rendered_from_its_government(tmp_path: Path) -> None:
    government = Path(shutil.copytree(example_dir(), tmp_path / "government"))
    text = (government / "tenants" / "licences-prod.yaml").read_text(encoding="utf-8")
    peer = re.findall(r"^  id: (\S+)$", (government / "tenants" / "mbpr-dev.yaml").read_text(encoding="utf-8"), re.M)[0]
    text += f"  intents:\n  - {{direction: to, tenant: {peer}, port: 443, reason: Asks for licences.}}\n"
    path = write(government / "tenants", "licences-prod.yaml", text)
    for command in ("check", "render"):
        done = run(command, path, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert peer in done.stdout


def test_other_tenants_count_and_are_not_told_of_themselves(tmp_path: Path) -> None:
    around = world(tmp_path)
    write(around, "other.yaml", MINIMAL.replace("vaccine-records", "other"))
    path = write(tmp_path, "a.yaml", MINIMAL)
    done = run("check", path, "--context", around, cwd=tmp_path)
    assert done.returncode == 2
    assert re.findall(r"TEN-\d+", done.stdout) == ["TEN-130"]
    assert f"at {path}" in done.stdout


def new(template: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    who = ("--name", "my-tenant", "--department", "department-north", "--classification", "open")
    return run("new", template, *who, *more, cwd=folder)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_request_needs_approval_alone_and_is_sound_with_its_optional_parts(template: str, tmp_path: Path) -> None:
    assert new(template, tmp_path).returncode == 0
    around = world(tmp_path)
    fresh = run("check", "my-tenant.yaml", "--context", around, cwd=tmp_path)
    assert fresh.returncode == 1
    assert re.findall(r"^  deny (.*)\. TEN-610$", fresh.stdout, re.MULTILINE) == [
        "request-approvals: a request of class open must be approved by owner"
    ]
    written = (tmp_path / "my-tenant.yaml").read_text()
    full, parts = re.subn(r"^# (?=  )", "", written, flags=re.MULTILINE)
    assert parts > 20
    done = run("check", write(tmp_path, "full.yaml", full), "--context", around, cwd=tmp_path)
    assert done.returncode == 0
    assert "1 document read, no problems.\n" in done.stdout
    asked = {line.split(":")[0].strip() for line in full.splitlines() if re.match(r"  [a-zA-Z]+:", line)}
    optional = set(load_schema("Tenant")["properties"]["spec"]["properties"])
    assert asked - {"name", "labels"} >= optional - {"limits", "weakening"}, "a new one has nothing to weaken"


def test_a_new_request_says_where_editors_find_the_schema(tmp_path: Path) -> None:
    new("service", tmp_path)
    first = (tmp_path / "my-tenant.yaml").read_text().splitlines()[0]
    said = first.removeprefix("# yaml-language-server: $schema=")
    assert (tmp_path / said).resolve() == (schema_dir() / "tenant.json").resolve()


def test_a_new_request_names_the_schema_that_its_own_tree_carries(tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    write(tmp_path / "schema", "tenant.json", "{}")
    new("service", tmp_path, "--output", "government/tenants/a.yaml")
    first = (tmp_path / "government" / "tenants" / "a.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../schema/tenant.json"


def test_every_document_that_ships_names_a_schema_that_is_there() -> None:
    shipped = [baseline_file(), *example_dir().rglob("*.yaml")]
    assert len(shipped) > 30
    for path in shipped:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        schema = path.parent / first.removeprefix("# yaml-language-server: $schema=")
        kind = re.findall(r"^kind: (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert [schema.resolve()] == [schema_dir() / f"{one.lower()}.json" for one in kind], path


def test_two_new_requests_have_different_ids(tmp_path: Path) -> None:
    new("service", tmp_path)
    new("service", tmp_path, "--output", "b/other.yaml")
    found = [re.findall(r"id: (\S+)", (tmp_path / name).read_text())[0] for name in ("my-tenant.yaml", "b/other.yaml")]
    assert len(set(found)) == 2


def test_new_replaces_a_file_only_when_told(tmp_path: Path) -> None:
    path = write(tmp_path, "my-tenant.yaml", "precious")
    refused = new("service", tmp_path)
    assert (refused.returncode, path.read_text()) == (2, "precious")
    assert "TEN-151" in refused.stderr
    assert new("service", tmp_path, "--force").returncode == 0
    assert "kind: Tenant" in path.read_text()


@pytest.mark.parametrize("output", ["folder", "pipe", "file/a.yaml", "x" * 300, "x" * 300 + "/a", "loop/a"])
@pytest.mark.parametrize("more", [(), ("--force",)])
def test_new_replaces_nothing_but_a_file(output: str, more: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    write(tmp_path, "file", "precious")
    done = new("service", tmp_path, "--output", output, *more)
    assert (done.returncode, done.stdout, re.findall(r"TEN-\d+", done.stderr)) == (2, "", ["TEN-150"])
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "file").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "loop", "pipe"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (("--name", "a\nspec: x"), "TEN-123"),
        (("--name", "Upper"), "TEN-123"),
        (("--department", "../x"), "TEN-123"),
        (("--classification", "secret"), "TEN-124"),
        (("--environment", "production"), "TEN-124"),
    ],
)
def test_new_refuses_bad_values_and_writes_nothing(wrong: tuple[str, str], code: str, tmp_path: Path) -> None:
    done = new("service", tmp_path, *wrong)
    assert done.returncode == 2
    assert code in done.stderr
    assert "Fix:" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert new("servce", tmp_path).returncode == 2
