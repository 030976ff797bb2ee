"""A site's authorities, on the machine that tenantry runs on: made once, and never overwritten.

An authority is two files of mode 0600 in the site's folder of the state: `<name>-ca.crt` and `<name>-ca.key`. A key of
one never leaves that folder.
"""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography import x509
from filelock import FileLock

from tenantry.certificates import (
    Authority,
    key_to_pem,
    load_key,
    new_authority,
    new_key,
    to_pem,
    unfit_key,
)
from tenantry.files import write_atomic

AUTHORITIES = ("etcd", "kubernetes", "front-proxy", "object-store")
"""One authority a purpose, as kubeadm splits them: a client of Kubernetes is none of etcd."""

Reason = Mapping[str, str]
"""Why a host is refused: key, value, what and fix."""


def reason(key: str, value: str, what: str, fix: str) -> Reason:
    """Make one reason to refuse a host."""
    return {"key": key, "value": value, "what": what, "fix": fix}


def certificate_file(folder: Path, name: str) -> Path:
    """Return where an authority's certificate lies."""
    return folder / f"{name}-ca.crt"


def key_file(folder: Path, name: str) -> Path:
    """Return where an authority's key lies."""
    return folder / f"{name}-ca.key"


def certificate_of(folder: Path, name: str) -> x509.Certificate | None:
    """Read an authority's certificate; `None` where there is none yet. Raises ValueError where the file isn't one."""
    file = certificate_file(folder, name)
    return x509.load_pem_x509_certificate(file.read_bytes()) if file.is_file() else None


def load_authority(folder: Path, name: str) -> Authority:
    """Read an authority that is there. Raises OSError or ValueError where it can't be read."""
    certificate = x509.load_pem_x509_certificate(certificate_file(folder, name).read_bytes())
    return Authority(certificate, load_key(key_file(folder, name).read_bytes()))


def ensure_authorities(folder: Path, site: str, days: int) -> list[str]:
    """Make what is missing of a site's authorities; name those that were made.

    A key that was left without its certificate, by a run that was killed, becomes the authority that it was made for.
    """
    made = []
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder / "lock"):
        for name in AUTHORITIES:
            if not certificate_file(folder, name).exists():
                kept = key_file(folder, name)
                if not kept.exists():
                    write_atomic(kept, key_to_pem(new_key()))
                authority = new_authority(f"tenantry {site} {name}", load_key(kept.read_bytes()), days)
                write_atomic(certificate_file(folder, name), to_pem(authority.certificate))
                made.append(name)
    return made


def refuse_authorities(folder: Path, at_host: Mapping[str, str | None]) -> Iterator[Reason]:
    """Refuse an authority that can't be used, and one that would take the place of another on a host.

    `at_host` has the certificates that a host trusts, by the authority's name, `None` where it has none.
    """
    for name in AUTHORITIES:
        file = certificate_file(folder, name)
        try:
            yield from _refuse_own(folder, name)
            ours = certificate_of(folder, name)
        except (OSError, ValueError) as error:
            yield reason(f"{name}-ca", str(file), f"the authority can't be read: {error}", "restore its files")
            continue
        theirs = at_host.get(name)
        if theirs is not None and (ours is None or theirs.encode() != to_pem(ours)):
            what = (
                f"the host trusts another authority, and {'none is here' if ours is None else 'this one is here'}; "
                "no authority is overwritten"
            )
            fix = f"restore {name}-ca.crt and {name}-ca.key of the site, or remove the host's if nothing uses it"
            yield reason(f"{name}-ca", str(file), what, fix)


def _refuse_own(folder: Path, name: str) -> Iterator[Reason]:
    certificate = certificate_of(folder, name)
    if certificate is None:
        return
    key = key_file(folder, name)
    if not key.is_file():
        what = "the authority's certificate is here, and its key isn't"
        yield reason(f"{name}-ca", str(key), what, "restore the key")
        return
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o077:
        yield reason(f"{name}-ca", str(key), f"others may read the authority's key ({mode:04o})", f"chmod 600 {key}")
    public = load_key(key.read_bytes()).public_key()
    if public != certificate.public_key():
        yield reason(f"{name}-ca", str(key), "the key isn't the certificate's", "restore the one that belongs to it")
    for weak in unfit_key(public):
        yield reason(f"{name}-ca", str(key), f"the authority is weak: {weak}", "make an authority with a stronger key")
