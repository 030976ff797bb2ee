"""The reports of `tenantry check` that other programs read: valid by their schemas, and with all that was found."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from tenantry.check import Report, Result
from tenantry.check.formats import FORMATS, write_report
from tenantry.check.report import Looked
from tenantry.cli.check import ReportFormat
from tenantry.policy import ObjectName, Verdict

SCHEMAS = Path(__file__).with_name("schemas")
SARIF = jsonschema.Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()))
JUNIT = xmlschema.XMLSchema(SCHEMAS / "junit.xsd")

WEB = ObjectName("apps/v1", "Deployment", "main", "web")
ROLE = ObjectName("rbac.authorization.k8s.io/v1", "ClusterRole", "", "reader")
TENANT = ObjectName("tenantry.dev/v1", "Tenant", "", "records")
FINE = ObjectName("v1", "Pod", "main", "fine")


FOUND = Result(
    policy="",
    layer="workload",
    verdict=Verdict.DENY,
    code="TEN-610",
    message="it is wrong",
    fix="mend it",
    object=WEB,
    file="deploy/a b.yaml",
    line=7,
    column=1,
    controls=("cis/5.1", "nist/AC-6"),
)


def found(policy: str, verdict: Verdict, about: ObjectName, layer: str = "workload", **place: int) -> Result:
    return replace(FOUND, policy=policy, verdict=verdict, object=about, layer=layer, **place)


REPORT = Report(
    results=(
        found("pod-privileged", Verdict.DENY, WEB),
        found("ingress-hosts", Verdict.UNDECIDABLE, WEB),
        found("container-probes", Verdict.WARN, WEB),
        found("rbac-wildcards", Verdict.UNDECIDABLE, ROLE, line=30),
        replace(found("contract", Verdict.DENY, TENANT, "request", line=9), file="request.yaml"),
        found(
            "contract", Verdict.DENY, ObjectName("", "", "", ""), layer="request", file="lost.yaml", line=0, column=0
        ),
    ),
    looked=(
        Looked(TENANT, "request.yaml", 1),
        Looked(WEB, "deploy/a b.yaml", 7),
        Looked(ROLE, "deploy/a b.yaml", 30),
        Looked(FINE, "deploy/a b.yaml", 50),
    ),
)


def written(form: str, report: Report = REPORT) -> str:
    return "".join(f"{line}\n" for line in write_report(report, form))


def test_each_format_that_can_be_asked_for_has_a_writer() -> None:
    assert set(ReportFormat) == FORMATS


def test_sarif_has_each_finding_with_its_rule_level_and_place() -> None:
    log = json.loads(written("sarif"))
    SARIF.validate(log)
    (run,) = log["runs"]
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("pod-privileged", "error"),
        ("ingress-hosts", "error"),
        ("container-probes", "warning"),
        ("rbac-wildcards", "error"),
        ("TEN-610", "error"),
        ("TEN-610", "error"),
    ]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    assert rules[0]["properties"]["tags"] == ["workload", "cis/5.1", "nist/AC-6"]
    (place,) = run["results"][0]["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "deploy/a%20b.yaml"},
        "region": {"startLine": 7, "startColumn": 1},
    }
    assert place["logicalLocations"] == [{"fullyQualifiedName": "Deployment/main/web", "kind": "object"}]


def test_junit_has_a_test_for_each_object_and_none_passes_silently() -> None:
    text = written("junit")
    JUNIT.validate(text)
    (suite,) = ElementTree.fromstring(text)
    counted = {key: suite.get(key) for key in ("tests", "failures", "errors")}
    assert counted == {"tests": "5", "failures": "3", "errors": "1"}
    verdicts = {(case.get("classname"), case.get("name")): [one.tag for one in case] for case in suite.iter("testcase")}
    assert verdicts == {
        ("request.yaml:1", "Tenant/records"): ["failure"],
        ("deploy/a b.yaml:7", "Deployment/main/web"): ["failure"],
        ("deploy/a b.yaml:30", "ClusterRole/reader"): ["error"],
        ("deploy/a b.yaml:50", "Pod/main/fine"): [],
        ("lost.yaml", "the file"): ["failure"],
    }
    assert "undecidable ingress-hosts" in text
    assert "warn container-probes" in text


@pytest.mark.parametrize("form", ["sarif", "junit"])
def test_a_report_without_findings_is_valid(form: str) -> None:
    text = written(form, Report())
    if form == "sarif":
        SARIF.validate(json.loads(text))
    else:
        JUNIT.validate(text)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_of_a_message_or_a_name_is_written(message: str, name: str) -> None:
    about = ObjectName("v1", "Pod", "main", name)
    report = Report(results=(replace(FOUND, policy="p", object=about, message=message, file=name),))
    SARIF.validate(json.loads(written("sarif", report)))
    JUNIT.validate(written("junit", report))
    (line,) = re.split("\r?\n", written("github", report).rstrip("\n"))
    assert line.startswith("::error ")
