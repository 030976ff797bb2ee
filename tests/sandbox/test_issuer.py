"""Whoever has to verify a service account token can, with the sandbox's CA and nothing else."""

import base64
import hashlib
import json
from typing import Any

import pytest
import urllib3
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from sites import Sandbox
from tenantry.sandbox.layout import Layout


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(token: str) -> dict[str, Any]:
    return dict(json.loads(decode(token.split(".")[1])))


def get(sandbox: Sandbox, url: str) -> dict[str, Any]:
    answer = urllib3.PoolManager(ca_certs=str(Layout(sandbox.state).ca), retries=False).request("GET", url)
    assert answer.status == 200, answer.data
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def verify(sandbox: Sandbox, token: str) -> dict[str, Any]:
    """Verify a token by OpenID Connect Discovery: issuer, keys, signature. Return its claims."""
    header, _claims, signature = token.split(".")
    issuer = claims_of(token)["iss"]
    discovery = get(sandbox, f"{issuer}/.well-known/openid-configuration")
    assert discovery["issuer"] == issuer
    kid = json.loads(decode(header))["kid"]
    key = next(key for key in get(sandbox, discovery["jwks_uri"])["keys"] if key["kid"] == kid)
    numbers = RSAPublicNumbers(*(int.from_bytes(decode(key[part]), "big") for part in ("e", "n")))
    signed = token.rpartition(".")[0].encode()
    numbers.public_key().verify(decode(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    certificate = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0]))
    assert certificate.public_key() == numbers.public_key()
    return claims_of(token)


@pytest.mark.parametrize("site", ["onprem", "hosted"])
def test_a_token_is_verified_from_what_the_issuer_serves(sandbox: Sandbox, site: str) -> None:
    made = sandbox.kubectl(site, "create", "token", "default", "-n", "ingress-system", "--audience=store")
    assert made.returncode == 0, made.stderr
    claims = verify(sandbox, made.stdout.strip())
    assert claims["sub"] == "system:serviceaccount:ingress-system:default"
    assert claims["aud"] == ["store"]


def test_a_token_that_was_changed_is_not(sandbox: Sandbox) -> None:
    token = sandbox.kubectl("onprem", "create", "token", "default", "-n", "ingress-system").stdout.strip()
    header, _claims, signature = token.split(".")
    forged = {**claims_of(token), "sub": "system:serviceaccount:kube-system:default"}
    body = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
    with pytest.raises(InvalidSignature):
        verify(sandbox, f"{header}.{body}.{signature}")


def test_the_served_documents_say_what_the_api_server_says_itself(sandbox: Sandbox) -> None:
    own = json.loads(sandbox.kubectl("onprem", "get", "--raw", "/.well-known/openid-configuration").stdout)
    served = get(sandbox, f"{own['issuer']}/.well-known/openid-configuration")
    assert served == own
    own_keys = json.loads(sandbox.kubectl("onprem", "get", "--raw", "/openid/v1/jwks").stdout)["keys"]
    served_keys = [{k: v for k, v in key.items() if k != "x5c"} for key in get(sandbox, own["jwks_uri"])["keys"]]
    assert served_keys == own_keys


def test_a_stranger_reads_the_two_documents_and_nothing_else(sandbox: Sandbox) -> None:
    issuer = json.loads(sandbox.kubectl("onprem", "get", "--raw", "/.well-known/openid-configuration").stdout)["issuer"]
    pool = urllib3.PoolManager(ca_certs=str(Layout(sandbox.state).ca), retries=False)
    document = f"{issuer}/openid/v1/jwks"
    before = hashlib.sha256(pool.request("GET", document).data).digest()
    assert pool.request("GET", f"{issuer}?list-type=2").status == 403
    assert pool.request("PUT", document, body=b"{}").status == 403
    assert pool.request("DELETE", document).status == 403
    assert hashlib.sha256(pool.request("GET", document).data).digest() == before
