"""A site that is down, slow or refuses gives one message with site, object and cause, in bounded time."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from troubles import denying_webhook, lead, server_of, slow

from operators import Operator, asked_for, living, request
from sites import Sandbox
from tenantry import sandbox as embedded
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.process import running
from tenantry.sandbox.waiting import comes_true

SITE, OTHER = "onprem", "hosted"


@contextmanager
def without(sandbox: Sandbox, *names: str) -> Iterator[None]:
    """Have servers of the first site down for a while."""
    for process in running([site for site in Layout(sandbox.state).sites() if site.site == SITE], names).values():
        process.kill()
        psutil.wait_procs([process], timeout=10)
    try:
        yield
    finally:
        embedded.up(sandbox.state)


def one_message(stderr: str, *words: str) -> None:
    """Expect one problem and no other, that has all words in it."""
    problems = [line for line in stderr.splitlines() if line.startswith("TEN-")]
    assert len(problems) == 1, stderr
    assert "Fix: " in stderr
    for word in words:
        assert word in problems[0], stderr


@pytest.mark.parametrize(("server", "code"), [("kube-apiserver", "TEN-502"), ("s3", "TEN-401")])
def test_a_site_that_is_down_takes_only_its_own_tenants_with_it(
    sandbox: Sandbox, operator: Operator, server: str, code: str
) -> None:
    down, up = request(site=SITE), request(name="elsewhere", site=OTHER)
    operator.ask(down, up)
    with without(sandbox, server):
        done = operator.run("apply", ".")
        assert done.returncode == 3
        one_message(done.stderr, code, SITE)
        assert "1 created, 1 failed." in done.stdout
    assert operator.apply()[down["spec"]["id"]]["action"] in ("created", "changed")
    assert set(operator.status().values()) == {"as asked"}


@pytest.mark.parametrize("command", ["status", "drift", "plan"])
def test_a_look_at_a_site_that_is_down_names_it_once(sandbox: Sandbox, operator: Operator, command: str) -> None:
    operator.ask(request(name="one"), request(name="two"))
    with without(sandbox, "kube-apiserver"):
        done = operator.run(command, ".")
    assert done.returncode == 3
    one_message(done.stderr, "TEN-502", SITE)


def test_a_slow_site_is_given_up_in_time(sandbox: Sandbox, operator: Operator, tmp_path: Path) -> None:
    operator.ask(request())
    connection = operator.connections / f"{SITE}.json"
    with slow(server_of(connection)) as way:
        lead(connection, tmp_path, server=way.url)
        way.begin()
        started = time.monotonic()
        done = operator.run("apply", ".")
        assert time.monotonic() - started < way.HELD_SECONDS * 2  # it waited for no second answer
    assert done.returncode == 3
    one_message(done.stderr, "TEN-502", SITE, "timed out")


@pytest.mark.faults
@pytest.mark.parametrize("end", ["kubernetes", "store"])
def test_a_site_that_grows_slow_in_the_middle_is_finished_later(
    sandbox: Sandbox, operator: Operator, tmp_path: Path, end: str
) -> None:
    wanted = [request(name=f"slow-{number}") for number in range(9)]
    operator.ask(*wanted)
    connection = operator.connections / f"{SITE}.json"
    kept = connection.read_text()
    target = server_of(connection) if end == "kubernetes" else json.loads(kept)["objectStore"]["endpoint"]
    with slow(target) as way:
        lead(connection, tmp_path, **{"server" if end == "kubernetes" else "store": way.url})
        with operator.start("apply", ".", "--jobs", "2") as applying:
            assert applying.stderr
            next(line for line in applying.stderr if line.startswith("created "))
            way.begin()
            _, said = applying.communicate(timeout=300)
    assert applying.returncode == 3
    problems = [line for line in said.splitlines() if line.startswith("TEN-")]
    assert "TEN-514" in said, "the last tenants were tried too, and waited for"
    assert all(f"site {SITE}" in line for line in problems), said
    assert len({(line.partition(" on site")[0], line.rpartition(": ")[2]) for line in problems}) == len(problems), said
    connection.write_text(kept)
    operator.apply()
    ids = [one["spec"]["id"] for one in wanted]
    assert living(sandbox, ids) == asked_for(operator.planned(), sandbox.sites)
    assert set(operator.apply()[tenant]["action"] for tenant in ids) == {"unchanged"}


def limited_token(sandbox: Sandbox, name: str, rules: list[dict[str, Any]]) -> str:
    """Make an account at the site that has some rights, and a token of it."""
    kinds = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "default"}},
        {"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
        {
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
        },
    ]
    for kind in kinds:
        document = {"apiVersion": "rbac.authorization.k8s.io/v1", **kind}
        done = sandbox.kubectl(SITE, "apply", "--server-side", "-f", "-", stdin=json.dumps(document))
        assert done.returncode == 0, done.stderr
    return sandbox.kubectl(SITE, "-n", "default", "create", "token", name).stdout.strip()


def test_a_site_that_lets_nobody_read_is_said(sandbox: Sandbox, operator: Operator, tmp_path: Path) -> None:
    operator.ask(request(name="one"), request(name="two"))
    lead(operator.connections / f"{SITE}.json", tmp_path, token=limited_token(sandbox, "nobody", []))
    done = operator.run("status", ".")
    assert done.returncode == 3
    one_message(done.stderr, "TEN-503", SITE, "403", "forbidden")


def test_a_right_that_lacks_is_named_with_its_object(sandbox: Sandbox, operator: Operator, tmp_path: Path) -> None:
    wanted = request()
    operator.ask(wanted)
    read = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    write = ["namespaces", "serviceaccounts", "resourcequotas", "limitranges", "secrets", "configmaps"]
    bind = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["*"]}
    rules = [read, {"apiGroups": [""], "resources": write, "verbs": ["*"]}, bind]
    connection = operator.connections / f"{SITE}.json"
    kept = connection.read_text()
    lead(connection, tmp_path, token=limited_token(sandbox, "no-network", rules))
    done = operator.run("apply", ".")
    assert done.returncode == 3
    one_message(done.stderr, "TEN-511", SITE, "NetworkPolicy/", "is forbidden", wanted["spec"]["id"])
    connection.write_text(kept)
    assert operator.apply()[wanted["spec"]["id"]]["action"] == "changed"


def await_refusal(sandbox: Sandbox, namespace: str) -> None:
    """Wait until admission knows of a quota that is full: it learns of it later than who reads the quota does.

    After a server that stood still, as other tests here have it, its watch comes back within a minute or so.
    """
    probe = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "probe"}}
    document = json.dumps({**probe, "spec": {"podSelector": {}}})

    def refused() -> bool:
        words = ("-n", namespace, "create", "--dry-run=server", "-f", "-")
        return "exceeded quota" in sandbox.kubectl(SITE, *words, stdin=document).stderr

    assert comes_true(refused, 180), "a full quota refuses nothing"


def test_a_quota_that_is_full_is_named_with_its_object(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request()
    namespace = f"{wanted['spec']['id']}-main"
    operator.ask(wanted)
    operator.apply()
    kind = "count/networkpolicies.networking.k8s.io"
    done = sandbox.kubectl(SITE, "-n", namespace, "create", "quota", "site", f"--hard={kind}=1")
    assert done.returncode == 0, done.stderr
    used = f"jsonpath={{.status.used.{kind.replace('.', chr(92) + '.')}}}"
    counted = sandbox.kubectl(SITE, "-n", namespace, "wait", "quota/site", f"--for={used}", "--timeout=60s")
    assert counted.returncode == 0, counted.stderr
    await_refusal(sandbox, namespace)
    wanted["spec"]["egress"] = [{"cidr": "203.0.113.0/24", "port": 443, "reason": "Pays fees."}]
    operator.ask(wanted)
    done = operator.run("apply", ".")
    assert done.returncode == 3
    one_message(done.stderr, "TEN-511", SITE, f"NetworkPolicy/{namespace}/", "exceeded quota")
    sandbox.kubectl(SITE, "-n", namespace, "delete", "quota", "site")
    assert operator.apply()[wanted["spec"]["id"]]["action"] == "changed"


@pytest.mark.parametrize("answers", [True, False])
def test_a_webhook_that_denies_or_is_gone_is_named_with_its_object(
    sandbox: Sandbox, operator: Operator, tmp_path: Path, answers: bool
) -> None:
    wanted = request()
    tenant = wanted["spec"]["id"]
    operator.ask(wanted)
    with denying_webhook(tmp_path, "the change board sleeps") as (url, authority):
        address = url if answers else "https://127.0.0.1:9/"
        webhook = {
            "name": "board.gov.example",
            "clientConfig": {"url": address, "caBundle": base64.b64encode(authority).decode()},
            "rules": [
                {
                    "apiGroups": ["networking.k8s.io"],
                    "apiVersions": ["v1"],
                    "resources": ["networkpolicies"],
                    "operations": ["*"],
                }
            ],
            "namespaceSelector": {"matchLabels": {"tenantry.dev/tenant": tenant}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        document = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": f"board-{tenant}"},
            "webhooks": [webhook],
        }
        assert sandbox.kubectl(SITE, "apply", "-f", "-", stdin=json.dumps(document)).returncode == 0
        try:
            done = operator.run("apply", ".")
        finally:
            sandbox.kubectl(SITE, "delete", "validatingwebhookconfiguration", f"board-{tenant}")
    assert done.returncode == 3
    cause = "the change board sleeps" if answers else "failed calling webhook"
    one_message(done.stderr, "TEN-511", SITE, "NetworkPolicy/", "board.gov.example", cause)
    assert operator.apply()[tenant]["action"] == "changed"


def test_a_store_that_refuses_is_said(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request()
    operator.ask(wanted)
    # The first use of a store: what is known of it may have been found out by another test of this sandbox.
    (operator.connections / f"{SITE}.capabilities.json").unlink(missing_ok=True)
    connection = operator.connections / f"{SITE}.json"
    kept = connection.read_text()
    raw = json.loads(kept)
    keys = operator.connections / "wrong-keys"
    profile = raw["objectStore"]["profile"]
    keys.write_text(f"[{profile}]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n")
    raw["objectStore"]["credentialsFile"] = str(keys)
    connection.write_text(json.dumps(raw))
    done = operator.run("apply", ".")
    assert done.returncode == 3
    one_message(done.stderr, "TEN-402", SITE, profile)
    connection.write_text(kept)
    assert operator.apply()[wanted["spec"]["id"]]["action"] in ("created", "changed")


def test_one_tenant_that_fails_stops_no_other(sandbox: Sandbox, operator: Operator) -> None:
    wanted = [request(name=f"many-{number}") for number in range(4)]
    failing = wanted[1]["spec"]["id"]
    operator.ask(*wanted)
    # A namespace of that name that is nobody's to take: it is being deleted, and something holds it.
    namespace = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "finalizers": ["gov.example/held"]},
    }
    assert sandbox.kubectl(SITE, "create", "namespace", f"{failing}-main").returncode == 0
    sandbox.kubectl(SITE, "-n", f"{failing}-main", "apply", "-f", "-", stdin=json.dumps(namespace))
    sandbox.kubectl(SITE, "delete", "namespace", f"{failing}-main", "--wait=false")
    try:
        done = operator.run("apply", ".")
        assert done.returncode == 3
        assert "3 created, 1 failed." in done.stdout
        assert all(f"tenant many-1 ({failing})" in line for line in done.stderr.splitlines() if line[:4] == "TEN-")
        assert "being terminated" in done.stderr
    finally:
        patch = ["-p", json.dumps({"metadata": {"finalizers": None}}), "--type=merge"]
        sandbox.kubectl(SITE, "-n", f"{failing}-main", "patch", "configmap", "held", *patch)
    sandbox.kubectl(SITE, "wait", "--for=delete", f"namespace/{failing}-main", "--timeout=60s")
    assert operator.apply()[failing]["action"] == "changed"
    assert set(operator.status().values()) == {"as asked"}
