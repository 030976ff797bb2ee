"""`tenantry check` on what Pulumi says of a stack: judged as manifests are, and nothing that isn't known passes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenantry.check import Report, check_paths
from tenantry.check.formats import FORMATS, write_report
from tenantry.check.reading.plans import Plan, read_plan
from tenantry.check.reading.resources import BLINDED, SIGNATURE, UNKNOWN, read_resource
from tenantry.policy import Verdict
from tenantry.policy.cel.library.marks import is_marked
from tenantry.problems import InputError

# Real ones: see renew.py beside them.
PLANS = Path(__file__).with_name("plans")
PREVIEW, EXPORT = PLANS / "preview.json", PLANS / "export.json"
Json = dict[str, Any]


def verdicts(report: Report) -> dict[tuple[str, str], Verdict]:
    return {(str(one.object), one.policy): one.verdict for one in report.results}


def changed(plan: Path, folder: Path, change: Callable[[Json], object]) -> Path:
    said = json.loads(plan.read_text())
    change(said)
    (folder / "plan.json").write_text(json.dumps(said))
    return folder / "plan.json"


def state(said: Json, name: str) -> Json:
    """Give the state of a resource by the last part of its URN."""
    states = said.get("deployment", {}).get("resources") or [one["newState"] for one in said["steps"]]
    (found,) = (one for one in states if one["urn"].endswith(f"::{name}"))
    return dict(found)


@pytest.mark.parametrize("plan", [PREVIEW, EXPORT])
def test_the_objects_of_a_stack_are_judged(plan: Path) -> None:
    report = check_paths([plan])
    assert verdicts(report)["Deployment/main/web", "pod-privileged"] is Verdict.DENY
    (privileged,) = (one for one in report.results if one.policy == "pod-privileged")
    assert Path(privileged.file).name == plan.name
    lines = plan.read_text().splitlines()
    assert lines[privileged.line - 1].strip().startswith('"urn": ')
    assert "::web" in lines[privileged.line - 1]
    looked = {str(one.object) for one in report.looked}
    assert looked >= {"ConfigMap/main/first", "Deployment/main/web", "Secret/main/key"}
    assert report.problems == ()
    assert report.judged.objects == len(report.looked)


def test_a_plan_is_judged_from_a_pipe_too() -> None:
    file, pipe = check_paths([EXPORT]), check_paths([Path("-")], stdin=EXPORT.read_text())
    assert verdicts(pipe) == verdicts(file)
    assert pipe.judged == file.judged
    assert {one.file for one in pipe.results} == {"standard input"}


def test_what_isnt_known_before_the_update_is_undecidable_and_afterwards_it_is_judged() -> None:
    before, after = verdicts(check_paths([PREVIEW])), verdicts(check_paths([EXPORT]))
    assert before["Pod/waits", "image-digest"] is Verdict.UNDECIDABLE
    assert before["Pod/waits", "pod-run-as-non-root"] is Verdict.DENY
    assert after["Pod/main/waits", "image-digest"] is Verdict.DENY


def test_a_bucket_of_a_plan_is_judged() -> None:
    found = verdicts(check_paths([PREVIEW]))
    assert found["Bucket/t-0-files", "bucket-tls"] is Verdict.DENY
    # Its tags don't say what baseline holds it to, by which it would be judged.
    assert found["Bucket/t-0-files", "bucket-owner"] is Verdict.DENY


POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-password}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [secrets]}]
  validations:
    - expression: "!has(object.data) || object.data.all(k, object.data[k].size() > 99)"
      messageExpression: "'it holds ' + object.data.map(k, object.data[k]).join(' ')"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-password}
spec: {policyName: no-password, validationActions: [Deny]}
"""
SECRET = "aHVudGVyMg=="
"""What the secret holds, as a Kubernetes Secret's data."""


def show_secrets(said: Json) -> None:
    """Change an export to what `--show-secrets` writes."""
    data = state(said, "key")["inputs"]["data"]
    assert data.pop("ciphertext")
    data["plaintext"] = json.dumps({"password": SECRET})


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize("plan", [PREVIEW, EXPORT])
def test_a_secret_is_undecidable_and_in_no_report(tmp_path: Path, plan: Path, *, shown: bool) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "own.yaml").write_text(POLICY)
    if shown and plan == EXPORT:
        plan = changed(EXPORT, tmp_path, show_secrets)
        assert SECRET in plan.read_text()
    report = check_paths([plan], policies=tmp_path / "policies")
    assert verdicts(report) == {("Secret/main/key", "no-password"): Verdict.UNDECIDABLE}
    assert all(SECRET not in line for form in FORMATS for line in write_report(report, form))


def test_what_goes_is_not_judged(tmp_path: Path) -> None:
    def delete(said: Json) -> None:
        (web,) = (one for one in said["steps"] if one["urn"].endswith("::web"))
        web |= {"op": "delete", "oldState": web.pop("newState")}

    gone = changed(PREVIEW, tmp_path, delete)
    assert "Deployment/main/web" not in {str(one.object) for one in check_paths([gone]).looked}
    left = changed(
        EXPORT,
        tmp_path,
        lambda said: [
            one.update(delete=True) for one in said["deployment"]["resources"] if one["urn"].endswith("::web")
        ],
    )
    assert "Deployment/main/web" not in {str(one.object) for one in check_paths([left]).looked}


def test_what_an_update_may_have_made_when_it_was_cut_off_is_judged(tmp_path: Path) -> None:
    def interrupt(said: Json) -> None:
        resources = said["deployment"]["resources"]
        (web,) = (one for one in resources if one["urn"].endswith("::web"))
        resources.remove(web)
        said["deployment"]["pending_operations"] = [{"resource": web, "type": "creating"}]

    found = verdicts(check_paths([changed(EXPORT, tmp_path, interrupt)]))
    assert found["Deployment/main/web", "pod-privileged"] is Verdict.DENY


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("kubernetes:helm.sh/v3:Release", "helm.sh/v3"),
        ("kubernetes:apps/v1:DeploymentPatch", "apps/v1"),
    ],
)
def test_what_a_plan_doesnt_show_is_undecidable(tmp_path: Path, token: str, name: str) -> None:
    def replace(said: Json) -> None:
        said["steps"] = [one for one in said["steps"] if one["urn"].endswith("::web")]
        said["steps"][0]["newState"]["type"] = token

    report = check_paths([changed(PREVIEW, tmp_path, replace)])
    (only,) = report.results
    assert (only.verdict, only.code, only.object.api_version) == (Verdict.UNDECIDABLE, "TEN-651", name)
    assert (report.judged.objects, report.judged.undecidable) == (1, 1)


def test_a_step_that_pulumi_couldnt_write_down_is_undecidable(tmp_path: Path) -> None:
    def lose(said: Json) -> None:
        (web,) = (one for one in said["steps"] if one["urn"].endswith("::web"))
        del web["newState"]

    report = check_paths([changed(PREVIEW, tmp_path, lose)])
    assert verdicts(report)["Deployment/web", "policies"] is Verdict.UNDECIDABLE


@pytest.mark.parametrize(
    ("plan", "change"),
    [
        (PREVIEW, lambda said: said["diagnostics"].append({"severity": "error", "message": "no"})),
        (EXPORT, lambda said: said.update(version=2)),
        (PREVIEW, lambda said: said.update(resourcePlans={})),
    ],
)
def test_a_plan_that_doesnt_say_all_is_refused(tmp_path: Path, plan: Path, change: Callable[[Json], object]) -> None:
    report = check_paths([changed(plan, tmp_path, change)])
    assert [one.code for one in report.problems] == ["TEN-650"]
    assert report.judged.objects == 0


def test_objects_beside_a_plan_are_judged_as_ever(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(PREVIEW.read_text())
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a}]}\n"
    )
    (tmp_path / "note.yaml").write_text(
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n}\ndata: {a: "urn:pulumi:x"}\n'
    )
    alone, all_of_them = check_paths([tmp_path / "pod.yaml"]), check_paths([tmp_path])
    assert verdicts(alone).items() <= verdicts(all_of_them).items()
    assert all_of_them.judged.objects == check_paths([PREVIEW]).judged.objects + 2


def test_a_resource_says_its_manifests() -> None:
    inputs = {"metadata": {"name": "a", "namespace": UNKNOWN}, "data": {"x": BLINDED}, "__internal": {}}
    (manifest,) = read_resource("kubernetes:core/v1:ConfigMap", inputs)
    assert isinstance(manifest, dict)
    assert (manifest["apiVersion"], manifest["kind"], manifest["metadata"]) == ("v1", "ConfigMap", {"name": "a"})
    assert is_marked(manifest["data"]["x"])
    assert "__internal" not in manifest
    (own,) = read_resource("kubernetes:example.org/v1:Mouse", {"apiVersion": "example.org/v2", "kind": "Mouse"})
    assert isinstance(own, dict)
    assert own["apiVersion"] == "example.org/v2"
    items = {"items": [{"metadata": {"name": "a"}}, {"kind": "Pod", "metadata": {"name": "b"}}]}
    assert [
        one["kind"] for one in read_resource("kubernetes:core/v1:ConfigMapList", items) if isinstance(one, dict)
    ] == [
        "ConfigMap",
        "Pod",
    ]
    (secret,) = read_resource("kubernetes:core/v1:Secret", {"data": {SIGNATURE: "anything"}})
    assert isinstance(secret, dict)
    assert is_marked(secret["data"])
    assert read_resource("kubernetes:helm.sh/v4:Chart", {}) == []
    assert read_resource("aws:s3/bucket:Bucket", {}) == []


KEYS = st.sampled_from(
    ["urn", "type", "custom", "inputs", "newState", "op", "resources", "metadata", "spec", "tags", "items"]
)
ODD = st.recursive(
    st.sampled_from(
        [None, True, 1, 1.5, "", "x", UNKNOWN, BLINDED, "kubernetes:core/v1:Pod", "objectstore:index:Bucket"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(ODD, st.sampled_from(["steps", "deployment"]))
@example([{"urn": None, "op": []}], "steps")
def test_a_plan_of_any_shape_is_read_or_refused(odd: object, key: str) -> None:
    try:
        plan = read_plan(json.dumps({key: odd, "version": 3}).encode(), "plan.json")
    except InputError:
        return
    assert isinstance(plan, Plan)


@given(st.sampled_from(["kubernetes:core/v1:Pod", "kubernetes:core/v1:PodList", "objectstore:index:Bucket"]), ODD)
def test_a_resource_of_any_shape_has_manifests_or_a_reason(token: str, odd: object) -> None:
    asked = read_resource(token, odd)
    assert asked if isinstance(asked, str) else all(one["apiVersion"] and one["kind"] for one in asked)


@pytest.mark.parametrize(
    "inputs", [{"metadata": BLINDED}, {"metadata": {"name": UNKNOWN}}, {"spec": UNKNOWN}, {"spec": 1}]
)
@pytest.mark.parametrize("name", ["web", "files"])
def test_an_odd_resource_never_passes(tmp_path: Path, name: str, inputs: Json) -> None:
    def change(said: Json) -> None:
        said["steps"] = [one for one in said["steps"] if one["urn"].endswith(f"::{name}")]
        said["steps"][0]["newState"]["inputs"] = inputs

    judged = check_paths([changed(PREVIEW, tmp_path, change)]).judged
    assert (judged.objects, judged.deny + judged.undecidable) == (1, 1)
