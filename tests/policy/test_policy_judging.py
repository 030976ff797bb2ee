"""What judging says beyond single expressions: unknown values, templates, custom kinds, versions, missing bindings."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from apiserver import Manifest, bind, make

from tenantry.policy import (
    Grant,
    Judgement,
    Placed,
    PolicySet,
    Subject,
    Verdict,
    build_policies,
    judge,
    load_policies,
    mark_unknown,
)
from tenantry.problems import InputError

ALL = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}


def policy(
    expression: str,
    *,
    rule: Manifest = ALL,
    match: Manifest | None = None,
    annotations: dict[str, str] | None = None,
    context: Sequence[Manifest] = (),
    kubernetes: int = 37,
) -> PolicySet:
    constraints = {"resourceRules": [rule], **(match or {})}
    validations = [{"expression": expression, "message": f"not {expression}"}]
    spec = {"matchConstraints": constraints, "validations": validations}
    document = make("ValidatingAdmissionPolicy", "subject", spec)
    document["metadata"]["annotations"] = annotations or {}
    binding = make("ValidatingAdmissionPolicyBinding", "subject", bind("subject", validationActions=["Deny"]))
    return build_policies([Placed(document), Placed(binding)], context, kubernetes)


def judge_one(
    policies: PolicySet,
    manifest: Manifest,
    *,
    planned: bool = False,
    subject: Subject | None = None,
    grants: list[Grant] | None = None,
) -> Judgement:
    (judgement,) = judge(policies, [Placed(manifest)], planned=planned, subject=subject, grants=grants)
    return judgement


def pod(**spec: object) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "n1", "labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "ok/x"}], **spec},
    }


LATER = mark_unknown("the bucket's name")


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("object.spec.hostNetwork == false", Verdict.UNDECIDABLE),
        ("!object.spec.?hostNetwork.orValue(false)", Verdict.UNDECIDABLE),
        ("object.spec.containers.all(c, c.image.startsWith('ok/'))", Verdict.UNDECIDABLE),
        ("object.spec.containers.exists(c, c.image == 'ok/x')", Verdict.ALLOW),
        ("object.spec.containers.all(c, c.name != 'd')", Verdict.DENY),
        ("object.spec.containers.all(c, c.image == 'no')", Verdict.DENY),
        ("object.spec.containers[1].image != 'bad'", Verdict.UNDECIDABLE),
        ("!(object.spec.containers[1].image in ['bad'])", Verdict.UNDECIDABLE),
        ("object.spec.containers[1] != {'name': 'd'}", Verdict.UNDECIDABLE),
        ("object.spec.containers.all(i, c, c.image != 'bad')", Verdict.UNDECIDABLE),
        ("object.metadata.name == 'p' || object.spec.hostNetwork == false", Verdict.ALLOW),
        ("object.metadata.name == 'q' && object.spec.hostNetwork == false", Verdict.DENY),
        ("has(object.spec.hostNetwork)", Verdict.ALLOW),
        ("!object.spec.?securityContext.?runAsNonRoot.hasValue()", Verdict.UNDECIDABLE),
        ("object.spec.?securityContext[?'runAsUser'].orValue(1) != 0", Verdict.UNDECIDABLE),
        ("object.spec[?'securityContext'].optMap(s, 'runAsUser' in s).orValue(false)", Verdict.UNDECIDABLE),
        ("object.spec.?containers[?0].?image.orValue('') == 'ok/x'", Verdict.ALLOW),
        ("object.spec.containers[1].imagePullPolicy == 'Always'", Verdict.UNDECIDABLE),
        ("string(object.spec.hostNetwork) == 'false'", Verdict.UNDECIDABLE),
    ],
)
def test_a_value_that_isnt_known_yet_never_passes(expression: str, verdict: Verdict) -> None:
    containers = [{"name": "c", "image": "ok/x"}, {"name": "d", "image": LATER}]
    manifest = pod(hostNetwork=LATER, securityContext=LATER, containers=containers)
    judgement = judge_one(policy(expression), manifest, planned=True)
    assert judgement.verdict is verdict
    if verdict is Verdict.UNDECIDABLE:
        assert "the bucket's name, which isn't known yet" in judgement.findings[0].message


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("namespaceObject.metadata.name == 'n1'", "give its Namespace document"),
        ("request.userInfo.username != 'x'", "who makes the request"),
        ("authorizer.path('/x').check('get').allowed()", "who makes the request"),
        ("object.metadata.uid != ''", "metadata.uid, which the API server sets"),
        ("object.metadata.?creationTimestamp.orValue('x') == 'x'", "metadata.creationTimestamp"),
        ("object.metadata['generation'] == 1", "metadata.generation"),
        ("lists.range(200).all(x, lists.range(200).all(y, x + y >= 0))", "10,000 steps"),
    ],
)
def test_what_only_a_server_knows_is_undecidable_and_says_what_would_decide_it(expression: str, what: str) -> None:
    (finding,) = judge_one(policy(expression), pod()).findings
    assert finding.verdict is Verdict.UNDECIDABLE
    assert what in finding.message


def test_an_address_that_a_server_hands_out_is_undecidable_unless_it_is_asked_for() -> None:
    policies = policy("object.spec.clusterIP == 'None' && object.spec.ports.all(p, !has(p.nodePort))")
    service: Manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"ports": [{"port": 1}]},
    }
    assert judge_one(policies, service).verdict is Verdict.UNDECIDABLE
    service["spec"]["clusterIP"] = "None"
    assert judge_one(policies, service).verdict is Verdict.ALLOW


def test_a_namespace_selector_is_decided_by_the_namespaces_document() -> None:
    selector = {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    assert judge_one(policy("false", match=selector), pod()).verdict is Verdict.UNDECIDABLE
    labelled = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n1", "labels": {"a": "b"}}}
    assert judge_one(policy("false", context=[labelled], match=selector), pod()).verdict is Verdict.DENY
    plain = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n1"}}
    assert judge_one(policy("false", context=[plain], match=selector), pod()).verdict is Verdict.ALLOW


@pytest.mark.parametrize("selector", ["namespaceSelector", "objectSelector"])
@pytest.mark.parametrize(
    ("labels", "operator", "verdict"),
    [
        (LATER, "Exists", Verdict.UNDECIDABLE),
        (LATER, "DoesNotExist", Verdict.UNDECIDABLE),
        ({"a": LATER}, "In", Verdict.UNDECIDABLE),
        ({"a": LATER}, "NotIn", Verdict.UNDECIDABLE),
        ({"a": LATER}, "Exists", Verdict.DENY),
        ({"a": LATER}, "DoesNotExist", Verdict.ALLOW),
        ({"a": "b", "c": LATER}, "In", Verdict.DENY),
    ],
)
def test_a_selector_over_labels_that_arent_known_yet_is_undecidable(
    selector: str, labels: object, operator: str, verdict: Verdict
) -> None:
    values = {"values": ["b"]} if operator in ("In", "NotIn") else {}
    match = {selector: {"matchExpressions": [{"key": "a", "operator": operator, **values}]}}
    labelled = {"name": "n1", "labels": labels}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": labelled}
    subject = pod()
    subject["metadata"] |= {"labels": labels}
    found = judge_one(policy("false", context=[namespace], match=match), subject, planned=True)
    assert found.verdict is verdict


def test_grants_decide_what_an_authorizer_is_asked() -> None:
    policies = policy("authorizer.group('apps').resource('deployments').namespace('n').check('create').allowed()")
    asking = Subject("u", ["g"])
    assert judge_one(policies, pod(), subject=asking).verdict is Verdict.UNDECIDABLE
    assert judge_one(policies, pod(), subject=asking, grants=[]).verdict is Verdict.DENY


WORKLOADS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "ReplicationController": "v1",
}


@pytest.mark.parametrize("kind", [*WORKLOADS, "CronJob"])
def test_a_pod_within_a_workload_is_judged_where_the_policy_says_so(kind: str) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod(hostNetwork=True)["spec"]}
    spec: Manifest = {"template": template}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    manifest = {"apiVersion": WORKLOADS.get(kind, "batch/v1"), "kind": kind, "metadata": {"name": "w"}, "spec": spec}
    expression = "!object.spec.?hostNetwork.orValue(false) || object.kind != 'Pod'"
    assert judge_one(policy(expression, rule=PODS), manifest).judged == ()
    judgement = judge_one(policy(expression, rule=PODS, annotations={"tenantry.dev/pod-templates": "true"}), manifest)
    (finding,) = judgement.findings
    assert finding.path.endswith("template")
    assert (judgement.object.kind, judgement.object.name) == (kind, "w")


def test_a_change_and_a_deletion_are_judged_as_such() -> None:
    policies = policy("request.operation == 'DELETE' ? oldObject.metadata.name == 'q' : object.data == oldObject.data")
    old: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"}, "data": {"a": "1"}}
    changes = [
        Placed(old, old=old),
        Placed(old | {"data": {"a": "2"}}, old=old),
        Placed(old, deleted=True),
    ]
    judgements = list(judge(policies, changes))
    assert [one.operation for one in judgements] == ["UPDATE", "UPDATE", "DELETE"]
    assert [one.verdict for one in judgements] == [Verdict.ALLOW, Verdict.DENY, Verdict.DENY]


def test_a_policy_without_a_binding_is_reported() -> None:
    document = make(
        "ValidatingAdmissionPolicy",
        "alone",
        {"matchConstraints": {"resourceRules": [ALL]}, "validations": [{"expression": "false"}]},
    )
    lost = make("ValidatingAdmissionPolicyBinding", "lost", bind("nowhere"))
    policies = build_policies([Placed(document), Placed(lost)])
    assert [one.name for one in policies.unbound] == ["alone"]
    assert [note.code for note in policies.notes] == ["TEN-602", "TEN-603"]
    assert judge_one(policies, pod()).judged == ()


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("object.metadata.name == 'p'", 27),
        ("object.?a.hasValue() || true", 29),
        ("sets.contains([1], [1])", 30),
        ("isIP('::1')", 31),
        ("format.uuid().validate('x').hasValue()", 32),
        ("[1].all(i, v, true)", 33),
        ("isSemver('1.0.0')", 34),
        ("[1].sort() == [1]", 35),
        ("[1].includes(1)", 38),
    ],
)
def test_a_policy_needs_a_version_of_kubernetes_and_says_which(expression: str, first: int) -> None:
    assert policy(expression, kubernetes=first).kubernetes == first
    if first > 27:
        with pytest.raises(InputError, match=rf"needs Kubernetes 1\.{first}"):
            policy(expression, kubernetes=first - 1)


def test_an_expression_that_always_costs_too_much_is_refused() -> None:
    with pytest.raises(InputError, match="above the API server's limit"):
        policy("lists.range(2000).map(x, lists.range(2000).map(y, x + y)).size() > 0")


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "mice.example.org"},
    "spec": {
        "group": "example.org",
        "scope": "Namespaced",
        "names": {"plural": "mice", "kind": "Mouse"},
        "versions": [
            {
                "name": version,
                "served": True,
                "storage": version == "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer", "default": 3},
                                    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                },
                            }
                        },
                    }
                },
            }
            for version in ("v1", "v1beta1")
        ],
    },
}


def test_a_custom_object_is_pruned_and_defaulted_by_its_schema() -> None:
    mouse = {
        "apiVersion": "example.org/v1",
        "kind": "Mouse",
        "metadata": {"name": "m"},
        "spec": {"gone": 1, "any": {"kept": None, "x": 1}},
    }
    rule = {"apiGroups": ["example.org"], "apiVersions": ["v1beta1"], "operations": ["CREATE"], "resources": ["mice"]}
    expression = (
        "object.spec.size == 3 && !has(object.spec.gone) && object.spec.any.x == 1"
        " && object.apiVersion.endsWith('v1beta1')"
    )
    judgement = judge_one(policy(expression, rule=rule, context=[CRD]), mouse)
    assert len(judgement.judged) == 1
    assert [(one.policy, one.path) for one in judgement.findings] == [("kubernetes", "spec.gone")]


def test_an_object_in_another_version_than_the_policy_names_is_undecidable() -> None:
    rule = {"apiGroups": ["autoscaling"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["*"]}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    scaler = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
    scaler["spec"] = {"maxReplicas": 3, "scaleTargetRef": target}
    assert judge_one(policy("false", rule=rule), scaler | {"apiVersion": "autoscaling/v1"}).verdict is Verdict.DENY
    newer = scaler | {"apiVersion": "autoscaling/v2"}
    assert judge_one(policy("false", rule=rule), newer).verdict is Verdict.UNDECIDABLE
    exact = policy("false", rule=rule, match={"matchPolicy": "Exact"})
    assert judge_one(exact, newer).verdict is Verdict.ALLOW


def test_a_custom_object_without_its_definition_is_judged_as_it_is() -> None:
    mouse = {"apiVersion": "example.org/v1", "kind": "Policy", "metadata": {"name": "m"}, "spec": {"a": None, "b": 1}}
    rule = {"apiGroups": ["example.org"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["policies"]}
    assert judge_one(policy("!has(object.spec.a) && object.spec.b == 1", rule=rule), mouse).verdict is Verdict.ALLOW


@pytest.mark.parametrize(("kind", "plural"), [("Bucket", "buckets"), ("Tenant", "tenants"), ("HostFacts", "hostfacts")])
def test_tenantrys_own_kinds_are_matched_like_any(kind: str, plural: str) -> None:
    manifest = {"apiVersion": "tenantry.dev/v1", "kind": kind, "metadata": {"name": "x"}, "spec": {"a": 1}}
    rule = {"apiGroups": ["tenantry.dev"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [plural]}
    judgement = judge_one(policy("object.spec.a == 2", rule=rule | {"scope": "Cluster"}), manifest)
    assert judgement.verdict is Verdict.DENY


def test_policies_parameters_and_objects_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: p}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations: [{expression: "object.metadata.name.startsWith(params.data.prefix)", message: name}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: p}
spec: {policyName: p, validationActions: [Deny], paramRef: {name: c, namespace: n1, parameterNotFoundAction: Deny}}
"""
    )
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "params.json").write_text(
        '{"apiVersion": "v1", "kind": "ConfigMap", "data": {"prefix": "q"},'
        ' "metadata": {"name": "c", "namespace": "n1"}}'
    )
    without = load_policies([tmp_path / "policy.yaml"])
    assert "no params found" in judge_one(without, pod()).findings[0].message
    found = load_policies([tmp_path / "policy.yaml"], [tmp_path / "context"])
    (finding,) = judge_one(found, pod()).findings
    assert (finding.message, finding.param, finding.verdict) == ("name", "c", Verdict.DENY)


def test_all_that_is_wrong_with_policies_is_said_at_once() -> None:
    broken = make("ValidatingAdmissionPolicy", "a", {"matchConstraints": {}, "validations": [], "nonsense": 1})
    wrong = make(
        "ValidatingAdmissionPolicy",
        "b",
        {"matchConstraints": {"resourceRules": [ALL]}, "validations": [{"expression": "1 +"}, {"expression": "foo"}]},
    )
    bad = make("ValidatingAdmissionPolicyBinding", "c", {"policyName": "a", "validationActions": ["Deny", "Warn"]})
    with pytest.raises(InputError) as error:
        build_policies([Placed(document) for document in (broken, wrong, bad)])
    said = str(error.value)
    for what in (
        "spec.nonsense isn't a property",
        "spec.matchConstraints.resourceRules is required",
        "must have validations or auditAnnotations",
        "spec.validations[0].expression at 1:4: Syntax error",
        "undeclared reference to 'foo'",
        "must not have both Deny and Warn",
    ):
        assert what in said


@pytest.mark.parametrize("wrong", [None, 0, 127, 199])
def test_hundreds_of_policies_on_one_kind_are_judged_together(wrong: int | None) -> None:
    documents = []
    for number in range(200):
        validations = [{"expression": "false" if number == wrong else "true", "message": "no"}]
        spec = {"matchConstraints": {"resourceRules": [PODS]}, "validations": validations}
        documents.append(Placed(make("ValidatingAdmissionPolicy", f"p{number}", spec)))
        bound = bind(f"p{number}", validationActions=["Deny"])
        documents.append(Placed(make("ValidatingAdmissionPolicyBinding", f"p{number}", bound)))
    found = judge_one(build_policies(documents), pod(containers=[{"name": "app", "image": "app"}]))
    assert [finding.policy for finding in found.findings] == ([] if wrong is None else [f"p{wrong}"])
