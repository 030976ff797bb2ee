"""The control planes are set up as a hardened cluster is."""

import json
import stat
import time
from pathlib import Path

import psutil
import pytest
import urllib3

from sites import Sandbox
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.site.servers import issuer_url

SITES = ("onprem", "hosted")
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "probe", "namespace": "default"},
    "spec": {"containers": [{"name": "main", "image": "registry.invalid/probe:1"}]},
}


def fetch(sandbox: Sandbox, url: str) -> urllib3.BaseHTTPResponse:
    """Read an address as a stranger: the sandbox's CA, no certificate, no key."""
    ca = Layout(sandbox.state).ca
    return urllib3.PoolManager(ca_certs=str(ca), retries=False).request("GET", url)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("path", ["/api", "/version", "/readyz", "/openid/v1/jwks"])
def test_a_stranger_learns_nothing_from_the_api_server(sandbox: Sandbox, site: str, path: str) -> None:
    assert fetch(sandbox, sandbox.layout(site).url("kube-apiserver") + path).status == 401


def test_every_listener_is_on_loopback_alone(sandbox: Sandbox) -> None:
    ports = {port for site in Layout(sandbox.state).sites() for port in site.ports.values()}
    listening = {
        connection.laddr.port: connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port in ports
    }
    assert set(listening) == ports
    assert set(listening.values()) == {"127.0.0.1"}


def test_every_listener_speaks_tls_that_the_sandbox_ca_or_its_own_authority_vouches_for(sandbox: Sandbox) -> None:
    for site in Layout(sandbox.state).sites():
        for listener in ("kube-apiserver", "kube-controller-manager", "s3", "iam"):
            assert fetch(sandbox, site.url(listener) + "/healthz").status in (200, 401)
        for listener in ("etcd", "etcd-peer", "iam-private"):
            with pytest.raises(urllib3.exceptions.SSLError):
                fetch(sandbox, site.url(listener) + "/health")


@pytest.mark.parametrize("name", ["tenantry", "controller-manager", "server"])
def test_etcd_takes_no_certificate_but_its_own_clients(sandbox: Sandbox, name: str) -> None:
    site = sandbox.layout("onprem")
    pool = urllib3.PoolManager(
        ca_certs=str(site.pki / "etcd-ca.crt"),
        cert_file=str(site.pki / f"{name}.crt"),
        key_file=str(site.pki / f"{name}.key"),
        retries=False,
    )
    with pytest.raises(urllib3.exceptions.HTTPError):
        pool.request("GET", site.url("etcd") + "/v2/keys")


def test_one_site_refuses_the_administrator_of_the_other(sandbox: Sandbox) -> None:
    onprem, hosted = sandbox.layout("onprem"), sandbox.layout("hosted")
    pool = urllib3.PoolManager(
        ca_certs=str(Layout(sandbox.state).ca),
        cert_file=str(onprem.pki / "tenantry.crt"),
        key_file=str(onprem.pki / "tenantry.key"),
        retries=False,
    )
    assert pool.request("GET", onprem.url("kube-apiserver") + "/api").status == 200
    assert pool.request("GET", hosted.url("kube-apiserver") + "/api").status == 401


def test_the_administrator_is_a_user_with_a_role_and_no_superuser(sandbox: Sandbox) -> None:
    whoami = json.loads(sandbox.kubectl("onprem", "auth", "whoami", "-o", "json").stdout)["status"]["userInfo"]
    assert whoami["username"] == "tenantry"
    assert "system:masters" not in whoami["groups"]
    assert sandbox.kubectl("onprem", "auth", "can-i", "*", "*", "--all-namespaces").stdout.strip() == "yes"


def test_rbac_refuses_a_service_account_that_was_given_nothing(sandbox: Sandbox) -> None:
    account = "--as=system:serviceaccount:default:default"
    assert sandbox.kubectl("hosted", "auth", "can-i", "list", "secrets", account).stdout.strip() == "no"
    refused = sandbox.kubectl("hosted", "get", "secrets", account)
    assert refused.returncode != 0
    assert "Forbidden" in refused.stderr


def test_pod_security_denies_a_privileged_pod_where_the_namespace_says_nothing(sandbox: Sandbox) -> None:
    privileged = json.loads(json.dumps(POD))
    privileged["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    denied = sandbox.kubectl("onprem", "create", "--dry-run=server", "-f", "-", stdin=json.dumps(privileged))
    assert denied.returncode != 0
    assert 'violates PodSecurity "baseline:v1.' in denied.stderr


def test_pod_security_warns_where_a_pod_is_not_restricted(sandbox: Sandbox) -> None:
    warned = sandbox.kubectl("onprem", "create", "--dry-run=server", "-f", "-", stdin=json.dumps(POD))
    assert warned.returncode == 0, warned.stderr
    assert 'would violate PodSecurity "restricted:v1.' in warned.stderr


def test_quota_and_native_policies_are_enforced(sandbox: Sandbox) -> None:
    served = sandbox.kubectl("onprem", "api-resources", "-o", "name").stdout
    assert "validatingadmissionpolicies.admissionregistration.k8s.io" in served
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": "monitoring-system"},
        "spec": {"hard": {"count/configmaps": "0"}},
    }
    assert sandbox.kubectl("onprem", "apply", "-f", "-", stdin=json.dumps(quota)).returncode == 0
    try:
        for _ in range(50):
            over = sandbox.kubectl("onprem", "create", "configmap", "over", "-n", "monitoring-system")
            if over.returncode:
                break
            sandbox.kubectl("onprem", "delete", "configmap", "over", "-n", "monitoring-system")
            time.sleep(0.2)
        assert "exceeded quota" in over.stderr
    finally:
        sandbox.kubectl("onprem", "delete", "resourcequota", "none", "-n", "monitoring-system")


@pytest.mark.parametrize("site", SITES)
def test_secrets_are_encrypted_at_rest_and_never_in_a_log(sandbox: Sandbox, site: str) -> None:
    value = "kept-between-us-7f3a91"
    made = sandbox.kubectl(site, "create", "secret", "generic", "at-rest", f"--from-literal=word={value}")
    assert made.returncode == 0, made.stderr
    try:
        folder = sandbox.layout(site).root
        etcd = b"".join(path.read_bytes() for path in (folder / "data" / "etcd").rglob("*") if path.is_file())
        assert b"/registry/secrets/default/at-rest" in etcd
        assert b"k8s:enc:secretbox:v1:" in etcd
        assert value.encode() not in etcd
        audit = (folder / "log" / "audit.log").read_text()
        events = [json.loads(line) for line in audit.splitlines() if '"at-rest"' in line]
        assert any(event["verb"] == "create" and event["user"]["username"] == "tenantry" for event in events)
        assert {event["level"] for event in events} == {"Metadata"}
        assert value not in audit
    finally:
        sandbox.kubectl(site, "delete", "secret", "at-rest")


def test_keys_are_files_that_their_owner_alone_reads(sandbox: Sandbox) -> None:
    root = sandbox.state / "sandbox"
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    keys = [path for path in root.rglob("*") if path.is_file() and b"PRIVATE KEY" in _head(path)]
    secret = [*keys, *root.glob("*/conf/*"), *root.glob("*/log/*")]
    assert len(keys) > 20
    for path in secret:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path.parent


def test_no_secret_is_on_a_command_line_or_in_a_log(sandbox: Sandbox) -> None:
    for site in Layout(sandbox.state).sites():
        secret = site.credentials.read_text().split("=")[-1].strip()
        assert len(secret) > 20
        lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        assert not [line for line in lines if secret in line]
        for log in (site.root / "log").iterdir():
            assert secret not in log.read_text(errors="replace"), log


def test_issuers_differ_between_sites(sandbox: Sandbox) -> None:
    assert len({issuer_url(site) for site in Layout(sandbox.state).sites()}) == 2


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)
