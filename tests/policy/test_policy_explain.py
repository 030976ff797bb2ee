"""A finding can be explained: the part of the expression that failed, and the values that it looked at."""

import pytest
from apiserver import Manifest, bind, make
from expressions import HOLDS

from tenantry.policy import Placed, build_policies
from tenantry.policy.admission.judge import Judge
from tenantry.policy.cel.syntax.parse import parse_expression
from tenantry.policy.cel.syntax.unparse import write_expression
from tenantry.policy.objects.prepare import prepare_request

RULE = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
DEPLOYMENT: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "labels": {"a": "b"}},
    "spec": {
        "replicas": 3,
        "template": {"spec": {"containers": [{"name": "one", "image": "ok/a"}, {"name": "two", "image": "bad/b"}]}},
    },
}


def explain(expression: str, **spec: object) -> list[tuple[str, object]]:
    body = {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": expression}], **spec}
    documents = [
        make("ValidatingAdmissionPolicy", "p", body),
        make("ValidatingAdmissionPolicyBinding", "p", bind("p")),
    ]
    policies = build_policies([Placed(document) for document in documents])
    judge = Judge(policies.policies, policies.cluster)
    prepared = prepare_request(DEPLOYMENT, policies.cluster)
    (finding,) = judge.judge(prepared).findings
    return [(clue.text, clue.value) for clue in judge.explain(prepared, finding)]


CONTAINERS = "object.spec.template.spec.containers"


def test_the_failing_part_comes_first_with_what_it_looked_at() -> None:
    clues = explain("object.metadata.name == 'd' && object.spec.replicas < 3 && object.kind == 'Deployment'")
    assert clues == [("object.spec.replicas < 3", False), ("object.spec.replicas", 3)]


def test_the_failing_element_is_shown() -> None:
    clues = explain(f"{CONTAINERS}.all(c, c.image.startsWith('ok/') && c.name != '')")
    assert clues[:2] == [("c.image.startsWith('ok/')", False), ("c.image", "bad/b")]
    assert clues[2][0] == "c"


def test_an_optional_is_not_shown_for_it_has_no_plain_value() -> None:
    clues = explain("!object.spec.?paused.orValue(true)")
    assert clues == [("!object.spec.?paused.orValue(true)", False), ("object.spec.?paused.orValue(true)", True)]
    assert explain("object.spec.?paused.hasValue()") == [("object.spec.?paused.hasValue()", False)]


def test_variables_are_looked_into() -> None:
    variables = [{"name": "names", "expression": f"{CONTAINERS}.map(c, c.name)"}]
    clues = explain("variables.names.all(n, n.size() < 3) || variables.names == ['x']", variables=variables)
    assert ("variables.names == ['x']", False) in clues
    assert ("variables.names", ["one", "two"]) in clues
    assert ("n", "one") in clues


def test_an_entry_of_a_map_and_a_branch_are_looked_into() -> None:
    assert ("v == 'z'", False) in explain("object.metadata.labels.all(k, v, v == 'z')")
    clues = explain("object.spec.replicas > 1 ? object.metadata.name == 'x' : true")
    assert clues[:2] == [("object.spec.replicas > 1", True), ("object.metadata.name == 'x'", False)]


@pytest.mark.parametrize("expression", HOLDS)
def test_an_expression_is_written_as_one_that_reads_the_same(expression: str) -> None:
    node = parse_expression(expression).node
    assert node is not None
    text = write_expression(node)
    hidden = ("fold(", "optMap", "optFlatMap", "sortBy")
    if not any(word in text + expression for word in hidden):
        again = parse_expression(text).node
        assert again is not None, text
        assert write_expression(again) == text
