"""Every expression of the tables, on our engine alone; test_policy_parity.py asks a real server the same."""

import pytest
from apiserver import bind, make
from expressions import FAILS, HOLDS, POD, REFUSED

from tenantry.policy import Placed, build_policies
from tenantry.policy.admission.judge import Judge
from tenantry.policy.admission.verdict import Finding, Verdict
from tenantry.policy.cel.library.authorization import Grant, Subject
from tenantry.policy.objects.prepare import prepare_request
from tenantry.problems import InputError

ADMINISTRATOR = Subject("administrator", ["system:masters", "system:authenticated"])
GRANTS = [Grant(groups=["system:masters"], verbs=["*"], api_groups=["*"], resources=["*"], paths=["*"])]
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}


def judge_expression(expression: str) -> tuple[Finding, ...]:
    spec = {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": expression}]}
    documents = [
        make("ValidatingAdmissionPolicy", "subject", spec),
        make("ValidatingAdmissionPolicyBinding", "subject", bind("subject")),
    ]
    policies = build_policies([Placed(document) for document in documents], [NAMESPACE])
    judge = Judge(policies.policies, policies.cluster, GRANTS)
    prepared = prepare_request(POD, policies.cluster, subject=ADMINISTRATOR, dry_run=True)
    return judge.judge(prepared).findings


@pytest.mark.parametrize("expression", HOLDS)
def test_an_expression_that_holds_finds_nothing(expression: str) -> None:
    assert judge_expression(expression) == ()


@pytest.mark.parametrize("expression", FAILS)
def test_an_expression_without_a_value_is_an_error_that_fails(expression: str) -> None:
    (finding,) = judge_expression(expression)
    assert finding.errored
    assert finding.verdict is Verdict.WARN


@pytest.mark.parametrize("expression", REFUSED)
def test_an_expression_that_no_server_takes_is_refused_with_its_place(expression: str) -> None:
    with pytest.raises(InputError) as error:
        judge_expression(expression)
    assert all(problem.code == "TEN-601" for problem in error.value.problems)
    assert "spec.validations[0].expression at 1:" in str(error.value)
