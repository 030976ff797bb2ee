"""Random expressions, each tried on our engine and on a real API server; TENANTRY_GENERATED says how many."""

import os
from collections.abc import Iterator, Sequence

from apiserver import ApiServer, Manifest, bind, make
from expressions import POD
from grammar import bool_expressions
from hypothesis import HealthCheck, Phase, given, seed, settings

from tenantry.policy import Placed, Verdict, build_policies
from tenantry.policy.admission.judge import Judge
from tenantry.policy.objects.prepare import prepare_request
from tenantry.problems import InputError

EXAMPLES = int(os.environ.get("TENANTRY_GENERATED", "120"))
SEED = int(os.environ.get("TENANTRY_SEED", "7"))
BATCH, GROUP, LONGEST = 8, 25, 150
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}


def generate() -> list[str]:
    found: list[str] = []

    checks = list(HealthCheck)

    @seed(SEED)
    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=checks, phases=[Phase.generate])
    @given(bool_expressions())
    def collect(expression: str) -> None:
        # A server shortens warnings, and a longer expression couldn't be told from its like.
        if len(expression) <= LONGEST:
            found.append(expression)

    collect()
    return list(dict.fromkeys(found))


def make_policy(name: str, expressions: Sequence[str]) -> Manifest:
    validations = [{"expression": one, "message": f"case {index}"} for index, one in enumerate(expressions)]
    spec = {"matchConstraints": {"resourceRules": [RULE]}, "validations": validations}
    return make("ValidatingAdmissionPolicy", name, spec)


def accepts(expression: str) -> bool:
    try:
        build_policies([Placed(make_policy("generated", [expression]))])
    except InputError:
        return False
    return True


def label(name: str) -> Manifest:
    return {**POD, "metadata": {**POD["metadata"], "labels": {**POD["metadata"]["labels"], "batch": name}}}


def ask_server(server: ApiServer, name: str, expressions: Sequence[str]) -> dict[str, str]:
    answer = server.try_create(label(name))
    assert answer.status == 201, answer.message
    found = dict.fromkeys(expressions, "true")
    for policy, _, message in answer.failures():
        if policy != name:
            continue
        if message.startswith("case "):
            found[expressions[int(message.removeprefix("case "))]] = "false"
        else:
            failed = [one for one in expressions if message.startswith(f"expression '{one}' resulted in error")]
            assert failed, message
            found[failed[0]] = "error"
    return found


def ask_ourselves(judge: Judge, prepared: object, expressions: Sequence[str]) -> dict[str, str]:
    found = dict.fromkeys(expressions, "true")
    for finding in judge.judge(prepared).findings:  # type: ignore[arg-type]
        known = "error" if finding.errored else "false"
        found[expressions[finding.index]] = "undecidable" if finding.verdict is Verdict.UNDECIDABLE else known
    return found


def compare_values(server: ApiServer, expressions: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Each expression with what the server and what we make of it."""
    batches = {f"generated-{n // BATCH}": expressions[n : n + BATCH] for n in range(0, len(expressions), BATCH)}
    documents = []
    for name, batch in batches.items():
        chosen = {"objectSelector": {"matchLabels": {"batch": name}}}
        documents.append(make_policy(name, batch))
        documents.append(make("ValidatingAdmissionPolicyBinding", name, bind(name, matchResources=chosen)))
    policies = build_policies([Placed(document) for document in documents], [NAMESPACE])
    judge = Judge(policies.policies, policies.cluster)
    with server.hold(*documents):
        for name, batch in batches.items():
            prepared = prepare_request(label(name), policies.cluster, dry_run=True)
            theirs, ours = ask_server(server, name, batch), ask_ourselves(judge, prepared, batch)
            yield from ((one, theirs[one], ours[one]) for one in batch)


def test_a_server_and_our_engine_agree_on_random_expressions(server: ApiServer) -> None:
    expressions = generate()
    taken = [one for one in expressions if accepts(one)]
    assert len(taken) > len(expressions) // 2
    for one in expressions:
        answer = server.try_create(make_policy("generated", [one]))
        assert (answer.status == 201) == (one in taken), f"{one}: {answer.message}"
    size = BATCH * GROUP
    compared = [entry for n in range(0, len(taken), size) for entry in compare_values(server, taken[n : n + size])]
    assert [entry for entry in compared if entry[1] != entry[2]] == []
    assert {"true", "false", "error"} <= {theirs for _, theirs, _ in compared}
