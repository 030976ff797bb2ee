"""What policies deny isn't applied: nothing of that tenant is changed, the others are, and a waiver lets it through."""

import json
from pathlib import Path
from typing import Any

import pytest

from operators import Operator, living, request
from sites import Sandbox

# What a security team may add to the baseline: a rule that one of the objects which are rendered doesn't meet.
POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-apps, annotations: {tenantry.dev/fix: call it by what it does}}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [serviceaccounts]}
  validations: [{expression: object.metadata.name != 'app', message: an account must not be called app}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-apps}
spec: {policyName: no-apps, validationActions: [Deny]}
"""


@pytest.fixture
def policies(tmp_path: Path) -> str:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return str(folder)


def sound() -> dict[str, Any]:
    return request(name="sound", serviceAccounts=[])


def test_a_denied_tenant_is_not_touched_and_the_others_are(sandbox: Sandbox, operator: Operator, policies: str) -> None:
    denied, other = request(name="denied"), sound()
    operator.ask(denied, other)
    found = operator.apply(".", "--policy", policies, code=1)
    one, two = (found[each["spec"]["id"]] for each in (denied, other))
    assert (one["action"], two["action"]) == ("denied", "created")
    (problem,) = one["problems"]
    assert problem["code"] == "TEN-610"
    assert f"ServiceAccount/{denied['spec']['id']}-main/app" in problem["message"]
    assert problem["fix"] == "call it by what it does"
    assert not any(living(sandbox, [denied["spec"]["id"]]).values())


def test_no_engine_is_started_for_a_denied_tenant(operator: Operator, policies: str) -> None:
    operator.ask(request())
    operator.apply(".", "--policy", policies, code=1)
    assert not list(operator.state.rglob("*"))


def test_a_change_that_is_denied_leaves_the_tenant_as_it_was(
    sandbox: Sandbox, operator: Operator, policies: str
) -> None:
    wanted = sound()
    operator.ask(wanted)
    operator.apply(".", "--policy", policies)
    before = sandbox.snapshot()
    operator.ask({**wanted, "spec": request()["spec"] | {"id": wanted["spec"]["id"]}})
    plan = operator.run("plan", ".", "--policy", policies)
    assert plan.returncode == 1
    assert "denied" in plan.stdout
    assert "TEN-610" in plan.stderr
    operator.apply(".", "--policy", policies, code=1)
    assert sandbox.snapshot() == before


def test_a_request_that_nobody_approved_is_not_applied_unless_it_is_waived(
    sandbox: Sandbox, operator: Operator
) -> None:
    denied, other = request(name="denied", approvals=[]), sound()
    operator.ask(denied, other)
    tenant = denied["spec"]["id"]
    found = operator.apply(code=1)
    assert {one["tenant"]: one["action"] for one in found.values()} == {
        tenant: "denied",
        other["spec"]["id"]: "created",
    }
    (problem,) = found[tenant]["problems"]
    assert "Tenant/denied is refused by request-approvals: " in problem["message"]
    assert "must be approved by owner" in problem["message"]
    plan = operator.run("plan", "denied")
    assert (plan.returncode, f"{tenant}.yaml:1:1." in plan.stderr) == (1, True)
    assert not any(living(sandbox, [tenant]).values())
    operator.waive("request-approvals", {"tenant": tenant, "kind": "Tenant"})
    assert operator.apply("denied")[tenant]["action"] == "created"


def test_a_waiver_lets_it_through(operator: Operator, policies: str) -> None:
    wanted = request()
    operator.ask(wanted)
    operator.waive("no-apps", {"tenant": wanted["spec"]["id"], "kind": "ServiceAccount", "name": "app"})
    assert {one["action"] for one in operator.apply(".", "--policy", policies).values()} == {"created"}
    checked = operator.run("check", "waivers", "--policy", policies, "--format", "json")
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["summary"]["deny"] == 0
