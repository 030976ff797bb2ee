"""The policy pack says of a Pulumi resource what a check says of its manifest."""

import json
from pathlib import Path
from typing import Any

import pytest

from resources import GOOD, UNKNOWN, Manifest, pod, resource_of
from tenantry.check.judging import judge_manifests
from tenantry.check.reading.resources import SIGNATURE
from tenantry.check.report import Result
from tenantry.data import policy_dir
from tenantry.objectstore.spec import TENANT_LABEL
from tenantry.pack.asked import SECRET, UNKNOWNS, read_resource
from tenantry.pack.review import Review, read_government
from tenantry.policy import Verdict, mark_unknown, read_paths
from tenantry.problems import InputError

LAYERS = ("workload", "bucket")
"""What a Pulumi resource can be."""
CASES = sorted(policy_dir().glob("*/*/cases/*.yaml"))


def told(results: list[Result]) -> list[tuple[str, str, str]]:
    return sorted((one.policy, one.verdict.value, one.message) for one in results)


@pytest.fixture(scope="module")
def policies() -> Review:
    return Review()


@pytest.fixture
def review(policies: Review) -> Review:
    """A stack that nobody asked anything of yet."""
    return Review(policies.policies, policies.baseline)


def judged(review: Review, *manifests: Manifest) -> list[Result]:
    """Give what is said of a stack whose resources ask for manifests; the second has the URN 1."""
    resources = [(str(number), *resource_of(one)) for number, one in enumerate(manifests)]
    for one in resources:
        review.note(*one)
    return review.judge_stack(resources)


def test_a_resource_is_judged_as_its_manifest_is(policies: Review) -> None:
    """The baseline's cases: each that stands alone in one stack with the others, and some with what is around them."""
    cases = [list(read_paths([case])) for case in CASES if case.parents[2].name in LAYERS]
    alone = [case[0] for case in cases if len(case) == 1 and case[0].manifest["kind"] != "Namespace"]
    around = [case for case in cases if len(case) > 1]
    assert len(alone) > 300
    for placed in [alone, *around[::8]]:
        checked = judge_manifests(placed, (), policies.baseline, policies.policies).results
        seen = judged(Review(policies.policies, policies.baseline), *(one.manifest for one in placed))
        assert told(seen) == told(checked)


def test_a_good_pod_passes(review: Review) -> None:
    assert told(judged(review, pod())) == []


def test_each_finding_is_at_its_own_resource(review: Review) -> None:
    results = judged(review, pod(), pod(securityContext={**GOOD["securityContext"], "privileged": True}))
    assert {(one.file, one.policy) for one in results} >= {("1", "pod-privileged")}
    assert {one.file for one in results} == {"1"}


@pytest.mark.parametrize(
    ("key", "value", "policy"),
    [
        ("image", None, "image-digest"),
        ("securityContext", None, "pod-privileged"),
        ("securityContext", {"privileged": None}, "pod-privileged"),
        ("securityContext", {"capabilities": {"drop": [None]}}, "pod-capabilities"),
    ],
)
def test_what_hangs_on_an_unknown_value_never_passes(review: Review, key: str, value: object, policy: str) -> None:
    text = json.dumps(pod(**{key: value})).replace("null", json.dumps(UNKNOWN))
    found = {one.policy: one for one in judged(review, json.loads(text))}
    assert found[policy].verdict is Verdict.UNDECIDABLE
    assert "which isn't known yet" in found[policy].message
    assert UNKNOWN not in found[policy].message


@pytest.mark.parametrize("sentinel", sorted(UNKNOWNS))
def test_a_value_of_any_type_can_be_unknown(sentinel: str) -> None:
    found = read_resource("kubernetes:core/v1:Pod", {"spec": {"containers": [{"image": sentinel}]}})
    assert found is not None
    assert found.manifests[0]["spec"]["containers"][0]["image"] == mark_unknown("spec.containers[0].image")


def test_what_does_not_hang_on_an_unknown_value_is_decided(review: Review) -> None:
    labelled = pod()
    labelled["metadata"]["annotations"] = {"built-by": UNKNOWN}
    assert judged(review, labelled) == []


def test_an_unknown_tag_of_a_bucket_never_passes(review: Review) -> None:
    (manifest,) = (
        one.manifest for one in read_paths([policy_dir() / "bucket/bucket-lock/cases/allow_open_locked.yaml"])
    )
    token, inputs = resource_of(manifest)
    for spec in ({**inputs["spec"], "tags": UNKNOWN}, UNKNOWN):
        one = ("bucket", token, {**inputs, "spec": spec})
        review.note(*one)
        assert Verdict.UNDECIDABLE in {result.verdict for result in review.judge_stack([one])}


def secret(value: object) -> dict[str, Any]:
    return {SIGNATURE: SECRET, "value": value}


def test_a_secret_value_is_judged_and_not_shown(review: Review) -> None:
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "main"},
        "spec": {"rules": [{"host": secret("hidden.example")}], "tls": [{"hosts": ["other.example"]}]},
    }
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "main", "labels": {TENANT_LABEL: "t-00000000"}},
    }
    results = [one for one in judged(review, namespace, ingress) if one.file == "1"]
    assert {"ingress-hosts", "ingress-tls"} <= {one.policy for one in results if one.verdict is Verdict.DENY}
    assert "hidden" not in str(results)


def test_a_spec_that_is_secret_for_one_value_still_tells_what_is_wrong(review: Review) -> None:
    """pulumi-kubernetes makes a whole spec secret where one value in it is."""
    bad = pod(securityContext={"privileged": True}, env=[{"name": "KEY", "value": "s3cr3t"}])
    results = judged(review, {**bad, "spec": secret(bad["spec"])})
    assert "containers app must not set securityContext.privileged to true" in {one.message for one in results}
    bad = pod(image=UNKNOWN)
    unknown = judged(review, {**bad, "spec": secret(bad["spec"])})
    assert any("spec.containers[0].image, which isn't known yet" in one.message for one in unknown)
    assert "s3cr3t" not in str(results)


def test_the_objects_of_a_list_are_judged(review: Review) -> None:
    items = [pod(), pod(securityContext={"privileged": True})]
    listed = {"apiVersion": "v1", "kind": "PodList", "items": items}
    assert "pod-privileged" in {one.policy for one in judged(review, listed)}


@pytest.mark.parametrize(
    ("token", "metadata"),
    [
        ("helm.sh/v3:Release", {"name": "web"}),
        ("apps/v1:DeploymentPatch", {"name": "web"}),
        ("core/v1:Pod", {"name": "web", "namespace": UNKNOWN}),
        ("core/v1:Pod", UNKNOWN),
    ],
)
def test_what_nobody_can_see_in_a_plan_never_passes(review: Review, token: str, metadata: object) -> None:
    one = ("urn", f"kubernetes:{token}", {"metadata": metadata})
    review.note(*one)
    (result,) = review.judge_stack([one])
    assert (result.code, result.verdict, result.file) == ("TEN-655", Verdict.UNDECIDABLE, "urn")


@pytest.mark.parametrize(
    "token",
    [
        "pulumi:pulumi:Stack",
        "pulumi:providers:kubernetes",
        "kubernetes:yaml/v2:ConfigGroup",
        "kubernetes:helm.sh/v4:Chart",
        "aws:s3/bucket:Bucket",
        "tenantry:tenant:Namespace",
    ],
)
def test_what_is_no_object_is_left_alone(token: str) -> None:
    assert read_resource(token, {}) is None


def test_an_object_is_named_by_its_type_where_its_inputs_do_not() -> None:
    for token, api_version in (("core/v1:Pod", "v1"), ("batch/v1:Job", "batch/v1"), ("a.example/v2:B", "a.example/v2")):
        found = read_resource(f"kubernetes:{token}", {"metadata": {"name": "a"}})
        assert found is not None
        (manifest,) = found.manifests
        assert (manifest["apiVersion"], manifest["kind"]) == (api_version, token.partition(":")[2])


def test_what_is_only_read_is_context(review: Review) -> None:
    """A Namespace that another stack made lists the registries of the Pods of this one."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "main",
            "labels": {TENANT_LABEL: "t-00000000"},
            "annotations": {"tenantry.dev/registries": "elsewhere.example"},
        },
    }
    review.note("pod", *resource_of(pod()))
    results = review.judge_stack([("namespace", *resource_of(namespace)), ("pod", *resource_of(pod()))])
    assert {one.file for one in results} == {"pod"}
    assert any("elsewhere.example" in one.message for one in results if one.policy == "image-registry")


def test_in_an_update_only_what_may_still_come_is_waited_for(review: Review) -> None:
    """The quota and the closed network of a namespace may come after a Pod; nothing makes a privileged one right."""
    labels = {TENANT_LABEL: "t-00000000"}
    notes = {"tenantry.dev/registries": "registry.gov.example"}
    metadata = {"name": "main", "labels": labels, "annotations": notes}
    review.note("namespace", "kubernetes:core/v1:Namespace", {"metadata": metadata})
    review.note("good", *resource_of(pod()))
    assert review.judge_before("good") == []
    review.note("bad", *resource_of(pod(securityContext={"privileged": True})))
    assert "pod-privileged" in {one.policy for one in review.judge_before("bad")}
    review.note("release", "kubernetes:helm.sh/v3:Release", {"chart": "web"})
    assert [one.code for one in review.judge_before("release")] == ["TEN-655"]
    there = [("namespace", "kubernetes:core/v1:Namespace", {"metadata": metadata}), ("good", *resource_of(pod()))]
    without = {one.policy for one in review.judge_stack(there)}
    assert {"namespace-quota", "namespace-default-deny"} <= without


def test_a_bucket_of_another_baseline_needs_its_document(review: Review, tmp_path: Path) -> None:
    case = policy_dir() / "bucket/bucket-lock/cases/allow_open_locked.yaml"
    text = case.read_text().replace("2026.1", "2025.2")
    assert "2025.2" in text
    (tmp_path / "bucket.yaml").write_text(text)
    (manifest,) = (one.manifest for one in read_paths([tmp_path / "bucket.yaml"]))
    (result,) = (one for one in judged(review, manifest) if one.policy == "policies")
    assert result.verdict is Verdict.UNDECIDABLE
    assert "tenantry:government" in result.fix
    pinned = (policy_dir() / "baseline.yaml").read_text().replace("2026.1", "2025.2")
    (tmp_path / "baseline.yaml").write_text(pinned)
    (tmp_path / "bucket.yaml").unlink()
    review.context, _ = read_government(tmp_path)
    assert "policies" not in {one.policy for one in judged(review, manifest)}


@pytest.mark.parametrize("name", ["stacks/example", "/nowhere/at/all"])
def test_a_government_that_is_not_there_is_said(name: str) -> None:
    with pytest.raises(InputError, match="TEN-656"):
        read_government(Path(name))
