"""`tenantry check` of requests by the policies: what they see, what they deny, and what a waiver excuses."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checking import check
from examples import APPROVALS, MINIMAL, write
from tenantry.contract.reading.schema import load_schema

TODAY = datetime.now(UTC).date()
TENANT = "t-4f9x2k7q"
REQUEST = MINIMAL + APPROVALS
ABOVE = f"{REQUEST}  quota: {{memory: 512Gi}}\n"


def waiver(**spec: object) -> str:
    """Give a waiver of the request from its ceiling, or another that differs by some properties."""
    usual = {
        "policy": "request-quota-ceiling",
        "objects": [{"tenant": TENANT}],
        "reason": "The census needs it until the spring.",
        "owner": "records@health.gov.example",
        "approver": "ciso@interior.gov.example",
        "ticket": "SEC-311",
        "approved": str(TODAY - timedelta(days=10)),
        "expires": str(TODAY + timedelta(days=90)),
    }
    metadata = {"name": "census"}
    return json.dumps(
        {"apiVersion": "tenantry.dev/v1", "kind": "Waiver", "metadata": metadata, "spec": {**usual, **spec}}
    )


def world(folder: Path, *without: str, **changed: Any) -> None:  # noqa: ANN401
    """Write the department and the site that the request needs; a kind's spec may be changed, or its document left out.

    The department's ceiling for memory is 256Gi.
    """
    changed = {"Department": {"ceiling": {"cpu": "64", "memory": "256Gi", "storage": "9Ti", "pods": 900}}, **changed}
    for kind, name in (("Department", "department-north"), ("Site", "onprem")):
        if kind not in without:
            example = load_schema(kind)["examples"][0]
            spec = {**example["spec"], **changed.get(kind, {})}
            write(folder, f"{kind.lower()}.json", json.dumps({**example, "metadata": {"name": name}, "spec": spec}))


def checked(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    """Check a folder; give the exit code, and all that was found but for bare warnings."""
    done = check(".", "--format", "json", cwd=folder)
    assert done.stderr == ""
    found = [one for one in json.loads(done.stdout)["results"] if one["code"] not in ("TEN-160", "TEN-611")]
    return done.returncode, found


def test_a_request_above_its_ceiling_is_refused_once_and_told_how_to_be_excused(tmp_path: Path) -> None:
    world(tmp_path)
    write(tmp_path, "request.yaml", ABOVE)
    code, (found,) = checked(tmp_path)
    assert (code, found["code"], found["file"], found["line"]) == (2, "TEN-104", "request.yaml", 14)
    assert found["message"] == (
        "quota.memory is 512Gi, above the department's ceiling of 256Gi. "
        "Fix: lower it, have the ceiling of department-north raised, or attach a waiver for request-quota-ceiling."
    )


@pytest.mark.parametrize("more", [{}, {"kind": "Tenant"}, {"kind": "Tenant", "name": "vaccine-records"}])
def test_a_waiver_lets_a_request_be_above_its_ceiling_and_is_shown(tmp_path: Path, more: dict[str, str]) -> None:
    world(tmp_path)
    write(tmp_path, "request.yaml", ABOVE)
    write(tmp_path, "waiver.yaml", waiver(objects=[{"tenant": TENANT, **more}]))
    code, (found,) = checked(tmp_path)
    assert code == 0
    assert (found["policy"], found["verdict"], found["waiver"]) == ("request-quota-ceiling", "allow", "census")
    assert (found["object"]["kind"], found["file"], found["line"]) == ("Tenant", "request.yaml", 1)
    shown = check(".", cwd=tmp_path).stdout
    assert "allow request-quota-ceiling: quota.memory is 512Gi and must not be above 256Gi" in shown
    assert "Waived by census.\n" in shown


@pytest.mark.parametrize(
    "spec",
    [
        {"objects": [{"tenant": TENANT, "namespace": "main"}]},
        {"objects": [{"tenant": TENANT, "kind": "Namespace"}]},
        {"objects": [{"tenant": TENANT, "kind": "Tenant", "name": "another"}]},
        {"policy": "request-lease"},
        {"expires": str(TODAY - timedelta(days=1))},
        {"approved": str(TODAY + timedelta(days=1))},
        {"approver": "records@health.gov.example"},
    ],
    ids=["a namespace", "another kind", "another name", "another policy", "lapsed", "early", "unsound"],
)
def test_a_waiver_of_something_else_excuses_no_request(tmp_path: Path, spec: dict[str, Any]) -> None:
    world(tmp_path)
    write(tmp_path, "request.yaml", ABOVE)
    write(tmp_path, "waiver.yaml", waiver(**spec))
    code, found = checked(tmp_path)
    assert code == 2
    assert "TEN-104" in {one["code"] for one in found}


def test_a_waived_request_is_rendered_by_itself_too(tmp_path: Path) -> None:
    for name in ("sites", "departments", "waivers", "tenants"):
        (tmp_path / name).mkdir()
    world(tmp_path / "departments")
    (tmp_path / "departments" / "site.json").rename(tmp_path / "sites" / "site.json")
    path = write(tmp_path / "tenants", "request.yaml", ABOVE)
    command = [sys.executable, "-m", "tenantry", "render", str(path)]
    for excused in (False, True):
        if excused:
            # The others that it names aren't read then.
            objects = [{"tenant": TENANT}, {"tenant": "t-aaaaaaaa"}]
            write(tmp_path / "waivers", "waiver.json", waiver(objects=objects))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, "TEN-104" in done.stderr) == ((0, False) if excused else (2, True))


def test_what_is_waived_does_not_count_among_the_others(tmp_path: Path) -> None:
    world(tmp_path)
    write(tmp_path, "request.yaml", ABOVE)
    other = REQUEST.replace(TENANT, "t-aaaaaaaa").replace("vaccine-records", "other")
    write(tmp_path, "other.yaml", f"{other}  quota: {{memory: 256Gi}}\n")
    write(tmp_path, "waiver.yaml", waiver())
    assert checked(tmp_path)[0] == 0
    third = other.replace("t-aaaaaaaa", "t-bbbbbbbb").replace("name: other", "name: third")
    write(tmp_path, "third.yaml", third)
    code, found = checked(tmp_path)
    assert code == 2
    (told,) = (one["message"] for one in found if one["code"] == "TEN-104")
    assert told.startswith("with this quota.memory the tenants of department-north have 260Gi, above its ceiling")


def test_a_denied_request_is_told_with_its_place(tmp_path: Path) -> None:
    world(tmp_path)
    second = MINIMAL.replace(TENANT, "t-aaaaaaaa").replace("vaccine-records", "second")
    write(tmp_path, "requests.yaml", f"{REQUEST}---\n{second}")
    code, (found,) = checked(tmp_path)
    assert code == 1
    assert (found["policy"], found["layer"], found["code"]) == ("request-approvals", "request", "TEN-610")
    assert found["message"].startswith("a request of class restricted must be approved by owner and security. Fix: ")
    assert (found["object"]["name"], found["file"], found["line"]) == ("second", "requests.yaml", 15)


def test_policies_see_what_a_request_is_silent_about(tmp_path: Path) -> None:
    contacts = {"owner": "a@gov.example", "technical": ["b@gov.example", "c@gov.example"], "finance": "d@gov.example"}
    world(tmp_path, Department={"contacts": {**contacts, "security": "A@gov.example"}})
    write(tmp_path, "request.yaml", REQUEST)
    code, (found,) = checked(tmp_path)
    assert (code, found["policy"]) == (1, "request-contacts")
    assert found["message"].startswith("the security contact must not be the owner. Fix: ")


def test_a_department_that_nobody_gave_denies_nothing(tmp_path: Path) -> None:
    world(tmp_path, "Department")
    write(tmp_path, "request.yaml", ABOVE)
    assert checked(tmp_path) == (0, [])


def test_a_grant_that_opens_less_than_its_provider_holds_is_denied(tmp_path: Path) -> None:
    world(tmp_path)
    write(tmp_path, "request.yaml", f"{REQUEST}  buckets: [{{name: records}}]\n")
    grant = load_schema("Grant")["examples"][0]
    spec = {
        **grant["spec"],
        "provider": TENANT,
        "consumer": {"department": "department-north"},
        "dataset": {"bucket": "records", "prefix": "", "access": "read"},
    }
    spec["approvals"] = [spec["approvals"][0], {**spec["approvals"][1], "role": "security"}]
    for ceiling, expected in (("restricted", (0, [])), ("market", (2, ["TEN-161"]))):
        write(tmp_path, "grant.json", json.dumps({**grant, "spec": {**spec, "ceiling": ceiling}}))
        code, found = checked(tmp_path)
        assert (code, [one["code"] for one in found]) == expected


def test_a_consumer_that_is_protected_less_than_the_data_needs_is_denied(tmp_path: Path) -> None:
    world(tmp_path)
    provider = REQUEST.replace(TENANT, "t-c3nsus00").replace("vaccine-records", "census")
    write(tmp_path, "provider.yaml", f"{provider}  buckets: [{{name: records}}]\n")
    grant = load_schema("Grant")["examples"][0]
    first, second = grant["spec"]["approvals"]
    approvals = [first, {**second, "role": "security"}]
    spec = {"provider": "t-c3nsus00", "consumer": {"tenant": TENANT}, "ceiling": "restricted", "approvals": approvals}
    write(tmp_path, "grant.json", json.dumps({**grant, "spec": {**grant["spec"], **spec}}))
    for held, expected in (("restricted", (0, [])), ("market", (1, ["request-grants"]))):
        text = REQUEST.replace("classification: restricted", f"classification: {held}")
        write(tmp_path, "request.yaml", text.replace("role: security", "role: legal") if held == "market" else text)
        code, found = checked(tmp_path)
        assert (code, [one["policy"] for one in found if one["verdict"] == "deny"]) == expected


def test_code_hosts_are_told_of_the_policy_not_of_a_code(tmp_path: Path) -> None:
    world(tmp_path)
    write(tmp_path, "request.yaml", MINIMAL)
    (run,) = json.loads(check(".", "--format", "sarif", cwd=tmp_path).stdout)["runs"]
    assert "request-approvals" in {one["ruleId"] for one in run["results"]}
    rules = {rule["id"]: rule["properties"]["tags"] for rule in run["tool"]["driver"]["rules"]}
    assert "nist-800-53r5/CA-6" in rules["request-approvals"]
