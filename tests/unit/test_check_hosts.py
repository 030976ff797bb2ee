"""`tenantry check` on the facts of hosts, as a platform engineer types it."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from checking import check
from examples import MINIMAL, write

PAGE = Path(__file__).parents[2] / "docs" / "host-facts.md"
POD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: main}\n"


def worker(days: int = 1) -> dict[str, Any]:
    """Give the page's example, as if it had been collected so many days ago."""
    text = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    then = datetime.now(UTC).date() - timedelta(days=days)
    days_of = {"2026-11-25": then, "2026-11-20": then - timedelta(days=5)}
    text = re.sub("|".join(days_of), lambda found: f"{days_of[found[0]]}", text)
    facts: dict[str, Any] = yaml.safe_load(text)
    return facts


def observed(facts: dict[str, Any], name: str) -> Any:  # noqa: ANN401
    return facts["spec"]["observations"][name]["value"]


def test_the_pages_worker_passes_every_policy(tmp_path: Path) -> None:
    write(tmp_path, "worker.json", json.dumps(worker()))
    done = check("worker.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 object judged: 1 allow, 0 warn, 0 deny, 0 undecidable.\n"


def test_what_is_wrong_with_a_host_is_told_with_place_value_and_fix(tmp_path: Path) -> None:
    facts = worker()
    observed(facts, "sshd")["permitrootlogin"] = "yes"
    write(tmp_path, "worker.yaml", "# collected at night\n" + yaml.safe_dump(facts, sort_keys=False))
    done = check("worker.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "worker.yaml:2 HostFacts/worker-07",
        "  deny host-sshd-login: permitrootlogin must be no, not yes. TEN-610",
        "    variables.bad == [] is false",
        '    variables.bad is ["permitrootlogin must be no, not yes"]',
        "    Controls: nist-800-53r5/AC-17 nist-800-53r5/IA-2 nist-800-53r5/AC-7 gbt-22239-l3/8.1.4.1",
        "    Fix: write the settings to a file in /etc/ssh/sshd_config.d, then run sshd -t and reload.",
        "1 object judged: 0 allow, 0 warn, 1 deny, 0 undecidable.",
    ]


@pytest.mark.parametrize("state", ["absent", "unreachable", "skipped"])
def test_a_task_that_saw_nothing_is_no_pass(tmp_path: Path, state: str) -> None:
    facts = worker()
    audit = facts["spec"]["observations"]["audit"]
    del audit["value"]
    audit.update(state=state, why="auditctl: Operation not permitted")
    done = check("-", cwd=tmp_path, stdin=json.dumps(facts))
    assert done.returncode == 1
    assert f"deny host-audit: the audit must be observed ({state}: auditctl: Operation not permitted)." in done.stdout


def test_facts_that_are_not_as_the_schema_says_are_wrong_input_and_not_judged(tmp_path: Path) -> None:
    facts = worker()
    observed(facts, "sshd")["permitrootlogin"] = "yes"
    observed(facts, "files")[0]["mode"] = 600
    observations = facts["spec"]["observations"]
    observations["audit"]["state"] = "skipped"
    observations["swp"] = observations.pop("swap")
    facts["spec"]["collected"] = "yesterday"
    write(tmp_path, "worker.yaml", yaml.safe_dump(facts, sort_keys=False))
    done = check("worker.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert 'TEN-126 collected is "yesterday", which isn\'t a time in UTC, to the second, at worker.yaml:' in done.stdout
    assert 'Fix: put it in quotes: "600".' in done.stdout
    assert "TEN-121 observations.audit has no why" in done.stdout
    assert "TEN-127 observations.audit.value doesn't go with what stands beside it" in done.stdout
    assert "Fix: write swap, if that was meant." in done.stdout
    assert "1 document read, 5 problems." in done.stdout
    assert "judged" not in done.stdout
    results = json.loads(check("worker.yaml", "--format", "json", cwd=tmp_path).stdout)["results"]
    assert {(one["layer"], one["object"]["kind"]) for one in results} == {("host", "HostFacts")}


@pytest.mark.parametrize(("days", "code"), [(8, "TEN-641"), (-1, "TEN-640"), (5, "")])
def test_facts_of_another_time_are_no_pass(tmp_path: Path, days: int, code: str) -> None:
    done = check("-", cwd=tmp_path, stdin=json.dumps(worker(days)))
    assert done.returncode == (2 if code else 0), done.stdout
    assert code in done.stdout
    assert ("judged" in done.stdout) == (not code)


def test_many_hosts_and_manifests_in_one_file_are_each_judged(tmp_path: Path) -> None:
    bad = worker()
    bad["metadata"]["name"] = "worker-08"
    observed(bad, "swap").append("/dev/dm-3")
    text = "---\n".join([POD, json.dumps(worker()) + "\n", json.dumps(bad) + "\n"])
    write(tmp_path, "all.yaml", text)
    for done in (check("all.yaml", cwd=tmp_path), check("-", cwd=tmp_path, stdin=text)):
        assert done.returncode == 1
        assert ":7 HostFacts/worker-08\n  deny host-swap: a node must not swap, as it does to /dev/dm-3" in done.stdout
        assert "3 objects judged: 2 allow, 0 warn, 1 deny, 0 undecidable." in done.stdout


@pytest.mark.parametrize("item", [MINIMAL, json.dumps({"apiVersion": "tenantry.dev/v1", "kind": "HostFacts"})])
def test_a_document_within_a_list_is_no_silent_pass(tmp_path: Path, item: str) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(POD), yaml.safe_load(item)]}
    write(tmp_path, "list.json", json.dumps(items))
    done = check("list.json", cwd=tmp_path)
    assert done.returncode == 2
    assert f"TEN-642 the {items['items'][1]['kind']} stands within a list, where it isn't read" in done.stdout


def test_facts_around_a_request_are_not_judged_with_it(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    facts = worker()
    observed(facts, "swap").append("/dev/dm-3")
    write(tmp_path, "facts.json", json.dumps(facts))
    write(tmp_path, "request.yaml", MINIMAL)
    assert "host-swap" not in check("request.yaml", cwd=tmp_path).stdout
    assert "host-swap" in check(".", cwd=tmp_path).stdout


def waiver(policy: str = "host-sshd-login", **selector: str) -> str:
    today = datetime.now(UTC).date()
    spec = {
        "policy": policy,
        "objects": [selector or {"host": "worker-07"}],
        "reason": "The vendor's agent logs in as root until its next release.",
        "owner": "platform@gov.example",
        "approver": "ciso@interior.gov.example",
        "ticket": "SEC-312",
        "approved": f"{today}",
        "expires": f"{today + timedelta(days=30)}",
    }
    return json.dumps({"apiVersion": "tenantry.dev/v1", "kind": "Waiver", "metadata": {"name": "root"}, "spec": spec})


def root_may_log_in(name: str = "worker-07") -> dict[str, Any]:
    facts = worker()
    facts["metadata"]["name"] = name
    observed(facts, "sshd")["permitrootlogin"] = "yes"
    return facts


def checked(folder: Path, facts: dict[str, Any], written: str) -> tuple[int, list[tuple[str, str, str | None]]]:
    """Check a host and a waiver; give the exit code, and of each result the code, the verdict and the waiver."""
    write(folder, "facts.json", json.dumps(facts))
    write(folder, "waiver.json", written)
    done = check("facts.json", "waiver.json", "--format", "json", cwd=folder)
    found = json.loads(done.stdout)["results"]
    return done.returncode, [(one["code"], one["verdict"], one["waiver"]) for one in found if one["code"] != "TEN-160"]


def test_a_waiver_of_a_host_excuses_that_host_from_that_policy(tmp_path: Path) -> None:
    assert checked(tmp_path, root_may_log_in(), waiver()) == (0, [("TEN-620", "allow", "root")])
    facts = root_may_log_in()
    observed(facts, "sshd")["permitemptypasswords"] = "yes"
    observed(facts, "accounts").append({"name": "guest", "uid": 1001, "password": "empty"})
    code, found = checked(tmp_path, facts, waiver())
    assert (code, sorted(found)) == (1, [("TEN-610", "deny", None), ("TEN-620", "allow", "root")])


@pytest.mark.parametrize(
    ("name", "selector", "told"),
    [
        ("worker-08", {"host": "worker-07"}, []),
        ("worker-07", {"host": "worker-0"}, []),
        ("t-4f9x2k7q-main", {"tenant": "t-4f9x2k7q"}, [("TEN-624", "warn", None)]),
    ],
    ids=["another host", "the beginning of its name", "a tenant that is called like it"],
)
def test_a_waiver_excuses_no_other_host(
    tmp_path: Path, name: str, selector: dict[str, str], told: list[tuple[str, str, None]]
) -> None:
    found = checked(tmp_path, root_may_log_in(name), waiver(**selector))
    assert found == (1, [("TEN-610", "deny", None), *told])


@pytest.mark.parametrize(
    ("policy", "code", "words"),
    [
        ("host-time", "TEN-622", "none of the objects that were looked at from host-time"),
        ("pod-privileged", "TEN-624", "policy pod-privileged doesn't judge host worker-07"),
    ],
)
def test_a_waiver_of_a_host_that_excuses_nothing_is_told(tmp_path: Path, policy: str, code: str, words: str) -> None:
    write(tmp_path, "facts.json", json.dumps(worker()))
    write(tmp_path, "waiver.json", waiver(policy))
    done = check("facts.json", "waiver.json", cwd=tmp_path)
    assert done.returncode == 0
    assert f"warn waivers: {'it excuses ' if code == 'TEN-622' else ''}{words}" in done.stdout
    assert code in done.stdout


@pytest.mark.parametrize(
    ("selector", "code"),
    [
        ({"host": "worker-07", "tenant": "t-4f9x2k7q"}, "TEN-127"),
        ({"kind": "HostFacts", "name": "worker-07"}, "TEN-127"),
        ({"host": "worker-07", "kind": "HostFacts"}, "TEN-127"),
        ({"host": "Worker_07"}, "TEN-123"),
    ],
    ids=["both", "neither", "narrowed down", "no name"],
)
def test_a_waiver_names_a_tenant_or_a_host(tmp_path: Path, selector: dict[str, str], code: str) -> None:
    code_given, found = checked(tmp_path, root_may_log_in(), waiver(**selector))
    assert (code_given, sorted(found)) == (2, sorted([(code, "deny", None), ("TEN-610", "deny", None)]))
