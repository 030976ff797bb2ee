"""Signatures of manifests, as OpenSSH makes and verifies them (`ssh-keygen -Y`): SSHSIG, of files and hardware keys."""

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tenantry.problems import InputError, UnreachableError, problem

NAMESPACE = "bundle@tenantry.dev"
"""What is signed for: a signature for another purpose isn't one of a bundle."""
_IDENTITY = "signer"
_GOOD = re.compile(r"(SHA256:\S+)\s*$")


def fingerprint_of_key(key: Path) -> str:
    """Give the fingerprint of a private key's public half, without its passphrase. Raises InputError (TEN-781)."""
    done = _keygen("-l", "-f", str(key))
    found = re.search(rb"SHA256:\S+", done.stdout)
    if done.returncode or found is None:
        what = f"the signing key can't be read: {_said(done)}"
        fix = "name a private key of OpenSSH's, or the public one of a key that your agent holds"
        raise InputError(problem("TEN-781", what, fix, file=str(key)))
    return found[0].decode()


def fingerprint(public: str) -> str:
    """Give the fingerprint of a public key, as OpenSSH writes it."""
    blob = base64.b64decode(public.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def sign(content: bytes, key: Path) -> bytes:
    """Sign with a private key, or with the agent where `key` is a public one; OpenSSH asks for passphrase or touch.

    Raises InputError (TEN-781) where it can't.
    """
    done = _keygen("-Y", "sign", "-f", str(key), "-n", NAMESPACE, content=content)
    if done.returncode or not done.stdout:
        what = f"the bundle can't be signed: {_said(done)}"
        fix = "unlock the key, or add it to your agent and name its public half"
        raise InputError(problem("TEN-781", what, fix, file=str(key)))
    return done.stdout


def signer_of(content: bytes, signature: bytes, signers: Sequence[str], file: str) -> str:
    """Give the fingerprint of the key among `signers` that signed it. Raises InputError (TEN-782) where none did."""
    with tempfile.TemporaryDirectory(prefix="tenantry-signers-") as folder:
        allowed, kept = Path(folder, "allowed"), Path(folder, "signature")
        allowed.write_text("".join(f'{_IDENTITY} namespaces="{NAMESPACE}" {key}\n' for key in signers))
        kept.write_bytes(signature)
        words = ("-Y", "verify", "-f", str(allowed), "-I", _IDENTITY, "-n", NAMESPACE, "-s", str(kept))
        done = _keygen(*words, content=content)
    found = _GOOD.search(done.stdout.decode(errors="replace"))
    if done.returncode or found is None:
        known = ", ".join(map(fingerprint, signers))
        what = f"the bundle isn't signed, as it is, by any of the inventory's signers ({known})"
        fix = "get it anew from who signed it; or, if its signer is right, add the key to bundle.signers"
        raise InputError(problem("TEN-782", what, fix, file=file))
    return found[1]


def _keygen(*words: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    found = shutil.which("ssh-keygen")
    if found is None:
        what = "there is no ssh-keygen on this machine"
        raise UnreachableError(problem("TEN-781", what, "install OpenSSH's client, 8.9 or newer"))
    return subprocess.run([found, *words], input=content, capture_output=True, check=False)


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1].rstrip(".\r") if lines else f"ssh-keygen exited with {done.returncode}"
