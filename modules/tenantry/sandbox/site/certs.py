"""Certificates made on the spot: authorities, and what they sign. Every key is a file of its own, mode 0600."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tenantry.files import write_atomic

_AUTHORITY_DAYS = 3650
_LEAF_DAYS = 397
_RENEW_DAYS = 30
_CLOCK_SKEW = timedelta(minutes=5)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


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
        key = load_pem_private_key(self.key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise TypeError(f"{self.key} is no EC or RSA key")
        return key

    def is_current(self) -> bool:
        """Say whether both files are there and the certificate holds for another month."""
        if not (self.certificate.is_file() and self.key.is_file()):
            return False
        return self.load().not_valid_after_utc > datetime.now(UTC) + timedelta(days=_RENEW_DAYS)


def ensure_authority(folder: Path, name: str) -> Pair:
    """Make a certificate authority where there is none; return its files."""
    pair = Pair.at(folder, name)
    if not pair.is_current():
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(f"tenantry sandbox {name}")
        builder = _builder(subject, subject, key, _AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(authority=True), critical=True)
        _write(pair, key, builder.sign(key, hashes.SHA256()))
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
        issuer, key = authority.load(), ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(subject, *groups), issuer.subject, key, _LEAF_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(authority=False), critical=True)
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.load_key().public_key()), critical=False
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
            )
        _write(pair, key, builder.sign(authority.load_key(), hashes.SHA256()))
    return pair


def ensure_token_key(folder: Path, name: str) -> Pair:
    """Make the RSA key that signs service account tokens, with a self-signed certificate of it, where there is none.

    It never changes by itself: every token and every trust in it would end. RS256 is what all stores verify.
    """
    pair = Pair.at(folder, name)
    if not (pair.certificate.is_file() and pair.key.is_file()):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = _name(f"tenantry sandbox {name}")
        builder = _builder(subject, subject, key, _AUTHORITY_DAYS)
        _write(pair, key, builder.sign(key, hashes.SHA256()))
    return pair


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str, *organisations: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, word) for word in organisations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(pair: Pair, key: Key, certificate: x509.Certificate) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_atomic(pair.key, pem)
    write_atomic(pair.certificate, certificate.public_bytes(Encoding.PEM))
