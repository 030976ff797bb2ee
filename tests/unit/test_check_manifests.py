"""`tenantry check` on Kubernetes manifests, as a security team's CI types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from checking import DIGEST, PRIVILEGED, check
from examples import MINIMAL, write
from tenantry.data import baseline_file, policy_dir

POLICIES = policy_dir() / "bucket"

SOUND = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: main}}
spec:
  securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
    - name: app
      image: registry.gov.example/app@sha256:{DIGEST}
      securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
"""
OWN_POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few-replicas}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations:
    - expression: object.spec.replicas <= 3 && WHO
      message: no more than three replicas
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: few-replicas}
spec: {policyName: few-replicas, validationActions: [ACTION]}
"""


def test_a_sound_manifest_passes(tmp_path: Path) -> None:
    done = check(write(tmp_path, "pod.yaml", SOUND), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 object judged: 1 allow, 0 warn, 0 deny, 0 undecidable.\n"


def test_what_a_policy_denies_is_told_with_place_part_control_and_fix(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", PRIVILEGED)
    done = check("web.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "web.yaml:2 Deployment/main/web",
        "  deny pod-privileged: spec.template: containers app must not set securityContext.privileged to true. TEN-610",
        "    variables.bad == [] is false",
        '    variables.bad is ["app"]',
        "    Controls: pod-security/baseline/privileged-containers nist-800-53r5/AC-6 cis-kubernetes-1.11/5.2.2 "
        "cis-kubernetes-1.12/5.2.2 gbt-22239-l3/8.1.4.4",
        "    Fix: remove securityContext.privileged, or set it to false.",
        "1 object judged: 0 allow, 0 warn, 1 deny, 0 undecidable.",
    ]


def test_standard_input_is_checked(tmp_path: Path) -> None:
    done = check("-", cwd=tmp_path, stdin=SOUND + "---\n" + PRIVILEGED)
    assert done.returncode == 1
    assert "standard input:12 Deployment/main/web" in done.stdout
    assert "2 objects judged: 1 allow, 0 warn, 1 deny, 0 undecidable." in done.stdout


def test_a_folder_with_requests_and_manifests_gets_both(tmp_path: Path) -> None:
    write(tmp_path, "request.yaml", MINIMAL.replace("service", "servce"))
    write(tmp_path, "web.yaml", PRIVILEGED)
    write(
        tmp_path,
        "both.yaml",
        MINIMAL.replace("t-4f9x2k7q", "t-4f9x2k7r").replace("vaccine-records", "other") + "---\n" + SOUND,
    )
    done = check(".", cwd=tmp_path)
    assert done.returncode == 2
    assert "request.yaml:8:13" in done.stdout
    assert "deny pod-privileged" in done.stdout
    assert "2 documents read, 1 problem." in done.stdout
    assert "2 objects judged: 1 allow, 0 warn, 1 deny, 0 undecidable." in done.stdout


def test_the_same_as_json(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", PRIVILEGED)
    done = check("web.yaml", "--format", "json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert report["summary"] == {"objects": 1, "allow": 0, "warn": 0, "deny": 1, "undecidable": 0}
    (found,) = report["results"]
    assert found.pop("message").endswith("Fix: remove securityContext.privileged, or set it to false.")
    assert found == {
        "policy": "pod-privileged",
        "layer": "workload",
        "verdict": "deny",
        "code": "TEN-610",
        "object": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "main", "name": "web"},
        "file": "web.yaml",
        "line": 2,
        "column": 1,
        "controls": [
            "pod-security/baseline/privileged-containers",
            "nist-800-53r5/AC-6",
            "cis-kubernetes-1.11/5.2.2",
            "cis-kubernetes-1.12/5.2.2",
            "gbt-22239-l3/8.1.4.4",
        ],
        "waiver": None,
    }


def test_the_same_for_githubs_pages(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", PRIVILEGED)
    done = check("web.yaml", "--format", "github", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("::error file=web.yaml,line=2,title=TEN-610 pod-privileged::Deployment/main/web: ")


def test_reports_are_written_to_files_too(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", PRIVILEGED)
    done = check("web.yaml", "--output", "sarif=out/check.sarif", "--output", "junit=check.xml", cwd=tmp_path)
    assert done.returncode == 1
    assert "variables.bad is" in done.stdout
    (run,) = json.loads((tmp_path / "out" / "check.sarif").read_text())["runs"]
    assert [one["ruleId"] for one in run["results"]] == ["pod-privileged"]
    assert 'failures="1"' in (tmp_path / "check.xml").read_text()


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [("xml=check.xml", 2, "TEN-616"), ("junit", 2, "TEN-616"), ("junit=/proc/check.xml", 3, "TEN-617")],
)
def test_an_output_that_cannot_be_is_said(tmp_path: Path, output: str, code: int, words: str) -> None:
    write(tmp_path, "web.yaml", SOUND)
    done = check("web.yaml", "--output", output, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert ("1 object judged" in done.stdout) == (code == 3), "what was found is told, whatever becomes of the file"


@pytest.mark.parametrize(
    ("action", "who", "replicas", "code", "verdict"),
    [
        ("Deny", "true", 3, 0, "allow"),
        ("Deny", "true", 4, 1, "deny"),
        ("Warn", "true", 4, 0, "warn"),
        ("Deny", "request.userInfo.username != ''", 3, 1, "undecidable"),
    ],
)
def test_policies_of_ones_own(tmp_path: Path, action: str, who: str, replicas: int, code: int, verdict: str) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    write(policies, "few.yaml", OWN_POLICY.replace("ACTION", action).replace("WHO", who))
    deployment = yaml.safe_load(PRIVILEGED)
    deployment["spec"]["replicas"] = replicas
    write(tmp_path, "web.yaml", yaml.safe_dump(deployment))
    done = check("web.yaml", "--policy", "policies", "--format", "json", cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert json.loads(done.stdout)["summary"][verdict] == 1
    lenient = check("web.yaml", "--policy", "policies", "--undecidable", "warn", cwd=tmp_path)
    assert lenient.returncode == (1 if verdict == "deny" else 0)


def test_a_namespace_that_is_no_tenants_is_left_to_its_owner(tmp_path: Path) -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: main}\n"
    write(tmp_path, "web.yaml", namespace + "---\n" + PRIVILEGED)
    done = check("web.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


BUCKET = (POLICIES / "bucket-retention" / "cases" / "deny_shared_without.yaml").read_text()


def test_a_bucket_is_held_to_the_figures_of_its_class(tmp_path: Path) -> None:
    write(tmp_path, "bucket.yaml", BUCKET)
    done = check("bucket.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        "bucket-retention: a bucket of class shared must keep its objects for at least 365 days, not 0" in done.stdout
    )


def test_a_bucket_is_held_to_the_baseline_that_it_is_pinned_to(tmp_path: Path) -> None:
    write(tmp_path, "bucket.yaml", BUCKET.replace("2026.1", "2027.1"))
    done = check("bucket.yaml", "--format", "json", cwd=tmp_path)
    verdicts = {(one["policy"], one["verdict"]) for one in json.loads(done.stdout)["results"]}
    assert ("policies", "undecidable") in verdicts
    assert "bucket-retention" not in {policy for policy, _ in verdicts}
    own = tmp_path / "own"
    own.mkdir()
    text = baseline_file().read_text(encoding="utf-8")
    write(
        own, "baseline.yaml", text.replace("2026.1", "2027.1").replace("minRetentionDays: 365", "minRetentionDays: 90")
    )
    told = check("bucket.yaml", "--context", own, cwd=tmp_path)
    assert told.returncode == 1
    assert "must keep its objects for at least 90 days, not 0" in told.stdout
    assert "undecidable" not in told.stdout.splitlines()[0]


def test_no_document_takes_the_place_of_the_baseline_that_ships(tmp_path: Path) -> None:
    write(tmp_path, "bucket.yaml", BUCKET)
    text = baseline_file().read_text(encoding="utf-8")
    write(tmp_path, "baseline.yaml", text.replace("minRetentionDays: 365", "minRetentionDays: 0"))
    done = check(".", cwd=tmp_path)
    assert "must keep its objects for at least 365 days, not 0" in done.stdout


def test_a_report_goes_into_a_pipe_and_leaves_a_device_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", PRIVILEGED)
    done = check("web.yaml", "--output", "json=/dev/stdout", "--output", "json=/dev/null", cwd=tmp_path)
    assert done.returncode == 1
    assert '"policy": "pod-privileged"' in done.stdout
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("namespace", "shown"), [("", "Pod/web"), ("namespace-of-a-tenant-2", "Pod/namespace-of-a-tenant-2/web")]
)
def test_an_object_is_named_as_its_manifest_names_it(tmp_path: Path, namespace: str, shown: str) -> None:
    pod = yaml.safe_load(SOUND.replace("runAsNonRoot: true, ", ""))
    pod["metadata"] = {"name": "web", **({"namespace": namespace} if namespace else {})}
    write(tmp_path, "web.yaml", yaml.safe_dump(pod))
    assert f"web.yaml:1 {shown}\n" in check("web.yaml", cwd=tmp_path).stdout


def test_what_kubectl_would_not_read_is_said(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", SOUND + "---\napiVersion: v1\nkind: Pod\nspec: [\n")
    done = check("web.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "TEN-604" in done.stdout
    assert "at web.yaml:1" in done.stdout


def test_a_misspelt_kind_of_tenantrys_is_no_silent_pass(tmp_path: Path) -> None:
    write(tmp_path, "both.yaml", MINIMAL.replace("kind: Tenant", "kind: Tenat") + "---\n" + SOUND)
    done = check("both.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "TEN-112" in done.stdout


def test_a_policy_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", SOUND)
    policies = tmp_path / "policies"
    policies.mkdir()
    write(policies, "few.yaml", OWN_POLICY.replace("ACTION", "Deny").replace("WHO", "objct.kind == ''"))
    done = check("web.yaml", "--policy", "policies", cwd=tmp_path)
    assert done.returncode == 2
    assert "TEN-601" in done.stderr
    assert "objct" in done.stderr


def test_a_policy_without_a_binding_is_said(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", SOUND)
    policies = tmp_path / "policies"
    policies.mkdir()
    write(policies, "few.yaml", OWN_POLICY.replace("WHO", "true").partition("---")[0])
    done = check("web.yaml", "--policy", "policies", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "policies/few.yaml:1" in done.stdout
    assert "warn policies: policy few-replicas has no binding, and with it no effect. TEN-602" in done.stdout


def test_a_policy_is_explained(tmp_path: Path) -> None:
    done = check("--explain", "pod-run-as-user", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Reason: User 0 is root, whatever runAsNonRoot says of the image." in done.stdout
    assert "Controls: pod-security/restricted" in done.stdout
    assert "Cases that it denies: container, each container, ephemeral container, pod" in done.stdout
    unknown = check("--explain", "pod-run-as-usr", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "TEN-613" in unknown.stderr
    assert "pod-run-as-user" in unknown.stderr


def test_a_request_from_standard_input_is_no_silent_pass(tmp_path: Path) -> None:
    done = check("-", cwd=tmp_path, stdin=MINIMAL + "---\n" + SOUND)
    assert done.returncode == 2
    assert "TEN-614 a Tenant can't be checked from standard input" in done.stdout
    assert "at standard input:1:1" in done.stdout
    assert "1 object judged" in done.stdout


def test_an_anchor_before_a_request_hides_nothing(tmp_path: Path) -> None:
    hidden = MINIMAL.replace("apiVersion: ", "apiVersion: &version ").replace("service", "servce")
    write(tmp_path, "both.yaml", SOUND + "---\n" + hidden)
    done = check("both.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "1 object judged" in done.stdout
    assert "at both.yaml:18:13" in done.stdout


def test_a_folder_without_a_policy_passes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", SOUND)
    (tmp_path / "policies").mkdir()
    done = check("web.yaml", "--policy", "policies", cwd=tmp_path)
    assert done.returncode == 2
    assert "TEN-615" in done.stderr


def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    done = check(tmp_path / "pipe.yaml", "/dev/zero", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout.count("this isn't a regular file") == 2


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    done = check(cwd=tmp_path)
    assert done.returncode == 2
    assert "TEN-100" in done.stderr


def test_what_tenantry_renders_passes(tmp_path: Path) -> None:
    from tenantry.data import example_dir

    request = min((example_dir() / "tenants").glob("*.yaml"))
    command = [sys.executable, "-m", "tenantry", "render", str(request), "--layer", "all"]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    done = check("-", cwd=tmp_path, stdin=rendered)
    assert done.returncode == 0, done.stdout
    assert "0 deny, 0 undecidable" in done.stdout
