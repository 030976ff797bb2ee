"""What a site's operators have on their own machine: the key that secrets are encrypted by, and their way in."""

import base64
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from filelock import FileLock

from tenantry.certificates import Subject, key_to_pem, new_key, sign, to_pem
from tenantry.files import write_atomic
from tenantry.hardening import encryption
from tenantry.hosts.pki.authorities import certificate_file, load_authority

CONTEXT = "site"
"""The context of an administrator's kubeconfig."""
TO_BE_MADE = "to be made\n"
ADMINISTRATOR = Subject("tenantry", ("system:masters",))
"""No other person is in this group, only the API servers as kubelets know them: roles are bound for those who work."""


def read_encryption(folder: Path) -> str:
    """Give what a site's secrets are encrypted by; a text that no host has where it isn't made yet."""
    file = folder / "encryption.json"
    return file.read_text() if file.is_file() else TO_BE_MADE


def ensure_encryption(folder: Path) -> str:
    """Make the key that a site's secrets are encrypted by, once, and give it as the API server reads it.

    The one secret that hosts have in common, so the one that is brought to them.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder / "lock"):
        if not (folder / "encryption.json").is_file():
            document = encryption("tenantry-1", base64.b64encode(secrets.token_bytes(32)).decode())
            write_atomic(folder / "encryption.json", f"{json.dumps(document, indent=1)}\n".encode())
    return read_encryption(folder)


def administrator_file(folder: Path) -> Path:
    """Give where a site's folder has the kubeconfig of its administrator."""
    return folder / "administrator.kubeconfig"


def ensure_administrator(folder: Path, endpoint: str, days: int) -> Path | None:
    """Write the kubeconfig of a site's administrator, with a key of its own, where there is none that holds.

    Gives it where it was made, or made anew: because it has ended, or the API server is reached elsewhere.
    """
    file = administrator_file(folder)
    with FileLock(folder / "lock"):
        if file.is_file():
            now = json.loads(file.read_text())
            held = base64.b64decode(now["users"][0]["user"]["client-certificate-data"])
            ends = x509.load_pem_x509_certificate(held).not_valid_after_utc
            if now["clusters"][0]["cluster"]["server"] == endpoint and ends > datetime.now(UTC):
                return None
        key = new_key()
        certificate = sign(load_authority(folder / "pki", "kubernetes"), key.public_key(), ADMINISTRATOR, days)
        ca = certificate_file(folder / "pki", "kubernetes").read_bytes()
        write_atomic(
            file, json.dumps(_kubeconfig(endpoint, ca, to_pem(certificate), key_to_pem(key)), indent=1).encode()
        )
    return file


def _kubeconfig(endpoint: str, ca: bytes, certificate: bytes, key: bytes) -> dict[str, object]:
    encoded = [base64.b64encode(one).decode() for one in (ca, certificate, key)]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": endpoint, "certificate-authority-data": encoded[0]}}],
        "users": [
            {
                "name": ADMINISTRATOR.name,
                "user": {"client-certificate-data": encoded[1], "client-key-data": encoded[2]},
            }
        ],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": ADMINISTRATOR.name}}],
        "current-context": CONTEXT,
    }
