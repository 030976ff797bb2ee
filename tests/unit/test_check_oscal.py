"""Assessment results: valid by NIST's model, whole, and never better than what was judged."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError, best_match
from markdown_it import MarkdownIt

from tenantry.check import Report, Result, check_paths
from tenantry.check.formats import write_report
from tenantry.check.formats.oscal.objectives import Objective
from tenantry.check.formats.printable import make_line, make_markdown
from tenantry.check.report import CONTRACT, NOBODY, Looked
from tenantry.policy import ObjectName, Verdict

Document = dict[str, Any]

ODD = "k\u00e4se <b>*x*</b> \u202e\u2028 \ufeff"
MANIFESTS = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: main}}
spec:
  containers: [{{name: app, image: nginx, securityContext: {{privileged: true}}}}]
---
apiVersion: v1
kind: Pod
spec:
  containers: [{{name: app, image: nginx}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web, namespace: main}}
spec:
  tls: [{{hosts: [web.gov.example], secretName: web}}]
  rules: [{{host: web.gov.example}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: main}}
spec: {{template: {{spec: {{containers: [{{name: app, image: nginx}}]}}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {json.dumps(ODD)}, namespace: main}}
"""
REQUEST = "apiVersion: tenantry.dev/v1\nkind: Tenant\nmetadata: {name: records}\n"
AUDITED = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: recorded, annotations: {tenantry.dev/controls: nist-800-53r5/AC-6(1)}}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [RESOURCE]}]
  validations: [{expression: "object.metadata.name != 'web'"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: recorded}
spec: {policyName: recorded, validationActions: [Audit]}
"""


def matches_pattern(_: object, pattern: str, text: object, __: object) -> Iterator[ValidationError]:
    """Match as ECMA-262 does, by which NIST's patterns are written, and which Python's own expressions can't read."""
    pattern = pattern.replace(r"\S", r"[^\s\p{Z}\x{85}\x{FEFF}]").replace("(.*", r"([^\n\r\x{2028}\x{2029}]*")
    if isinstance(text, str) and not re2.search(pattern, text):
        yield ValidationError(f"{text!r} doesn't match {pattern}")


SCHEMA = json.loads((Path(__file__).with_name("schemas") / "oscal-1.2.3.json").read_text())
NIST = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": matches_pattern})(SCHEMA)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    (tmp_path / "deploy.yaml").write_text(MANIFESTS, encoding="utf-8")
    (tmp_path / "request.yaml").write_text(REQUEST)
    (tmp_path / "lost.yaml").write_bytes(b"\xff\xfe{")
    return tmp_path


def write(report: Report) -> Document:
    written: Document = json.loads("\n".join(write_report(report, "oscal")))
    wrong = best_match(NIST.iter_errors(written))
    assert wrong is None, f"{wrong.json_path}: {wrong.message}"
    results: Document = written["assessment-results"]
    return results


def result(document: Document) -> Document:
    (only,) = document["results"]
    return dict(only)


def statuses(document: Document) -> dict[str, tuple[str, str]]:
    targets = (one["target"] for one in result(document).get("findings", ()))
    return {one["target-id"]: (one["status"]["state"], one["status"]["reason"]) for one in targets}


def props(part: Document) -> dict[str, str]:
    return {one["name"]: one["value"] for one in part["props"]}


def collect(part: object, *keys: str) -> Iterator[str]:
    """Give the values of some keys, wherever they are."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in keys:
                yield value
            yield from collect(value, *keys)
    elif isinstance(part, list):
        for one in part:
            yield from collect(one, *keys)


def test_all_that_was_found_is_there_by_nists_model(mixed: Path) -> None:
    report = check_paths([mixed])
    document = write(report)
    told = Counter((one.policy, one.verdict.value, one.code, str(one.line or "")) for one in report.results)
    observed = [props(one) for one in result(document)["observations"] if "code" in props(one)]
    assert Counter((one["policy"], one["verdict"], one["code"], one.get("line", "")) for one in observed) == told
    assert {one["verdict"] for one in observed} >= {"deny", "warn", "undecidable"}
    items = [props(one) for one in result(document)["local-definitions"]["inventory-items"]]
    files = Counter(Path(one["file"]).name for one in items)
    assert files == {"deploy.yaml": 5, "request.yaml": 1, "lost.yaml": 1}
    assert make_line(ODD) in {one.get("name") for one in items}
    controls = {
        one
        for selection in result(document)["reviewed-controls"]["control-selections"]
        for one in collect(selection, "control-id")
    }
    privileged = "pod-security_baseline_privileged-containers"
    assert controls >= {"ac-6", "cis-kubernetes-1.12_5.2.2", privileged, "tenantry_contract"}


def test_what_is_denied_or_cant_be_decided_is_never_satisfied(mixed: Path) -> None:
    found = statuses(write(check_paths([mixed])))
    assert found["ac-6_pod-privileged"] == ("not-satisfied", "fail")
    assert found["tenantry_contract_contract"] == ("not-satisfied", "fail")
    assert found["sc-7_ingress-hosts"] == ("not-satisfied", "other")
    assert found["ac-6_pod-host-namespaces"] == ("satisfied", "pass")


def test_every_reference_is_to_something_that_is_there_once(mixed: Path) -> None:
    document = write(check_paths([mixed]))
    uuids = list(collect(document, "uuid"))
    assert len(uuids) == len(set(uuids))
    parts = list(collect(document["local-definitions"], "id"))
    assert len(parts) == len(set(parts))
    refers = "subject-uuid", "observation-uuid", "risk-uuid", "actor-uuid", "component-uuid"
    assert set(collect(document, *refers)) <= set(uuids)
    assert document["import-ap"]["href"].removeprefix("#") in uuids
    assert set(statuses(document)) <= set(parts)
    observed = {one["uuid"] for one in result(document)["observations"]}
    assert set(collect(result(document)["findings"], "observation-uuid")) == observed


def test_two_of_the_same_name_with_the_same_thing_wrong_are_told_apart() -> None:
    web = ObjectName("v1", "Pod", "main", "web")
    same = [Result("p", "workload", Verdict.DENY, "TEN-610", "m", "f", web, "a.yaml", line) for line in (1, 1, 9)]
    document = write(Report(tuple(same), looked=(Looked(web, "a.yaml", 1, ("p",)), Looked(web, "a.yaml", 9, ("p",)))))
    assert len(result(document)["local-definitions"]["inventory-items"]) == 2
    assert len({one["uuid"] for one in result(document)["observations"]}) == 3


def test_the_same_files_give_the_same_document_but_for_its_times(mixed: Path) -> None:
    moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    first, again = (moment.sub("then", json.dumps(write(check_paths([mixed])))) for _ in range(2))
    assert first == again
    (mixed / "deploy.yaml").write_text(MANIFESTS.replace("privileged: true", "privileged: false"))
    other = json.loads(moment.sub("then", json.dumps(write(check_paths([mixed])))))
    assert other["uuid"] != json.loads(first)["uuid"]


def test_a_waived_object_is_an_approved_deviation_and_not_satisfied() -> None:
    web = ObjectName("v1", "Pod", "main", "web")
    waived = Result("p", "workload", Verdict.ALLOW, "TEN-610", "it is wrong", "mend it", web, "a.yaml", 1, waiver="old")
    document = write(Report((waived,), looked=(Looked(web, "a.yaml", 1, ("p",)),)))
    (risk,) = result(document)["risks"]
    assert (risk["status"], props(risk)["waiver"]) == ("deviation-approved", "old")
    (finding,) = result(document)["findings"]
    assert finding["target"]["status"] == {"state": "not-satisfied", "reason": "fail"}
    assert finding["related-risks"] == [{"risk-uuid": risk["uuid"]}]
    (observation,) = result(document)["observations"]
    assert risk["related-observations"] == [{"observation-uuid": observation["uuid"]}]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("pods", {"ac-6.1_recorded": ("not-satisfied", "other")}),
        ("secrets", {}),
    ],
)
def test_what_is_only_recorded_or_wasnt_asked_is_not_satisfied(
    tmp_path: Path, mixed: Path, resource: str, expected: dict[str, tuple[str, str]]
) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "own.yaml").write_text(AUDITED.replace("RESOURCE", resource))
    found = statuses(write(check_paths([mixed / "deploy.yaml"], policies=policies)))
    assert found == expected


VERDICTS = st.sampled_from([None, *Verdict, "waived", "recorded"])


@given(st.lists(st.tuples(st.sampled_from("pq"), VERDICTS), max_size=6))
def test_satisfied_says_that_a_policy_passed_all_that_it_was_asked(said: list[tuple[str, Any]]) -> None:
    looked, results = [], []
    for index, (policy, verdict) in enumerate(said):
        name = ObjectName("v1", "Pod", "main", f"p{index}")
        looked.append(Looked(name, "a.yaml", index + 1, (policy,), (policy,) if verdict is None else ()))
        waiver = "w" if verdict == "waived" else None
        if verdict is not None and verdict != "recorded":
            is_waived = Verdict.ALLOW if waiver else verdict
            results.append(
                Result(policy, "workload", is_waived, "T", "m", "f", name, "a.yaml", index + 1, waiver=waiver)
            )
    found = statuses(write(Report(tuple(results), looked=tuple(looked))))
    passed = {f"tenantry_{policy}_{policy}" for policy, _ in said} - {
        f"tenantry_{policy}_{policy}" for policy, verdict in said if verdict is not None
    }
    assert {id for id, (state, _) in found.items() if state == "satisfied"} == passed
    assert len(found) == len({policy for policy, _ in said})


def test_a_report_about_nothing_is_valid_and_satisfies_nothing() -> None:
    assert statuses(write(Report())) == {}
    lost = Result(CONTRACT, "request", Verdict.UNDECIDABLE, "TEN-160", "left out", "name it", NOBODY)
    assert statuses(write(Report((lost,)))) == {"tenantry_contract_contract": ("not-satisfied", "other")}


@given(st.text(), st.text())
def test_any_text_of_a_message_a_name_or_a_control_is_written(message: str, name: str) -> None:
    about = ObjectName("v1", name, "main", name)
    odd = Result(
        name or "p", "workload", Verdict.DENY, "TEN-610", message, "f", about, name, controls=(name, f"a/{name}")
    )
    write(Report((odd,), looked=(Looked(about, name, 1, (name,)),)))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_text_is_shown_as_it_is_and_never_as_markup(text: str) -> None:
    shown = MarkdownIt("commonmark").parse(f"deny: {make_markdown(text)}")
    (inline,) = (one for one in shown if one.type == "inline")
    assert {one.type for one in inline.children or ()} <= {"text", "text_special"}
    assert "".join(one.content for one in inline.children or ()).strip() == f"deny: {make_line(text)}".strip()


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ("nist-800-53r5/AC-6", "ac-6"),
        ("nist-800-53r5/AC-6(10)", "ac-6.10"),
        ("cis-kubernetes-1.12/5.2.2", "cis-kubernetes-1.12_5.2.2"),
        ("gbt-22239-l3/8.1.4.2", "gbt-22239-l3_8.1.4.2"),
        ("42/a b", "_42_a_b"),
    ],
)
def test_a_control_has_the_id_of_nists_catalog_or_a_token_of_its_own(control: str, expected: str) -> None:
    assert Objective("p", control).control_id == expected


BOUND = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: NAME, labels: {kubernetes.io/bootstrapping: rbac-defaults}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: readers}]
"""


@pytest.mark.parametrize(("name", "status"), [("readers", ("not-satisfied", "fail")), ("cluster-admin", None)])
def test_a_policy_whose_own_conditions_leave_an_object_out_says_nothing_of_it(
    tmp_path: Path, name: str, status: tuple[str, str] | None
) -> None:
    (tmp_path / "bound.yaml").write_text(BOUND.replace("NAME", name))
    found = statuses(write(check_paths([tmp_path / "bound.yaml"])))
    assert found.get("ac-6_rbac-cluster-admin") == status
    # One without conditions was for it.
    assert any(one.endswith("_rbac-reserved-names") for one in found)


def test_a_bucket_that_no_baseline_is_known_for_satisfies_nothing_that_hangs_on_one() -> None:
    found = statuses(write(check_paths([Path(__file__).with_name("plans") / "preview.json"])))
    assert found["cm-8_bucket-owner"] == ("not-satisfied", "fail")
    assert "ac-3_bucket-public" not in found
