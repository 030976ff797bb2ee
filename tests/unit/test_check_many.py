"""Large files are judged batch by batch, by several processes, and come to what they come to when read as a whole."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.bulk.objects import write_objects
from tenantry.check.batches import Batcher, find_asked
from tenantry.check.manner import Manner, count_processes
from tenantry.check.reading import gather
from tenantry.check.report import Report
from tenantry.check.run import check_paths
from tenantry.data import policy_dir
from tenantry.policy import build_policies, read_paths
from tenantry.policy.admission.judge import Judge
from tenantry.policy.documents.model import Manifest
from tenantry.policy.objects.cluster import Cluster
from tenantry.policy.objects.prepare import prepare_request

COUNT = 450
NAMESPACE = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: casework}\n"
LIMITS = """---
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: casework}
spec: {limits: [{type: Container, defaultRequest: {cpu: 1m, memory: 1Mi}}]}
"""
TWO = Manner(explain=True, traced=True, processes=2)


@pytest.fixture(scope="module")
def documents() -> list[str]:
    return list(write_objects(COUNT))


@pytest.fixture
def as_a_whole(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Report]:
    """Check a file as one that isn't large."""

    def check(file: Path) -> Report:
        with monkeypatch.context() as patch:
            patch.setattr(gather, "_LARGE", 1 << 40)
            return check_paths([file])

    return check


def told(report: Report) -> tuple[object, ...]:
    return report.summary, report.results, report.problems, [(one, one.judged, one.passed) for one in report.looked]


def write(folder: Path, *texts: str) -> Path:
    file = folder / "objects.yaml"
    file.write_text("".join(texts))
    assert file.stat().st_size > gather._LARGE
    return file


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_batches_come_to_the_same(
    documents: list[str], tmp_path: Path, as_a_whole: Callable[[Path], Report], processes: int
) -> None:
    file = write(tmp_path, *documents)
    seen: list[int] = []
    report = check_paths([file], manner=Manner(True, True, processes, seen.append))
    assert told(report) == told(as_a_whole(file))
    assert sum(seen) == report.summary.objects == COUNT
    assert report.summary.deny
    assert report.summary.allow
    assert len(seen) > 1


# What stands at the end of a file counts for the first objects of it, however it is written.
@pytest.mark.parametrize(
    "last",
    [
        NAMESPACE,
        LIMITS,
        NAMESPACE.replace("kind: Namespace", 'kind: "Name\\x73pace"'),
        '---\n{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "casework"}}\n',
        "---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: casework}\n",
        "---\na: &kind Namespace\napiVersion: v1\nkind: *kind\nmetadata: {name: casework}\n",
    ],
    ids=["plain", "limits", "escaped", "json", "list", "alias"],
)
def test_what_others_are_judged_with_may_stand_anywhere(
    documents: list[str], tmp_path: Path, as_a_whole: Callable[[Path], Report], last: str
) -> None:
    file = write(tmp_path, *documents, last)
    report = check_paths([file], manner=TWO)
    assert told(report) == told(as_a_whole(file))
    assert report.summary != check_paths([write(tmp_path, *documents)]).summary


def test_a_document_that_is_broken_is_told_as_ever(
    documents: list[str], tmp_path: Path, as_a_whole: Callable[[Path], Report]
) -> None:
    file = write(tmp_path, *documents[:300], "---\napiVersion: v1\nkind: [\n", *documents[300:])
    report = check_paths([file], manner=TWO)
    assert told(report) == told(as_a_whole(file))
    assert [problem.code for problem in report.problems] == ["TEN-604"]


def test_a_process_that_is_killed_loses_nothing(
    documents: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, *documents)
    sound, here, hear = told(check_paths([file])), os.getpid(), Batcher.hear

    def die(self: Batcher, items: object) -> object:
        if os.getpid() != here:
            os._exit(9)
        return hear(self, items)  # type: ignore[arg-type]

    monkeypatch.setattr(Batcher, "hear", die)
    assert told(check_paths([file], manner=TWO)) == sound


def test_parameters_from_elsewhere_are_all_known(
    documents: list[str], tmp_path: Path, as_a_whole: Callable[[Path], Report]
) -> None:
    """A policy that takes its parameters from one namespace for all finds them, though they come last."""
    file = write(tmp_path, *documents, "---\napiVersion: v1\nkind: ConfigMap\n", "metadata: {name: p, namespace: q}\n")
    rule = "{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [pods]}"
    head = "apiVersion: admissionregistration.k8s.io/v1\nmetadata: {name: p}\n"
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.yaml").write_text(
        f"{head}kind: ValidatingAdmissionPolicy\nspec:\n  paramKind: {{apiVersion: v1, kind: ConfigMap}}\n"
        f"  matchConstraints: {{resourceRules: [{rule}]}}\n"
        "  validations: [{expression: params.metadata.name == 'x'}]\n"
        f"---\n{head}kind: ValidatingAdmissionPolicyBinding\nspec:\n  policyName: p\n  validationActions: [Deny]\n"
        "  paramRef: {name: p, namespace: q, parameterNotFoundAction: Allow}\n"
    )
    report = check_paths([file], policies=tmp_path / "policies", manner=TWO)
    pods = sum("\nkind: Pod\n" in one for one in documents)
    assert report.summary.deny == pods > 0


class Documents(dict[tuple[str, str], dict[tuple[str, str], Manifest]]):
    """A cluster's documents, which note the kinds that are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[tuple[str, str]] = set()

    def get(self, key: tuple[str, str], *default: object) -> object:  # type: ignore[override]
        self.asked.add(key)
        return super().get(key, *default)  # type: ignore[call-overload]


def test_all_that_judging_asks_for_is_read_before_it() -> None:
    """Whatever kind of object is judged: else a document of a kind that nobody thought of would be read too late."""
    policies = build_policies(read_paths(sorted(policy_dir().glob("workload/*/policy.yaml"))))
    documents = Documents()
    cluster = Cluster(documents=documents)
    judge = Judge(policies.policies, cluster)
    for one in read_paths(sorted(policy_dir().glob("workload/*/cases/*.yaml"))):
        judge.judge(prepare_request(one.manifest, cluster))
    assert documents.asked == find_asked(policies) - {("apiextensions.k8s.io/v1", "CustomResourceDefinition")}


def test_where_processes_cannot_begin_as_copies_one_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS and Windows, which don't tell the cores in this way."""
    assert count_processes() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert count_processes() == 1
