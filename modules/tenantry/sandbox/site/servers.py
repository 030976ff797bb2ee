"""How each server of a site is started, and how to see that it answers."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import urllib3

from tenantry.hardening import APISERVER, CONTROLLER_MANAGER, ETCD, Flags, to_flags
from tenantry.problems import UnreachableError, problem
from tenantry.sandbox.layout import REGION, SiteLayout
from tenantry.sandbox.ports import LOOPBACK
from tenantry.sandbox.site.certs import Pair
from tenantry.sandbox.site.settings import SERVICE_RANGES, Pki, authentication_file
from tenantry.storekeys import read_keys

BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "versitygw")

# The bucket of each site that anyone may read; the issuer's two documents are its only objects.
ISSUER_BUCKET = "service-account-issuer"
DISCOVERY_KEY = ".well-known/openid-configuration"
KEYS_KEY = "openid/v1/jwks"

ACCESS_LOG = "s3-access"
"""The log of who asked the object store for what, of which grants are metered."""

_ANSWER_SECONDS = 2


@dataclass(frozen=True)
class Server:
    """One process of a site. `ports` are by listener, the one that clients use first."""

    site: SiteLayout
    name: str
    binary: str
    arguments: tuple[str, ...]
    ports: dict[str, int]
    answers: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """Return the name that messages use, such as onprem/etcd."""
        return f"{self.site.site}/{self.name}"


def servers(site: SiteLayout, pki: Pki) -> dict[str, Server]:
    """Return a site's servers by name, each after those that it needs."""
    made = (_etcd(site, pki), _iam(site, pki), _s3(site, pki), _apiserver(site, pki), _controllers(site, pki))
    return {server.name: server for server in made}


def issuer_url(site: SiteLayout) -> str:
    """Return the issuer of the site's service account tokens; its documents can be read below it by anyone."""
    return f"{site.url('s3')}/{ISSUER_BUCKET}"


def root_keys(site: SiteLayout) -> tuple[str, str]:
    """Read the access key and the secret key of the object store's administrator. Raises UnreachableError (TEN-306)."""
    try:
        keys = read_keys(site.credentials, site.site)
        return keys.access, keys.secret
    except (OSError, ValueError):
        what = f"the keys of {site.site}'s object store can't be read"
        fix = "restore the file, or run `tenantry sandbox down --delete`, which removes the sandbox with its data"
        raise UnreachableError(problem("TEN-306", what, fix, file=str(site.credentials))) from None


def answers(url: str, ca: Path, client: Pair | None = None) -> bool:
    """Say whether an address answers 200, over TLS that the authority vouches for."""
    try:
        context = ssl.create_default_context(cafile=str(ca))
        if client:
            context.load_cert_chain(client.certificate, client.key)
    except OSError:
        return False
    with urllib3.PoolManager(ssl_context=context, retries=False, timeout=_ANSWER_SECONDS) as pool:
        try:
            return pool.request("GET", url).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _flags(layer: Flags | None = None, /, **flags: object) -> tuple[str, ...]:
    return to_flags(layer or {}, flags)


def _ports(site: SiteLayout, *listeners: str) -> dict[str, int]:
    return {listener: site.ports[listener] for listener in listeners}


def _etcd(site: SiteLayout, pki: Pki) -> Server:
    client, peer = site.url("etcd"), site.url("etcd-peer")
    arguments = _flags(
        ETCD,
        name=site.site,
        data_dir=site.data("etcd"),
        listen_client_urls=client,
        advertise_client_urls=client,
        listen_peer_urls=peer,
        initial_advertise_peer_urls=peer,
        initial_cluster=f"{site.site}={peer}",
        cert_file=pki.etcd.certificate,
        key_file=pki.etcd.key,
        trusted_ca_file=pki.etcd_ca.certificate,
        peer_cert_file=pki.etcd.certificate,
        peer_key_file=pki.etcd.key,
        peer_trusted_ca_file=pki.etcd_ca.certificate,
    )
    ready = partial(answers, f"{client}/readyz", pki.etcd_ca.certificate, pki.etcd_client)
    return Server(site, "etcd", "etcd", arguments, _ports(site, "etcd", "etcd-peer"), ready)


def _apiserver(site: SiteLayout, pki: Pki) -> Server:
    arguments = _flags(
        APISERVER,
        bind_address=LOOPBACK,
        secure_port=site.ports["kube-apiserver"],
        # Loopback can't be advertised, so nothing keeps the endpoints of the Service `kubernetes`.
        endpoint_reconciler_type="none",
        service_cluster_ip_range=SERVICE_RANGES[site.site][0],
        etcd_servers=site.url("etcd"),
        etcd_cafile=pki.etcd_ca.certificate,
        etcd_certfile=pki.etcd_client.certificate,
        etcd_keyfile=pki.etcd_client.key,
        encryption_provider_config=site.conf / "encryption.yaml",
        tls_cert_file=pki.server.certificate,
        tls_private_key_file=pki.server.key,
    )
    arguments += _who_may(site, pki) + _token_issuer(site, pki)
    ready = partial(answers, f"{site.url('kube-apiserver')}/readyz", pki.ca, pki.administrator)
    return Server(site, "kube-apiserver", "kube-apiserver", arguments, _ports(site, "kube-apiserver"), ready)


def _who_may(site: SiteLayout, pki: Pki) -> tuple[str, ...]:
    """Give the API server's flags for authentication, authorization, admission and audit."""
    return _flags(
        client_ca_file=pki.client_ca.certificate,
        authentication_config=authentication_file(site),
        requestheader_client_ca_file=pki.front_proxy_ca.certificate,
        proxy_client_cert_file=pki.front_proxy.certificate,
        proxy_client_key_file=pki.front_proxy.key,
        admission_control_config_file=site.conf / "admission.yaml",
        audit_policy_file=site.conf / "audit-policy.yaml",
        audit_log_path=site.log("audit"),
    )


def _token_issuer(site: SiteLayout, pki: Pki) -> tuple[str, ...]:
    return _flags(
        service_account_issuer=issuer_url(site),
        service_account_jwks_uri=f"{issuer_url(site)}/{KEYS_KEY}",
        service_account_signing_key_file=pki.token.key,
        service_account_key_file=pki.token.certificate,
    )


def _controllers(site: SiteLayout, pki: Pki) -> Server:
    kubeconfig = site.conf / "controller-manager.kubeconfig"
    arguments = _flags(
        CONTROLLER_MANAGER,
        secure_port=site.ports["kube-controller-manager"],
        tls_cert_file=pki.server.certificate,
        tls_private_key_file=pki.server.key,
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        root_ca_file=pki.ca,
        service_account_private_key_file=pki.token.key,
        # It is alone; waiting 15 s for the lease of one that was killed would help nobody.
        leader_elect="false",
    )
    name = "kube-controller-manager"
    ready = partial(answers, f"{site.url(name)}/healthz", pki.ca)
    return Server(site, name, name, arguments, _ports(site, name), ready)


def _iam(site: SiteLayout, pki: Pki) -> Server:
    arguments = (
        *_gateway_flags(site, pki, "iam"),
        "iam",
        *_flags(
            dir=site.data("iam"),
            quiet="true",
            private_ports=f"{LOOPBACK}:{site.ports['iam-private']}",
            private_cert=pki.iam_private.certificate,
            private_cert_key=pki.iam_private.key,
            private_client_ca=pki.iam_ca.certificate,
        ),
    )
    ready = partial(answers, f"{site.url('iam')}/healthz", pki.ca)
    ports = _ports(site, "iam", "iam-private")
    return Server(site, "iam", "versitygw", arguments, ports, ready, _root_environment(site))


def _s3(site: SiteLayout, pki: Pki) -> Server:
    arguments = (
        *_gateway_flags(site, pki, "s3"),
        *_flags(
            access_log=site.log(ACCESS_LOG),
            iam_standalone_endpoint=f"{LOOPBACK}:{site.ports['iam-private']}",
            iam_standalone_client_cert=pki.iam_client.certificate,
            iam_standalone_client_cert_key=pki.iam_client.key,
            iam_standalone_server_ca=pki.iam_ca.certificate,
        ),
        "posix",
        *_flags(versioning_dir=site.data("s3-versions"), dir_perms="0700", file_perms="0600"),
        str(site.data("s3")),
    )
    ready = partial(answers, f"{site.url('s3')}/healthz", pki.ca)
    return Server(site, "s3", "versitygw", arguments, _ports(site, "s3"), ready, _root_environment(site))


def _gateway_flags(site: SiteLayout, pki: Pki, listener: str) -> tuple[str, ...]:
    address = f"{LOOPBACK}:{site.ports[listener]}"
    key, certificate = pki.server.key, pki.server.certificate
    return _flags(port=address, cert=certificate, key=key, region=REGION, health="/healthz", quiet="true")


def _root_environment(site: SiteLayout) -> dict[str, str]:
    """Hand the administrator's keys over in the environment, which only its user can read; `ps` shows arguments."""
    access, secret = root_keys(site)
    return {"ROOT_ACCESS_KEY_ID": access, "ROOT_SECRET_ACCESS_KEY": secret}
