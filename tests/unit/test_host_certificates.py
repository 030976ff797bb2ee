"""Certificates of hosts: what is signed, what never is, and when one is made anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tenantry.certificates import Subject, UnfitError, key_to_pem, new_authority, new_key, public_pem, sign, to_pem
from tenantry.hosts.pki import tokens
from tenantry.hosts.pki.authorities import AUTHORITIES, ensure_authorities, load_authority, refuse_authorities
from tenantry.hosts.pki.leaves import KEY_RIGHTS, Leaf, Seen, refuse_leaves, sign_request, why_anew

SERVER = Subject("etcd-1", (), ("etcd-1", "10.20.0.1"), ("client", "server"))
LEAF = Leaf("etcd", "etcd", SERVER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ensure_authorities(tmp_path / "pki", "onprem", 3650)
    return tmp_path / "pki"


def seen(folder: Path, subject: Subject = SERVER, days: int = 397, authority: str = "etcd") -> Seen:
    """Give what a host has whose certificate was signed so."""
    key = new_key()
    certificate = sign(load_authority(folder, authority), key.public_key(), subject, days)
    return Seen(to_pem(certificate).decode(), public_pem(key.public_key()), KEY_RIGHTS)


def why(folder: Path, there: Seen, renew_days: int = 90) -> str:
    return why_anew(LEAF, there, load_authority(folder, "etcd").certificate, renew_days)


def test_authorities_are_made_once_and_their_keys_are_for_their_owner_alone(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert ensure_authorities(folder, "onprem", 30) == []
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert {oct(file.stat().st_mode & 0o777) for file in folder.glob("*.key")} == {"0o600"}
    names = {load_authority(folder, name).certificate.subject.rfc4514_string() for name in AUTHORITIES}
    assert names == {f"CN=tenantry onprem {name}" for name in AUTHORITIES}


def test_a_key_that_was_left_without_its_certificate_becomes_the_authority(folder: Path) -> None:
    (folder / "etcd-ca.crt").unlink()
    key = (folder / "etcd-ca.key").read_bytes()
    assert ensure_authorities(folder, "onprem", 3650) == ["etcd"]
    assert (folder / "etcd-ca.key").read_bytes() == key


@pytest.mark.parametrize(
    ("key", "subject", "days", "said"),
    [
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), SERVER, 397, "RSA of 2048 bits, and 3072"),
        (ec.generate_private_key(ec.SECP224R1()), SERVER, 397, "ECDSA of 224 bits"),
        (ed25519.Ed25519PrivateKey.generate(), SERVER, 397, "neither ECDSA nor RSA"),
        (new_key(), Subject("etcd-1", (), (), ("server",)), 397, "names no host (no SAN)"),
        (new_key(), SERVER, 3651, "would hold for 3651 days, and its authority ends on"),
    ],
)
def test_what_is_not_fit_is_never_signed(
    key: ec.EllipticCurvePrivateKey, subject: Subject, days: int, said: str, folder: Path
) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "etcd")])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm)
    pem = request.public_bytes(Encoding.PEM).decode()
    with pytest.raises(UnfitError) as refused:
        sign_request(Leaf("etcd", "etcd", subject), pem, folder, days)
    assert said in str(refused.value)


def test_whom_a_certificate_is_for_is_not_the_requests_to_say(folder: Path) -> None:
    masters = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "system:masters"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "admin"),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(masters).sign(new_key(), hashes.SHA256())
    signed = x509.load_pem_x509_certificate(
        sign_request(LEAF, request.public_bytes(Encoding.PEM).decode(), folder, 30).encode()
    )
    assert signed.subject.rfc4514_string() == "CN=etcd-1"


def test_a_request_that_its_key_did_not_sign_is_not_signed(folder: Path) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "etcd")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(new_key(), hashes.SHA256())
    forged = bytearray(request.public_bytes(Encoding.DER))
    forged[-1] ^= 1
    pem = x509.load_der_x509_csr(bytes(forged)).public_bytes(Encoding.PEM).decode()
    with pytest.raises(ValueError, match="isn't signed by its own key"):
        sign_request(LEAF, pem, folder, 30)


def test_a_certificate_is_as_asked_until_it_ends_soon(folder: Path) -> None:
    assert why(folder, seen(folder)) == ""
    ends = datetime.now(UTC) + timedelta(days=60)
    assert why(folder, seen(folder, days=60)) == f"certificate etcd ends on {ends:%Y-%m-%d}"


def test_what_is_not_as_asked_is_made_anew(folder: Path) -> None:
    good = seen(folder)
    assert why(folder, Seen(None, None, None)) == "certificate etcd is missing"
    assert why(folder, Seen(good.certificate, None, None)) == "key etcd is missing"
    assert why(folder, Seen(good.certificate, good.public, "0644 root:root")).startswith("key etcd has other rights")
    assert why(folder, Seen(good.certificate, seen(folder).public, KEY_RIGHTS)) == "certificate etcd isn't its key's"
    assert why(folder, Seen("nonsense", good.public, KEY_RIGHTS)) == "certificate etcd can't be read"
    other = Subject("etcd-1", (), ("etcd-1", "10.20.0.9"), ("client", "server"))
    moved = "certificate etcd is for etcd-1, 10.20.0.9, not for etcd-1, 10.20.0.1"
    assert why(folder, seen(folder, other)) == moved
    masters = Subject("etcd-1", ("system:masters",), SERVER.hosts, ("client", "server"))
    assert why(folder, seen(folder, masters)) == "certificate etcd is of etcd-1, for client and server"
    foreign = "certificate etcd isn't signed by the site's authority etcd"
    assert why(folder, seen(folder, authority="kubernetes")) == foreign


def refusals(folder: Path, at_host: dict[str, str | None]) -> list[str]:
    return [f"{one['key']}: {one['what']}" for one in refuse_authorities(folder, at_host)]


def test_no_authority_takes_the_place_of_another(folder: Path, tmp_path: Path) -> None:
    ours = {name: to_pem(load_authority(folder, name).certificate).decode() for name in AUTHORITIES}
    assert refusals(folder, dict(ours)) == refusals(folder, dict.fromkeys(AUTHORITIES)) == []
    other = to_pem(new_authority("other", new_key()).certificate).decode()
    (said,) = refusals(folder, {**ours, "etcd": other})
    assert said.startswith("etcd-ca: the host trusts another authority, and this one is here")
    assert len(refusals(tmp_path / "lost", dict(ours))) == len(AUTHORITIES)


def test_an_authority_that_is_not_fit_is_refused(folder: Path) -> None:
    (folder / "etcd-ca.key").chmod(0o644)
    (folder / "kubernetes-ca.key").unlink()
    (folder / "front-proxy-ca.key").write_bytes(key_to_pem(new_key()))
    (folder / "front-proxy-ca.key").chmod(0o600)
    said = refusals(folder, {})
    assert ["others may read" in said[0], "its key isn't" in said[1], "isn't the certificate's" in said[2]] == [
        True
    ] * 3
    (folder / "etcd-ca.crt").write_text("nonsense")
    assert "etcd-ca: the authority can't be read" in refusals(folder, {})[0]


def test_a_certificate_that_would_outlive_its_authority_is_refused_before_its_key_is_made(tmp_path: Path) -> None:
    ensure_authorities(tmp_path, "onprem", 300)
    (refused,) = refuse_leaves([LEAF], tmp_path, 397)
    assert "would hold for 397 days, and its authority ends on" in refused["what"]
    assert list(refuse_leaves([LEAF], tmp_path, 299)) == []


def test_tokens_are_known_by_the_keys_of_all_hosts(tmp_path: Path) -> None:
    tokens.keep_token(tmp_path, "host-2", "two\n")
    tokens.keep_token(tmp_path, "host-9", "gone\n")
    assert tokens.all_tokens(tmp_path, ["host-1", "host-2"]) == "# to be made\ntwo\ngone\n"
