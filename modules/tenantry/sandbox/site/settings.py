"""The files that a site's servers read: certificates, the control plane's configuration, credentials."""

import base64
import json
import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tenantry import hardening
from tenantry.files import write_atomic
from tenantry.hardening import FRONT_PROXY
from tenantry.sandbox.layout import Layout, SiteLayout
from tenantry.sandbox.ports import LOOPBACK
from tenantry.sandbox.site.certs import Pair, ensure_authority, ensure_certificate, ensure_token_key
from tenantry.storekeys import new_keys, write_keys
from tenantry.toolchain.table import kubernetes_minor

# Each site has its own range of Service addresses; the first of it is the API server's.
SERVICE_RANGES = {"onprem": ("10.96.0.0/16", "10.96.0.1"), "hosted": ("10.97.0.0/16", "10.97.0.1")}

ADMINISTRATOR = "tenantry"
ADMINISTRATOR_GROUP = "tenantry-platform"


@dataclass(frozen=True)
class Pki:
    """A site's certificates. One authority a purpose: a client of Kubernetes is none of etcd, nor of IAM's inside."""

    root: Pair
    server: Pair
    client_ca: Pair
    bootstrap: Pair
    administrator: Pair
    controller_manager: Pair
    etcd_ca: Pair
    etcd: Pair
    etcd_client: Pair
    front_proxy_ca: Pair
    front_proxy: Pair
    iam_ca: Pair
    iam_private: Pair
    iam_client: Pair
    token: Pair

    @property
    def ca(self) -> Path:
        """Return the certificate that vouches for what clients reach."""
        return self.root.certificate


def name_pki(layout: Layout, site: SiteLayout) -> Pki:
    """Say where a site's certificates lie, making none."""
    at = partial(Pair.at, site.pki)
    return Pki(
        root=Pair.at(layout.ca.parent, layout.ca.stem),
        server=at("server"),
        client_ca=at("client-ca"),
        bootstrap=at("bootstrap"),
        administrator=at("tenantry"),
        controller_manager=at("controller-manager"),
        etcd_ca=at("etcd-ca"),
        etcd=at("etcd"),
        etcd_client=at("etcd-client"),
        front_proxy_ca=at("front-proxy-ca"),
        front_proxy=at("front-proxy"),
        iam_ca=at("iam-ca"),
        iam_private=at("iam-private"),
        iam_client=at("iam-client"),
        token=at("service-account"),
    )


def ensure_pki(layout: Layout, site: SiteLayout) -> Pki:
    """Make what is missing of a site's certificates."""
    pki = name_pki(layout, site)
    for authority in (pki.root, pki.client_ca, pki.etcd_ca, pki.front_proxy_ca, pki.iam_ca):
        ensure_authority(*authority.place)
    local = (LOOPBACK, "localhost")
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", SERVICE_RANGES[site.site][1])
    for authority, pair, subject, groups, hosts in (
        (pki.root, pki.server, site.site, (), (*local, *service)),
        (pki.client_ca, pki.bootstrap, "sandbox-bootstrap", ("system:masters",), ()),
        (pki.client_ca, pki.administrator, ADMINISTRATOR, (ADMINISTRATOR_GROUP,), ()),
        (pki.client_ca, pki.controller_manager, "system:kube-controller-manager", (), ()),
        (pki.etcd_ca, pki.etcd, "etcd", (), local),
        (pki.etcd_ca, pki.etcd_client, "kube-apiserver", (), ()),
        (pki.front_proxy_ca, pki.front_proxy, FRONT_PROXY, (), ()),
        (pki.iam_ca, pki.iam_private, "iam", (), local),
        (pki.iam_ca, pki.iam_client, "s3", (), ()),
    ):
        ensure_certificate(authority, *pair.place, subject, groups=groups, hosts=hosts)
    ensure_token_key(*pki.token.place)
    return pki


def write_settings(site: SiteLayout, pki: Pki) -> None:
    """Write a site's configuration files; keys that exist stay as they are."""
    data = [site.data(name) for name in ("etcd", "s3", "s3-versions", "iam")]
    for folder in (site.root, site.root / "log", site.root / "data", *data):
        folder.mkdir(exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    _write_yaml(site.conf / "audit-policy.yaml", dict(hardening.AUDIT_POLICY))
    _write_yaml(site.conf / "admission.yaml", hardening.admission(kubernetes_minor()))
    for kept, make in (
        (site.conf / "encryption.yaml", _encryption),
        (authentication_file(site), hardening.authentication),
    ):
        if not kept.is_file():
            _write_yaml(kept, make())
    _write_yaml(site.kubeconfig, _kubeconfig(site, pki, ADMINISTRATOR, pki.administrator))
    _write_yaml(bootstrap_kubeconfig(site), _kubeconfig(site, pki, "sandbox-bootstrap", pki.bootstrap))
    manager = _kubeconfig(site, pki, "system:kube-controller-manager", pki.controller_manager)
    _write_yaml(site.conf / "controller-manager.kubeconfig", manager)
    if not site.credentials.is_file():
        write_keys(site.credentials, site.site, new_keys())


def bootstrap_kubeconfig(site: SiteLayout) -> Path:
    """Return the kubeconfig in system:masters with which `up` binds the administrator's role; nothing else uses it."""
    return site.conf / "bootstrap.kubeconfig"


def authentication_file(site: SiteLayout) -> Path:
    """Return the file that says by which tokens a site's API server knows pipelines; a change is taken up at once."""
    return site.conf / "authentication.yaml"


def context_name(site: SiteLayout) -> str:
    """Return the name of a site's context in its kubeconfigs."""
    return f"sandbox-{site.site}"


def _encryption() -> dict[str, Any]:
    return hardening.encryption("sandbox-1", base64.b64encode(secrets.token_bytes(32)).decode())


def _kubeconfig(site: SiteLayout, pki: Pki, user: str, pair: Pair) -> dict[str, Any]:
    name = context_name(site)
    cluster = {"server": site.url("kube-apiserver"), "certificate-authority-data": _encoded(pki.ca)}
    identity = {"client-certificate-data": _encoded(pair.certificate), "client-key-data": _encoded(pair.key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": identity}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _write_yaml(path: Path, document: dict[str, Any]) -> None:
    content = yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False).encode()
    if not path.is_file() or path.read_bytes() != content:
        write_atomic(path, content)
