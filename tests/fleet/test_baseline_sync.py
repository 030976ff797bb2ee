"""A site is brought to the baseline: what a check denies, its API server then denies, and what is waived it takes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from operators import Operator, request
from sites import Sandbox
from tenantry.data import policy_dir
from tenantry.render.store.injection import STORE_CONFIG
from tenantry.sandbox.waiting import comes_true

SITE = "hosted"
TODAY = datetime.now(UTC).date()
VALIDATING = "validatingadmissionpolicies,validatingadmissionpolicybindings"
KINDS = f"{VALIDATING},{VALIDATING.replace('validating', 'mutating')}"
OURS = ("-l", "app.kubernetes.io/managed-by=tenantry")


@pytest.fixture
def baseline(sandbox: Sandbox, operator: Operator) -> Iterator[Operator]:
    """An engineer whose baseline is taken off the site again."""
    yield operator
    sandbox.forget_policies(SITE)


def sync(operator: Operator, *words: str, code: int = 0) -> dict[str, Any]:
    done = operator.run("baseline", "sync", SITE, "--format", "json", *words)
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def actions(found: dict[str, Any]) -> dict[str, int]:
    names = [step["action"] for step in found["steps"]]
    return {name: names.count(name) for name in names}


def installed(sandbox: Sandbox) -> set[str]:
    listed = sandbox.kubectl(SITE, "get", KINDS, *OURS, "-o", "name")
    return {line.rpartition("/")[2] for line in listed.stdout.splitlines()}


def own_policies(folder: Path, *names: str, **changes: str) -> str:
    """Write a folder with some of the baseline's policies; `changes` are put in place of text of them."""
    for name in names:
        (folder / "workload" / name).mkdir(parents=True)
        text = (policy_dir() / "workload" / name / "policy.yaml").read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "workload" / name / "policy.yaml").write_text(text, encoding="utf-8")
    return str(folder)


def deployment_pod(tenant: str, name: str, *, privileged: bool) -> str:
    """Give a pod as a Deployment's ReplicaSet makes it; sound but for what is asked."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5d4f8c", "uid": "1", "controller": True}
    labels = {"pod-template-hash": "5d4f8c"}
    metadata = {"name": f"{name}-x", "namespace": f"{tenant}-main", "labels": labels, "ownerReferences": [owner]}
    container = {"name": "app", "image": "app", "securityContext": {"privileged": privileged}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})


def refused_by(sandbox: Sandbox, manifest: str) -> str:
    """Name the policy by which the site refuses an object; nothing where it takes it."""
    done = sandbox.kubectl(SITE, "create", "--dry-run=server", "-f", "-", stdin=manifest)
    return done.stderr.partition("ValidatingAdmissionPolicy '")[2].partition("'")[0]


def waive_web(operator: Operator, tenant: str, expires: int) -> Path:
    selector = {"tenant": tenant, "namespace": "main", "kind": "Deployment", "name": "web"}
    return operator.waive("pod-privileged", selector, approved=-100, expires=expires)


def test_all_of_it_is_installed_and_then_nothing_is_changed(sandbox: Sandbox, baseline: Operator) -> None:
    every = {path.parent.name for path in policy_dir().glob("workload/*/policy.yaml")} | {STORE_CONFIG}
    assert actions(sync(baseline)) == {"created": 2 * len(every)}
    assert installed(sandbox) == every
    assert actions(sync(baseline)) == {"unchanged": 2 * len(every)}
    # Tenantry and the control plane still do their work.
    baseline.ask(request(site=SITE))
    assert {one["action"] for one in baseline.apply().values()} == {"created"}


def test_what_went_is_removed_and_what_somebody_changed_is_mended(
    sandbox: Sandbox, baseline: Operator, tmp_path: Path
) -> None:
    sync(baseline, "--policy", own_policies(tmp_path / "two", "pod-privileged", "pod-host-ports"))
    # What an apply takes back, and what it leaves to whoever added it.
    for kind, spec in (
        ("validatingadmissionpolicybinding", {"validationActions": ["Audit"]}),
        ("validatingadmissionpolicy", {"matchConditions": [{"name": "never", "expression": "false"}]}),
    ):
        patch = json.dumps({"spec": spec})
        assert sandbox.kubectl(SITE, "patch", kind, "pod-privileged", "--type=merge", "-p", patch).returncode == 0
    own = own_policies(tmp_path / "one", "pod-privileged")
    assert actions(sync(baseline, "--policy", own)) == {"changed": 2, "removed": 2, "unchanged": 2}
    assert installed(sandbox) == {"pod-privileged", STORE_CONFIG}
    for live in json.loads(sandbox.kubectl(SITE, "get", VALIDATING, *OURS, "-o", "json").stdout)["items"]:
        assert live["spec"].get("validationActions", ["Deny"]) == ["Deny"]
        assert "matchConditions" not in live["spec"]
    assert actions(sync(baseline, "--policy", own)) == {"unchanged": 4}


def test_a_waiver_holds_at_the_site_until_it_is_withdrawn(sandbox: Sandbox, baseline: Operator, tmp_path: Path) -> None:
    wanted = request(site=SITE)
    tenant = wanted["spec"]["id"]
    baseline.ask(wanted)
    baseline.apply()
    # Pod Security admission would refuse these pods before any policy does.
    namespace = f"{tenant}-main"
    sandbox.kubectl(SITE, "label", "--overwrite", "ns", namespace, "pod-security.kubernetes.io/enforce=privileged")
    policies = own_policies(tmp_path / "own", "pod-privileged")
    web = deployment_pod(tenant, "web", privileged=True)
    waive_web(baseline, tenant, expires=10)
    assert sync(baseline, "--policy", policies)["waivers"] == ["pod-privileged"]
    other = deployment_pod(tenant, "other", privileged=True)
    assert comes_true(lambda: refused_by(sandbox, other) == "pod-privileged", 20)
    assert not refused_by(sandbox, web)
    assert not refused_by(sandbox, deployment_pod(tenant, "other", privileged=False))
    (baseline.government / "waivers" / "pod-privileged.yaml").unlink()
    assert actions(sync(baseline, "--policy", policies)) == {"changed": 1, "unchanged": 3}
    assert comes_true(lambda: refused_by(sandbox, web) == "pod-privileged", 20)


def test_a_waiver_that_lapsed_is_told_of_until_the_site_is_synced(
    sandbox: Sandbox, baseline: Operator, tmp_path: Path
) -> None:
    wanted = request(site=SITE)
    baseline.ask(wanted)
    baseline.apply()
    policies = own_policies(tmp_path / "own", "pod-privileged")
    waive_web(baseline, wanted["spec"]["id"], expires=1)
    sync(baseline, "--policy", policies)
    assert "TEN-671" not in baseline.run("status", ".").stderr
    # Two days later, as far as the site can tell.
    lapsed = f"tenantry.dev/waivers=pod-privileged={TODAY - timedelta(days=1)}"
    sandbox.kubectl(SITE, "annotate", "--overwrite", "validatingadmissionpolicy", "pod-privileged", lapsed)
    waive_web(baseline, wanted["spec"]["id"], expires=-1)
    for command, code in (("status", 0), ("drift", 1)):
        done = baseline.run(command, ".")
        assert done.returncode == code, done.stderr
        assert f"TEN-671 waiver pod-privileged lapsed on {TODAY - timedelta(days=1)}" in done.stderr
    assert sync(baseline, "--policy", policies)["waivers"] == []
    assert "TEN-671" not in baseline.run("drift", ".").stderr


def test_a_preview_names_what_would_newly_be_denied_and_changes_nothing(
    sandbox: Sandbox, baseline: Operator, tmp_path: Path
) -> None:
    wanted = request(site=SITE)
    baseline.ask(wanted)
    baseline.apply()
    namespace = f"{wanted['spec']['id']}-main"
    made = ("create", "rolebinding", "all", "--clusterrole=cluster-admin", "--user=somebody")
    done = sandbox.kubectl(SITE, "-n", namespace, *made)
    assert done.returncode == 0, done.stderr
    policies = own_policies(tmp_path / "own", "rbac-cluster-admin")
    preview = baseline.run("baseline", "sync", SITE, "--policy", policies, "--preview")
    assert preview.returncode == 1, preview.stdout + preview.stderr
    assert f"RoleBinding/{namespace}/all\n  would be denied by rbac-cluster-admin: " in preview.stdout
    assert installed(sandbox) == set()
    # What is denied already isn't new.
    sync(baseline, "--policy", policies)
    again = baseline.run("baseline", "sync", SITE, "--policy", policies, "--preview")
    assert (again.returncode, "No live objects" in again.stdout) == (0, True)


@pytest.mark.parametrize(
    ("policy", "old", "new"),
    [
        ("pod-host-namespaces", "        - {key: tenantry.dev/tenant, operator: Exists}", "        []"),
        ("namespace-quota", "key: tenantry.dev/tenant, operator: Exists", "key: x, operator: DoesNotExist"),
    ],
    ids=["the control plane's pods", "the control plane's namespaces"],
)
def test_a_policy_that_locks_out_is_refused_before_anything_is_changed(
    sandbox: Sandbox, baseline: Operator, tmp_path: Path, policy: str, old: str, new: str
) -> None:
    policies = own_policies(tmp_path / "own", policy, **{old: new})
    done = baseline.run("baseline", "sync", SITE, "--policy", policies)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"TEN-670 {policy} would lock out" in done.stderr
    assert installed(sandbox) == set()


def test_a_policy_that_tenantry_itself_would_fail_on_is_refused(
    sandbox: Sandbox, baseline: Operator, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    admins = "request.userInfo.username.startsWith('system:')"
    documents = [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "system-only"},
            "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": admins}]},
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "system-only"},
            "spec": {"policyName": "system-only", "validationActions": ["Deny"]},
        },
    ]
    (tmp_path / "own" / "policy.yaml").write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    done = baseline.run("baseline", "sync", SITE, "--policy", str(tmp_path / "own"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "TEN-670 system-only would lock out" in done.stderr
    assert installed(sandbox) == set()


def test_somebody_elses_policy_is_not_taken_over(sandbox: Sandbox, baseline: Operator, tmp_path: Path) -> None:
    policies = own_policies(tmp_path / "own", "pod-privileged")
    theirs = (Path(policies) / "workload" / "pod-privileged" / "policy.yaml").read_text(encoding="utf-8")
    assert sandbox.kubectl(SITE, "create", "-f", "-", stdin=theirs).returncode == 0
    try:
        done = baseline.run("baseline", "sync", SITE, "--policy", policies)
        assert done.returncode == 2
        assert done.stderr.count("TEN-672") == 2
        assert installed(sandbox) == set()
    finally:
        sandbox.kubectl(SITE, "delete", "-f", "-", stdin=theirs)


@pytest.mark.parametrize(
    ("change", "code"),
    [(("spec:", "spec: ]"), "TEN-105"), (("owner:", "onwer:"), "TEN-120"), (("s@gov", "o@gov"), "TEN-153")],
    ids=["unreadable", "misspelt", "approved by its owner"],
)
def test_a_waiver_that_is_not_understood_is_not_taken_for_withdrawn(
    sandbox: Sandbox, baseline: Operator, tmp_path: Path, change: tuple[str, str], code: str
) -> None:
    policies = own_policies(tmp_path / "own", "pod-privileged")
    waive_web(baseline, "t-waiver99", expires=10)
    assert sync(baseline, "--policy", policies)["waivers"] == ["pod-privileged"]
    file = baseline.government / "waivers" / "pod-privileged.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    done = baseline.run("baseline", "sync", SITE, "--policy", policies)
    assert done.returncode == 2, done.stdout + done.stderr
    assert code in done.stderr
    live = sandbox.kubectl(SITE, "get", "validatingadmissionpolicy", "pod-privileged", "-o", "yaml").stdout
    assert "t-waiver99" in live


def test_a_folder_that_is_not_there_has_no_say(sandbox: Sandbox, baseline: Operator) -> None:
    done = baseline.run("baseline", "sync", SITE, "--context", "governmnet")
    assert done.returncode == 2
    assert "governmnet" in done.stderr
    assert installed(sandbox) == set()


def test_waivers_are_never_taken_for_withdrawn(baseline: Operator, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    done = Operator(baseline.sandbox, nowhere, baseline.state, baseline.connections).run("baseline", "sync", SITE)
    assert (done.returncode, "TEN-673" in done.stderr) == (2, True)
