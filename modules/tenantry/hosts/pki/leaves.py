"""Certificates that hosts have: what is wanted of one, and why one that is there is to be made anew."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from tenantry.certificates import (
    Authority,
    PublicKey,
    Subject,
    public_pem,
    sign,
    subject_of,
    to_pem,
    unfit,
    unfit_key,
)
from tenantry.hosts.pki.authorities import Reason, certificate_of, load_authority, reason

KEY_RIGHTS = "0600 root:root"


@dataclass(frozen=True)
class Leaf:
    """A certificate that a host is to have, and the authority that signs it."""

    name: str
    authority: str
    subject: Subject


@dataclass(frozen=True)
class Seen:
    """What a host has of a certificate: its text, the key's public half, and the rights of the key's file."""

    certificate: str | None
    public: str | None
    rights: str | None


def to_leaf(data: Mapping[str, Any]) -> Leaf:
    """Make a leaf of what the role's settings say of it."""
    # A name that is there twice, such as a host called localhost, is there once.
    names = tuple(dict.fromkeys(data.get("names") or ()))
    subject = Subject(data["subject"], tuple(data.get("groups") or ()), names, tuple(sorted(data["purposes"])))
    return Leaf(data["name"], data["authority"], subject)


def find_changes(
    leaves: Iterable[Leaf], seen: Mapping[str, Seen], folder: Path, renew_days: int
) -> Iterator[tuple[str, Leaf]]:
    """Give each certificate that is to be made, and why."""
    for leaf in leaves:
        said = why_anew(leaf, seen[leaf.name], certificate_of(folder, leaf.authority), renew_days)
        if said:
            yield said, leaf


def why_anew(leaf: Leaf, seen: Seen, authority: x509.Certificate | None, renew_days: int) -> str:
    """Say why a certificate is to be made anew, its key with it; nothing where it is as asked."""
    if seen.certificate is None:
        return f"certificate {leaf.name} is missing"
    if seen.public is None:
        return f"key {leaf.name} is missing"
    if seen.rights != KEY_RIGHTS:
        return f"key {leaf.name} has other rights than {KEY_RIGHTS}"
    try:
        certificate = x509.load_pem_x509_certificate(seen.certificate.encode())
        return next(_differences(leaf, certificate, seen.public, authority, renew_days), "")
    except (ValueError, IndexError):
        return f"certificate {leaf.name} can't be read"


def _differences(
    leaf: Leaf, certificate: x509.Certificate, public: str, authority: x509.Certificate | None, renew_days: int
) -> Iterator[str]:
    called = f"certificate {leaf.name}"
    if public_pem(_public(certificate)) != public:
        yield f"{called} isn't its key's"
    for weak in unfit_key(certificate.public_key()):
        yield f"{called} is weak: {weak}"
    if authority is None or not _signed_by(certificate, authority):
        yield f"{called} isn't signed by the site's authority {leaf.authority}"
    has = subject_of(certificate)
    if sorted(has.hosts) != sorted(leaf.subject.hosts):
        yield f"{called} is for {', '.join(has.hosts) or 'no host'}, not for {', '.join(leaf.subject.hosts) or 'none'}"
    if (has.name, has.groups, sorted(has.purposes)) != (leaf.subject.name, leaf.subject.groups, _purposes(leaf)):
        yield f"{called} is of {has.name}, for {' and '.join(has.purposes)}"
    ends = certificate.not_valid_after_utc
    if ends < datetime.now(UTC) + timedelta(days=renew_days):
        yield f"{called} ends on {ends:%Y-%m-%d}"


def _purposes(leaf: Leaf) -> list[str]:
    return sorted(leaf.subject.purposes)


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def refuse_leaves(leaves: Iterable[Leaf], folder: Path, days: int) -> Iterator[Reason]:
    """Refuse what is to be made and wouldn't be fit, before any key is made for it."""
    for leaf in leaves:
        authority = certificate_of(folder, leaf.authority)
        if authority is not None:
            for said in unfit(authority, authority.public_key(), leaf.subject, days):
                fix = "lower pki_leaf_days, or name the hosts it is for; an authority that ends is replaced by hand"
                yield reason(f"certificate {leaf.name}", f"{days} days", said, fix)


def sign_request(leaf: Leaf, request: str, folder: Path, days: int) -> str:
    """Sign what a host asks for. Its request proves that it has the key; whom it is for is ours to say.

    Raises ValueError where it proves nothing, and UnfitError for a weak key.
    """
    asked = x509.load_pem_x509_csr(request.encode())
    if not asked.is_signature_valid:
        raise ValueError(f"the request for {leaf.name} isn't signed by its own key")
    authority: Authority = load_authority(folder, leaf.authority)
    return to_pem(sign(authority, _public(asked), leaf.subject, days)).decode()


def _public(holder: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey:
    # Another kind of key is refused as weak, before it is used.
    return holder.public_key()  # type: ignore[return-value]
