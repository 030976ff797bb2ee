"""An issuer of tokens on loopback, as a self-hosted cluster has it: two documents over TLS, and a signing key."""

import base64
import hashlib
import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

import certificates


def url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return url64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def sign(head: str, claims: Mapping[str, object], key: rsa.RSAPrivateKey) -> str:
    """Sign claims below an encoded header. Source: RFC 7515, RS256."""
    signed = f"{head}.{url64(json.dumps(claims).encode())}"
    return f"{signed}.{url64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@dataclass(frozen=True)
class Issuer:
    """A running issuer; `name` is how a trust's conditions know it."""

    url: str
    thumbprint: str
    key: rsa.RSAPrivateKey
    authority: Path

    @property
    def name(self) -> str:
        return self.url.removeprefix("https://")

    def token(self, subject: str, audience: str, **more: object) -> str:
        """Sign a token with what it is usually made of, and more claims. Source: RFC 7519, RS256."""
        now = int(time.time())
        usual = {"iss": self.url, "sub": subject, "aud": [audience], "iat": now, "nbf": now, "exp": now + 600}
        claims = {**usual, **more}
        return sign(url64(json.dumps({"alg": "RS256", "kid": "1", "typ": "JWT"}).encode()), claims, self.key)


@contextmanager
def issuer(directory: Path) -> Iterator[Issuer]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = certificates.builder("signer", "signer", key.public_key()).sign(key, hashes.SHA256())
    der = certificate.public_bytes(Encoding.DER)
    public = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": number(public.n), "e": number(public.e)}
    keys = {"keys": [{**jwk, "x5c": [base64.b64encode(der).decode()]}]}
    documents: dict[str, Any] = {"/keys": keys}

    class Documents(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = documents.get(self.path)
            body = json.dumps(found).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: what was asked shows in the test's result."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Documents)
    pair = certificates.issue(directory / "issuer")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"https://127.0.0.1:{server.server_address[1]}"
    documents["/.well-known/openid-configuration"] = {
        "issuer": url,
        "jwks_uri": f"{url}/keys",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Issuer(url, hashlib.sha1(der).hexdigest().upper(), key, pair.authority)
    server.shutdown()
    server.server_close()
