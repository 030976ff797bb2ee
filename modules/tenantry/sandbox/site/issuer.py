"""The service account issuer's two documents, readable by whoever has to verify a token.

The API server publishes both only to those it knows, for anonymous access is off, and its key set has no certificate.
So they lie in a bucket of the site that anyone may read, as clusters that host themselves do it (kops,
cluster-api-provider-aws). Source: OpenID Connect Discovery 1.0; RFC 7517 (JWK); KEP-1393.
"""

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantry.sandbox.guards import site_refuses
from tenantry.sandbox.layout import REGION, SiteLayout
from tenantry.sandbox.site.certs import Pair
from tenantry.sandbox.site.servers import DISCOVERY_KEY, ISSUER_BUCKET, KEYS_KEY, issuer_url, root_keys
from tenantry.sandbox.site.settings import Pki


def publish_issuer(site: SiteLayout, pki: Pki) -> None:
    """Write the issuer's documents into its bucket, making the bucket where it isn't there."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    access, secret = root_keys(site)
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=site.url("s3"),
        region_name=REGION,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        verify=str(pki.ca),
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )
    try:
        if ISSUER_BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=ISSUER_BUCKET)
        client.put_bucket_policy(Bucket=ISSUER_BUCKET, Policy=json.dumps(_read_by_anyone()))
        for key, document in ((DISCOVERY_KEY, discovery(site)), (KEYS_KEY, key_set(pki.token))):
            body = json.dumps(document).encode()
            client.put_object(Bucket=ISSUER_BUCKET, Key=key, Body=body, ContentType="application/json")
    except (BotoCoreError, ClientError) as error:
        raise site_refuses(site, "s3", str(error)) from error


def discovery(site: SiteLayout) -> dict[str, Any]:
    """Return the discovery document, as the API server itself would give it."""
    return {
        "issuer": issuer_url(site),
        "jwks_uri": f"{issuer_url(site)}/{KEYS_KEY}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def key_set(token: Pair) -> dict[str, Any]:
    """Return the key set: the API server's, and with the key its certificate (`x5c`), by which Ceph knows it."""
    certificate = token.load()
    public = certificate.public_key()
    if not isinstance(public, RSAPublicKey):
        raise TypeError(f"{token.certificate} holds no RSA key")
    numbers = public.public_numbers()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = {
        "use": "sig",
        "kty": "RSA",
        # Kubernetes' own way to name a key.
        "kid": _base64url(hashlib.sha256(spki).digest()),
        "alg": "RS256",
        "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": _base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
        "x5c": [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()],
    }
    return {"keys": [key]}


def _read_by_anyone() -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{ISSUER_BUCKET}/{key}" for key in (DISCOVERY_KEY, KEYS_KEY)],
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
