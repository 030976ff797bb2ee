"""A real API server and our engine agree: on every expression and every case of the tables."""

import pytest
from apiserver import ApiServer, Manifest, bind, make
from casework import NAMES, load_case, summarise, summarise_answer
from expressions import FAILS, HOLDS, POD, REFUSED

from tenantry.policy import Placed, build_policies
from tenantry.policy.admission.verdict import Verdict
from tenantry.problems import InputError

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
BATCH = 12


def make_policy(name: str, expressions: list[str]) -> Manifest:
    validations = [{"expression": one, "message": f"case {index}"} for index, one in enumerate(expressions)]
    return make(
        "ValidatingAdmissionPolicy",
        name,
        {"matchConstraints": {"resourceRules": [RULE]}, "validations": validations},
    )


@pytest.mark.parametrize("expression", REFUSED)
def test_a_server_refuses_what_we_refuse(server: ApiServer, expression: str) -> None:
    answer = server.try_create(make_policy("parity", [expression]))
    assert answer.status == 422
    assert "spec.validations[0].expression" in answer.message


# Parts of a policy, and whether a server takes it with them: some of its own rules hang on the order of words.
PARTS = [
    ({"resources": ["pods", "*"]}, {}, True),
    ({"resources": ["*", "pods"]}, {}, False),
    ({"resources": ["pods/*", "pods/log"]}, {}, False),
    ({"resources": ["pods/log", "pods/*"]}, {}, True),
    ({"resources": ["*/scale", "deployments/scale"]}, {}, False),
    ({"apiVersions": [""]}, {}, False),
    ({}, {"reason": "Forbidden"}, True),
    ({}, {"reason": "Unauthorized"}, False),
]


@pytest.mark.parametrize(("rule", "validation", "taken"), PARTS)
def test_a_policy_is_taken_as_a_server_takes_it(
    server: ApiServer, rule: Manifest, validation: Manifest, taken: bool
) -> None:
    spec = {
        "matchConstraints": {"resourceRules": [{**RULE, **rule}]},
        "validations": [{"expression": "true", **validation}],
    }
    policy = make("ValidatingAdmissionPolicy", "parity", spec)
    assert (server.try_create(policy).status == 201) == taken
    if taken:
        build_policies([Placed(policy)])
    else:
        with pytest.raises(InputError):
            build_policies([Placed(policy)])


@pytest.fixture(scope="module")
def values(server: ApiServer) -> dict[str, str]:
    """What the server makes of each expression: true, false or error."""
    expressions = [*HOLDS, *FAILS]
    batches = {f"parity-{n}": expressions[n : n + BATCH] for n in range(0, len(expressions), BATCH)}
    documents = []
    for name, batch in batches.items():
        documents.append(make_policy(name, batch))
        chosen = {"objectSelector": {"matchLabels": {"batch": name}}}
        documents.append(make("ValidatingAdmissionPolicyBinding", name, bind(name, matchResources=chosen)))
    found: dict[str, str] = dict.fromkeys(expressions, "true")
    with server.hold(*documents):
        for name, batch in batches.items():
            labels = {**POD["metadata"]["labels"], "batch": name}
            answer = server.try_create({**POD, "metadata": {**POD["metadata"], "labels": labels}})
            assert answer.status == 201, answer.message
            for _, _, message in answer.failures():
                if message.startswith("case "):
                    found[batch[int(message.removeprefix("case "))]] = "false"
                else:
                    failed = [one for one in batch if f"expression '{one}' resulted in error" in message]
                    found |= dict.fromkeys(failed, "error")
    return found


@pytest.mark.parametrize("expression", HOLDS)
def test_a_server_finds_true_what_we_find_true(values: dict[str, str], expression: str) -> None:
    assert values[expression] == "true"


@pytest.mark.parametrize("expression", FAILS)
def test_a_server_errs_where_we_err(values: dict[str, str], expression: str) -> None:
    assert values[expression] == "error"


@pytest.mark.parametrize("name", NAMES)
def test_a_server_finds_what_a_case_says(server: ApiServer, name: str) -> None:
    case = load_case(name)
    ours = dict(enumerate(judgement for _, _, judgement in case.judge()))
    for index, (request, answer) in enumerate(case.ask(server)):
        shown = (request.object or request.old or {})["metadata"]
        if request.refused:
            assert answer.status == 400, (shown, answer.message)
        elif request.denies:
            assert answer.status in (403, 422), (shown, answer.message)
            (denied,) = (one for one in ours[index].findings if one.verdict is Verdict.DENY)
            said = f"ValidatingAdmissionPolicy '{denied.policy}' with binding '{denied.binding}' denied request: "
            assert said in answer.message, shown
            assert denied.errored or answer.message.endswith(denied.message), shown
        else:
            assert answer.status in (200, 201), (shown, answer.message)
            assert summarise_answer(case, answer) == request.finds == summarise(case, ours[index]), shown
