"""Workloads reach a store that federates with the tokens that a real API server makes for them, and with no other."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from store_calls import Calls, inputs
from store_servers import Store
from store_tenants import provision, tenant_on

import strategies
from issuers import sign
from sites import Sandbox
from tenantry.contract.model import Site
from tenantry.objectstore.capabilities import ensure_recorded
from tenantry.objectstore.store import Store as Client
from tenantry.render import render_tenant, to_yaml
from tenantry.render.store.identities import STORE_AUDIENCE
from tenantry.sandbox.layout import Layout, SiteLayout
from tenantry.sandbox.site.servers import issuer_url
from tenantry.sandbox.site.settings import name_pki
from tenantry.toolchain import binary

pytestmark = [pytest.mark.rgw, pytest.mark.parametrize("store", ["rgw"], indirect=True, scope="module")]
ACCOUNTS = [
    {"name": "app", "buckets": [{"bucket": "records", "access": "readWrite", "prefix": "in/"}]},
    {"name": "other"},
]
MINE, THEIRS = "t-federat1", "t-federat2"
# What a pod of an account runs: an SDK that finds everything in its environment.
WORKLOAD = """
import boto3
from botocore.config import Config
s3 = boto3.client("s3", config=Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"}))
s3.put_object(Bucket="t-federat1-records", Key="in/a", Body=b"from a pod")
print(s3.get_object(Bucket="t-federat1-records", Key="in/a")["Body"].read().decode())
"""


@dataclass(frozen=True)
class Cluster:
    """The API server of one of the sandbox's sites, as the issuer of tokens."""

    layout: Layout
    site: SiteLayout

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        command = [binary("kubectl"), "--kubeconfig", str(self.site.kubeconfig), *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout

    def token(self, namespace: str, account: str = "app", audience: str = STORE_AUDIENCE) -> str:
        """Have the API server make a token, as it does for a pod."""
        return self.kubectl("-n", namespace, "create", "token", account, f"--audience={audience}").strip()

    @property
    def issuer(self) -> str:
        return issuer_url(self.site)

    @property
    def thumbprint(self) -> str:
        """The SHA-1 of the signing key's certificate, by which Ceph knows an issuer's keys."""
        pair = name_pki(self.layout, self.site).token
        return pair.load().fingerprint(hashes.SHA1()).hex().upper()

    def sign(self, claims: dict[str, Any], like: str) -> str:
        """Sign other claims with the API server's own key, under the header of a token of its."""
        key = name_pki(self.layout, self.site).token.load_key()
        assert isinstance(key, RSAPrivateKey)
        return sign(like.split(".", maxsplit=1)[0], claims, key)


def cluster_of(sandbox: Sandbox, site: str) -> Cluster:
    return Cluster(Layout(sandbox.state), sandbox.layout(site))


@dataclass(frozen=True)
class Federated:
    """Two tenants on a site whose store trusts its cluster: the role of each one's workload, by the tenant's id."""

    cluster: Cluster
    roles: dict[str, str]
    states: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def federated(sandbox: Sandbox, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federated]:
    from tenantry.objectstore.plugin.server import serve_in_thread

    cluster = cluster_of(sandbox, "onprem")
    plain = strategies.sites()["site-north"]
    found = (*ensure_recorded(store.connection), "store.diskEncryption", "store.ownKey", "sts.webIdentity")
    spec = replace(plain.spec, capabilities=tuple(dict.fromkeys(found)), issuer=cluster.issuer)
    site = Site(metadata=replace(plain.metadata, name=store.site), spec=spec)
    served, roles, states, namespaces = serve_in_thread(), {}, {}, []
    with Calls(served.port) as calls:
        # The store knows another audience of the issuer's, too: that it opens nothing is the trust's doing.
        audiences = [STORE_AUDIENCE, "vault"]
        trusted = {"url": cluster.issuer, "clientIds": audiences, "thumbprints": [cluster.thumbprint]}
        calls.create("OidcProvider", inputs("OidcProvider", "federation", trusted, tenant=""))
        for name in (MINE, THEIRS):
            tenant = tenant_on(site, id=name, buckets=[{"name": "records"}], serviceAccounts=ACCOUNTS)
            rendered = render_tenant(tenant, site, strategies.baseline())
            cluster.kubectl("apply", "--server-side", "-f", "-", stdin=to_yaml(rendered.kubernetes))
            namespaces += rendered.namespaces
            made = provision(calls, rendered)
            states[name] = made[f"Role/{name}.main.app"]
            roles[name] = states[name]["arn"]
    try:
        yield Federated(cluster, roles, states)
    finally:
        served.stop()
        cluster.kubectl("delete", "namespace", "--ignore-not-found", *namespaces)


def enters(client: Client, role: str, token: str) -> bool:
    """Try to take a role with a token."""
    sts = client.anonymous_sts()
    try:
        sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="test", WebIdentityToken=token)
    except ClientError:
        return False
    return True


def test_a_workload_uses_its_bucket_with_nothing_but_its_token_and_environment(
    store: Store, client: Client, federated: Federated, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(federated.cluster.token(f"{MINE}-main"))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ROLE_ARN": federated.roles[MINE],
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
        "AWS_ENDPOINT_URL": store.settings.endpoint,
        "AWS_CA_BUNDLE": str(store.settings.ca_file),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-c", WORKLOAD], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "from a pod\n"), done.stderr


Make = Callable[[Cluster, Cluster], str]


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def _expired(here: Cluster, _: Cluster) -> str:
    token, now = here.token(f"{MINE}-main"), int(time.time())
    return here.sign({**_claims(token), "iat": now - 7200, "nbf": now - 7200, "exp": now - 3600}, token)


def _forged(here: Cluster, _: Cluster) -> str:
    """Give another account's token the claims of the right one."""
    head, _, signature = here.token(f"{MINE}-main", "other").split(".")
    return f"{head}.{here.token(f'{MINE}-main').split('.')[1]}.{signature}"


def _of_another_issuer(_: Cluster, there: Cluster) -> str:
    """Have the other site's API server say what the right one's would, under its own name."""
    token = there.token("default", "default")
    return there.sign({**_claims(token), "sub": f"system:serviceaccount:{MINE}-main:app"}, token)


def _under_anothers_name(here: Cluster, there: Cluster) -> str:
    """The same, under the right issuer's name and with the wrong key."""
    return there.sign(_claims(here.token(f"{MINE}-main")), there.token("default", "default"))


REFUSED: dict[str, Make] = {
    "an expired token": _expired,
    "a token for the API server": lambda here, _: here.token(f"{MINE}-main", audience=here.issuer),
    "a token for another service": lambda here, _: here.token(f"{MINE}-main", audience="vault"),
    "a token of another account": lambda here, _: here.token(f"{MINE}-main", "other"),
    "a token of another tenant": lambda here, _: here.token(f"{THEIRS}-main"),
    "a forged token": _forged,
    "a token of another issuer": _of_another_issuer,
    "a token of another issuer under this one's name": _under_anothers_name,
    "no token": lambda _here, _there: "none",
}


@pytest.mark.parametrize("what", REFUSED)
def test_any_other_token_is_refused(sandbox: Sandbox, client: Client, federated: Federated, what: str) -> None:
    token = REFUSED[what](federated.cluster, cluster_of(sandbox, "hosted"))
    assert not enters(client, federated.roles[MINE], token)
    assert enters(client, federated.roles[MINE], federated.cluster.token(f"{MINE}-main"))


def test_the_tokens_that_are_refused_are_signed_as_the_api_server_signs(client: Client, federated: Federated) -> None:
    """Else the expired one would be refused for its signature."""
    token = federated.cluster.token(f"{MINE}-main")
    assert enters(client, federated.roles[MINE], federated.cluster.sign(_claims(token), token))


def test_a_token_of_an_account_that_is_gone_from_the_request_is_refused(
    client: Client, calls: Calls, federated: Federated
) -> None:
    token = federated.cluster.token(f"{THEIRS}-main")
    assert enters(client, federated.roles[THEIRS], token)
    calls.delete("Role", f"{client.site}/{THEIRS}.main.app", federated.states[THEIRS])
    assert not enters(client, federated.roles[THEIRS], token)
