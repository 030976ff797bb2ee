"""X.509 certificates: authorities, and what they sign. What isn't fit to be trusted is never signed.

A key is ECDSA, or RSA of 3072 bits and more; a server's certificate names the hosts that it is for; nothing holds
longer than its authority. Source: RFC 5280; NIST SP 800-57 part 1 r5, tables 2 and 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key as _load
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
LEAF_DAYS = 397
LEAST_RSA_BITS = 3072
_LEAST_EC_BITS = 256
_CLOCK_SKEW = timedelta(minutes=5)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

SERVER = "server"
CLIENT = "client"
_PURPOSES = {CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH, SERVER: ExtendedKeyUsageOID.SERVER_AUTH}


class UnfitError(ValueError):
    """What is asked for isn't fit to be trusted, and isn't signed."""


@dataclass(frozen=True)
class Subject:
    """Whom a certificate is for: a client's user and groups (CN and O), a server's names and addresses."""

    name: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    purposes: tuple[str, ...] = (CLIENT,)


@dataclass(frozen=True)
class Authority:
    """A certificate that signs, with its key."""

    certificate: x509.Certificate
    key: Key


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key: ECDSA on P-256, which every component takes."""
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(name: str, key: Key, days: int = AUTHORITY_DAYS) -> Authority:
    """Make an authority of a key, which signs leaves and no other authorities. Raises UnfitError."""
    builder = _own(name, key, days).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def describe_key(name: str, key: Key, days: int = AUTHORITY_DAYS) -> x509.Certificate:
    """Make a certificate that a key gives itself, for those who know keys by certificates. Raises UnfitError."""
    return _own(name, key, days).sign(key, hashes.SHA256())


def sign(authority: Authority, public: PublicKey, subject: Subject, days: int = LEAF_DAYS) -> x509.Certificate:
    """Sign a certificate for a key. Raises UnfitError for what isn't fit."""
    _refuse(unfit(authority.certificate, public, subject, days))
    builder = _builder(_name(subject), authority.certificate.subject, public, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    purposes = [_PURPOSES[one] for one in subject.purposes]
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    if subject.hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in subject.hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def unfit(authority: x509.Certificate, public: object, subject: Subject, days: int) -> Iterator[str]:
    """Give each reason for which a certificate isn't signed."""
    yield from unfit_key(public)
    if SERVER in subject.purposes and not subject.hosts:
        yield f"{subject.name} is a server's, and names no host (no SAN)"
    end = datetime.now(UTC) + timedelta(days=days)
    if end > authority.not_valid_after_utc:
        ends = authority.not_valid_after_utc.strftime("%Y-%m-%d")
        yield f"{subject.name} would hold for {days} days, and its authority ends on {ends}"


def unfit_key(public: object) -> Iterator[str]:
    """Say why a public key is too weak."""
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size < LEAST_RSA_BITS:
            yield f"its key is RSA of {public.key_size} bits, and {LEAST_RSA_BITS} are the least"
    elif not isinstance(public, ec.EllipticCurvePublicKey):
        yield "its key is neither ECDSA nor RSA"
    elif public.key_size < _LEAST_EC_BITS:
        yield f"its key is ECDSA of {public.key_size} bits, and {_LEAST_EC_BITS} are the least"


def subject_of(certificate: x509.Certificate) -> Subject:
    """Give whom a certificate is for, as `sign` takes it."""
    names, purposes = (
        _extension(certificate, x509.SubjectAlternativeName),
        _extension(certificate, x509.ExtendedKeyUsage),
    )
    oids = set(purposes or ())
    return Subject(
        name=_values(certificate, NameOID.COMMON_NAME)[0],
        groups=_values(certificate, NameOID.ORGANIZATION_NAME),
        hosts=tuple(str(one.value) for one in names or ()),
        purposes=tuple(name for name, oid in _PURPOSES.items() if oid in oids),
    )


def to_pem(certificate: x509.Certificate) -> bytes:
    """Write a certificate."""
    return certificate.public_bytes(Encoding.PEM)


def key_to_pem(key: Key) -> bytes:
    """Write a private key, in clear: into a file of mode 0600."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(public: PublicKey) -> str:
    """Write a public key."""
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def load_key(pem: bytes) -> Key:
    """Read a private key. Raises ValueError for what isn't an EC or RSA key in clear."""
    try:
        key = _load(pem, password=None)
    except TypeError as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("it is no EC or RSA key")
    return key


def _refuse(reasons: Iterator[str]) -> None:
    if said := "; ".join(reasons):
        raise UnfitError(said)


def _own(name: str, key: Key, days: int) -> x509.CertificateBuilder:
    _refuse(unfit_key(key.public_key()))
    subject = _name(Subject(name))
    return _builder(subject, subject, key.public_key(), days)


def _builder(subject: x509.Name, issuer: x509.Name, public: PublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(subject: Subject) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, word) for word in subject.groups]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, subject.name)])


def _values(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(one.value) for one in certificate.subject.get_attributes_for_oid(oid))


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


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
