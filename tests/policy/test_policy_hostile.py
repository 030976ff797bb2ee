"""Hostile policies and objects: an error or undecidable in bounded time and memory, never a pass, never a traceback."""

import resource

import pytest
from apiserver import Manifest, bind, make

from tenantry.policy import Judgement, Placed, Verdict, build_policies, judge, read_text
from tenantry.problems import InputError

RULE = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}


def judge_one(expression: str, manifest: Manifest) -> Judgement:
    spec = {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": expression}]}
    documents = [
        make("ValidatingAdmissionPolicy", "p", spec),
        make("ValidatingAdmissionPolicyBinding", "p", bind("p", validationActions=["Deny"])),
    ]
    policies = build_policies([Placed(document) for document in documents])
    (judgement,) = judge(policies, [Placed(manifest)])
    return judgement


def judge_or_refuse(expression: str, manifest: Manifest) -> Verdict | None:
    """The verdict, or None where the policy itself is refused; anything else fails the test."""
    try:
        return judge_one(expression, manifest).verdict
    except InputError as error:
        if error.problems[0].code == "TEN-601":
            return None
        raise


def config(**data: object) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": data}


def custom(spec: object) -> Manifest:
    return {"apiVersion": "x.example/v1", "kind": "Thing", "metadata": {"name": "c", "namespace": "n"}, "spec": spec}


def nest(levels: int) -> object:
    value: object = "leaf"
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "expression",
    [
        "object.data.all(a, object.data.all(b, object.data.all(c, object.data.all(d, a + b != '' && c != d + 'x'))))",
        "lists.range(9999999).all(x, true)",
        "lists.range(5000).map(x, lists.range(5000)).size() == 1",
        "object.data.map(x, lists.range(size(object.data) * 200)).size() == 100",
        "object.data.map(a, object.data.map(b, object.data.map(c, lists.range(size(a) * 3000)))).size() == 100",
    ],
)
def test_a_loop_without_end_never_passes(expression: str) -> None:
    manifest = config(**{f"k{index}": "v" for index in range(100)})
    assert judge_or_refuse(expression, manifest) in (None, Verdict.UNDECIDABLE, Verdict.DENY)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}", "((a{0,30}){0,30}){0,30}"])
def test_a_catastrophic_pattern_takes_linear_time_or_is_refused(pattern: str) -> None:
    expression = f"object.data.x.matches('{pattern}') && object.data.x.find('{pattern}') == 'c'"
    assert judge_or_refuse(expression, config(x="a" * 20000 + "b")) in (None, Verdict.DENY)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 400 + "true" + ")" * 400,
        "!" * 2001 + "true",
        "[" * 300 + "]" * 300 + " == []",
        "object" + ".a" * 3000 + " == 1",
        " || ".join(["object.x == 1"] * 3000),
        "'" + "a" * 200_000 + "' == 'b'",
        "1" * 500 + " == 1",
        "\u0000",
        "object.\u202ename == 'x'",
    ],
)
def test_an_expression_of_any_size_is_refused_or_judged(expression: str) -> None:
    assert judge_or_refuse(expression, config(a="b")) in (None, Verdict.DENY, Verdict.UNDECIDABLE, Verdict.ALLOW)


@pytest.mark.parametrize("count", [20, 30, 60, 200])
def test_a_policy_with_many_variables_is_judged_or_undecidable(count: int) -> None:
    variables = [{"name": f"v{index}", "expression": f"size(object.metadata.name) + {index}"} for index in range(count)]
    checks = [f"variables.v{index} > 0" for index in range(count)]
    whole = " && ".join(checks)
    spec = {"matchConstraints": {"resourceRules": [RULE]}, "variables": variables}
    spec["validations"] = [{"expression": whole}, *({"expression": check} for check in checks)]
    documents = [make("ValidatingAdmissionPolicy", "p", spec), make("ValidatingAdmissionPolicyBinding", "p", bind("p"))]
    (judgement,) = judge(build_policies([Placed(document) for document in documents]), [Placed(config())])
    assert judgement.verdict is (Verdict.ALLOW if count < 40 else Verdict.UNDECIDABLE)
    assert len(judgement.findings) == (0 if count < 40 else 1)
    assert all("nested so deep" in finding.message for finding in judgement.findings)


def test_what_the_parser_does_not_read_is_said_so() -> None:
    with pytest.raises(InputError) as error:
        judge_one(" + ".join(["1"] * 60) + " > 0", config())
    assert "nested deeper than the 32 levels" in str(error.value)


@pytest.mark.parametrize("levels", [150, 250, 1_000, 20_000])
def test_a_deep_object_is_judged_or_refused(levels: int) -> None:
    judgement = judge_one("object.spec.a != 'leaf'", custom(nest(levels)))
    assert judgement.verdict is (Verdict.ALLOW if levels < 200 else Verdict.DENY)


def test_a_large_object_is_judged_in_bounded_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    judgement = judge_one("object.data.size() == 1", config(**{f"k{index}": "v" * 100 for index in range(20_000)}))
    assert judgement.verdict is Verdict.DENY
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (1 << 70, Verdict.DENY),
        (-(1 << 70), Verdict.DENY),
        (float("nan"), Verdict.DENY),
        (1e308, Verdict.DENY),
        ("\ud800", Verdict.DENY),
        ("\x00", Verdict.DENY),
        ("\u202e", Verdict.DENY),
    ],
)
def test_odd_values_never_pass_and_never_raise(value: object, verdict: Verdict) -> None:
    assert judge_one("object.spec.a == 'b'", custom({"a": value})).verdict is verdict


@pytest.mark.parametrize("quantity", ["1e999999999", "1e-999999999", "9" * 5000, "1E401", "0" * 100_000])
def test_an_endless_quantity_is_refused_or_read(quantity: str) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": quantity}}}]},
    }
    assert judge_one("object.metadata.name == 'q'", pod).verdict is Verdict.DENY


@pytest.mark.parametrize("metadata", [None, [], "x", {"name": 5}, {"labels": []}, {"labels": {"a": 1}}, {"name": None}])
@pytest.mark.parametrize("kind", ["ConfigMap", "Pod", "Deployment", "Thing"])
def test_broken_objects_are_judged_or_refused_without_a_traceback(kind: str, metadata: object) -> None:
    version = {"Deployment": "apps/v1", "Thing": "x.example/v1"}.get(kind, "v1")
    for spec in (None, [], "x", {"template": None}, {"containers": None}, {"template": {"spec": []}}):
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
        assert judge_one("object.metadata.name == 'nobody'", manifest).verdict is Verdict.DENY


def test_an_object_above_the_servers_limit_is_refused() -> None:
    with pytest.raises(InputError) as error:
        list(read_text("apiVersion: v1\nkind: ConfigMap\ndata: {a: " + "x" * (4 << 20) + "}\n", "f"))
    assert error.value.problems[0].code == "TEN-604"


def read_or_refuse(text: str) -> int | None:
    """How many objects there are, or None where the text is refused; anything else fails the test."""
    try:
        return len(list(read_text(text, "f")))
    except InputError as error:
        if {problem.code for problem in error.problems} == {"TEN-604"}:
            return None
        raise


@pytest.mark.parametrize("levels", [100, 500, 5_000])
@pytest.mark.parametrize("leaf", ["1", "1.5", "9" * 30])
def test_deep_documents_are_read_or_refused(levels: int, leaf: str) -> None:
    deep = '{"a":' * levels + leaf + "}" * levels
    listed = '{"apiVersion":"v1","kind":"List","items":[' * levels + "]}" * levels
    for text in (f'{{"apiVersion":"v1","kind":"ConfigMap","data":{deep}}}', listed, "a: " + "- " * levels + leaf):
        assert read_or_refuse(text) in (None, 0, 1)


ODD = ("\ud800: x", "a: \x00", "\ufeffa: b", "a: \x85b", "a:\r\n  b: c", "\t", "%TAG ! x\n---\na: b")


@pytest.mark.parametrize("text", ODD)
def test_odd_text_is_read_or_refused(text: str) -> None:
    assert read_or_refuse(f"apiVersion: v1\nkind: ConfigMap\n{text}\n") in (None, 1)
