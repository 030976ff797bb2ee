"""Certificates made on the spot: authorities, and what they sign. Every key is a file of its own, mode 0600."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tenantry.certificates import (
    CLIENT,
    LEAST_RSA_BITS,
    SERVER,
    Authority,
    Key,
    Subject,
    describe_key,
    key_to_pem,
    load_key,
    new_authority,
    new_key,
    sign,
    to_pem,
)
from tenantry.files import write_atomic

_RENEW_DAYS = 30


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @classmethod
    def at(cls, folder: Path, name: str) -> "Pair":
        """Name the two files of a pair."""
        return cls(folder / f"{name}.crt", folder / f"{name}.key")

    @property
    def place(self) -> tuple[Path, str]:
        """Return the folder and the name that the pair was named with."""
        return self.certificate.parent, self.certificate.stem

    def load(self) -> x509.Certificate:
        """Read the certificate."""
        return x509.load_pem_x509_certificate(self.certificate.read_bytes())

    def load_key(self) -> Key:
        """Read the key."""
        return load_key(self.key.read_bytes())

    def is_current(self) -> bool:
        """Say whether both files are there and the certificate holds for another month."""
        if not (self.certificate.is_file() and self.key.is_file()):
            return False
        return self.load().not_valid_after_utc > datetime.now(UTC) + timedelta(days=_RENEW_DAYS)


def ensure_authority(folder: Path, name: str) -> Pair:
    """Make a certificate authority where there is none; return its files."""
    pair = Pair.at(folder, name)
    if not pair.is_current():
        key = new_key()
        _write(pair, key, new_authority(f"tenantry sandbox {name}", key).certificate)
    return pair


def ensure_certificate(
    authority: Pair, folder: Path, name: str, subject: str, *, groups: tuple[str, ...] = (), hosts: tuple[str, ...] = ()
) -> Pair:
    """Make a certificate signed by an authority where there is no current one; return its files.

    With `hosts` it is good for a server at those names and addresses; it is always good for a client, whose user is
    `subject` and whose groups are `groups` (Kubernetes reads them from CN and O).
    """
    pair = Pair.at(folder, name)
    if not pair.is_current():
        key = new_key()
        whom = Subject(subject, groups, hosts, (CLIENT, SERVER) if hosts else (CLIENT,))
        _write(pair, key, sign(Authority(authority.load(), authority.load_key()), key.public_key(), whom))
    return pair


def ensure_token_key(folder: Path, name: str) -> Pair:
    """Make the RSA key that signs service account tokens, with a self-signed certificate of it, where there is none.

    It never changes by itself: every token and every trust in it would end. RS256 is what all stores verify.
    """
    pair = Pair.at(folder, name)
    if not (pair.certificate.is_file() and pair.key.is_file()):
        key = rsa.generate_private_key(public_exponent=65537, key_size=LEAST_RSA_BITS)
        _write(pair, key, describe_key(f"tenantry sandbox {name}", key))
    return pair


def _write(pair: Pair, key: Key, certificate: x509.Certificate) -> None:
    write_atomic(pair.key, key_to_pem(key))
    write_atomic(pair.certificate, to_pem(certificate))
