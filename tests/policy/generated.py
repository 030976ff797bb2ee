"""Random expressions, and what our engine and a real API server make of each."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from apiserver import ApiServer, Manifest, bind, make
from expressions import POD
from grammar import bool_expressions
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tenantry.policy import Placed, Verdict, build_policies
from tenantry.policy.admission.judge import Judge
from tenantry.policy.objects.prepare import prepare_request
from tenantry.problems import InputError

BATCH, GROUP, LONGEST = 8, 25, 150
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
T = TypeVar("T")
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}


def expressions() -> SearchStrategy[str]:
    """Expressions that a server's warning shows in full; of longer ones it couldn't be told which it is about."""
    return bool_expressions().filter(lambda expression: len(expression) <= LONGEST)


def repeatable(examples: int, *phases: Phase) -> settings:
    """The settings with which hypothesis gives the same values for a seed, time and again."""
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=phases,
        print_blob=False,
        report_multiple_bugs=False,
    )


def generate(strategy: SearchStrategy[T], examples: int, chance: int) -> list[T]:
    """The values that a strategy gives for a seed."""
    found: list[T] = []

    @seed(chance)
    @repeatable(examples, Phase.generate)
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found


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


def compare_values(server: ApiServer, taken: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Each expression with what the server and what we make of it; so many at once as come into force in a second."""
    size = BATCH * GROUP
    for start in range(0, len(taken), size):
        yield from _compare_group(server, taken[start : start + size])


def _compare_group(server: ApiServer, expressions: Sequence[str]) -> Iterator[tuple[str, str, str]]:
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
