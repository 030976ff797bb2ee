"""Makes the bundle of an inventory: what its roles ask for, fetched, listed, signed and written as one archive."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenantry import __version__
from tenantry.contract.model import Inventory
from tenantry.hosts.bundle.apt import Archive, Progress
from tenantry.hosts.bundle.archive import extract, file_digests, write_archive
from tenantry.hosts.bundle.debian import Fetched, Package, SecurityIndex, fetch_packages
from tenantry.hosts.bundle.manifest import (
    INDEX,
    SBOM,
    UPDATES,
    Artefact,
    ArtefactKind,
    Asked,
    BundleName,
    BundleSpec,
    Manifest,
    System,
    write_manifest,
)
from tenantry.hosts.bundle.sbom import to_cyclonedx
from tenantry.hosts.bundle.signing import fingerprint, fingerprint_of_key, sign
from tenantry.hosts.running import ask_needs
from tenantry.interrupts import term_raises
from tenantry.problems import InputError, problem
from tenantry.toolchain import component_of, find

COLLECTOR = f"tenantry {__version__}"
_FORM = "1.6"


@dataclass(frozen=True, slots=True)
class Needs:
    """What the hosts of an inventory need, and where its packages are fetched from."""

    asked: Asked
    archives: tuple[Archive, ...]
    suites: tuple[str, ...]
    keyrings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that is there now, `written` just now or found as it should be; `sha256` is of the whole file."""

    file: Path
    manifest: Manifest
    signer: str
    sha256: str
    written: bool


def signers_of(inventory: Inventory) -> tuple[str, ...]:
    """Give the keys that may sign an inventory's bundle. Raises InputError (TEN-780) where it names none."""
    if inventory.spec.bundle is None:
        what = f"the inventory {inventory.metadata.name} names nobody who signs its bundle"
        raise InputError(
            problem("TEN-780", what, "add bundle.signers, a list of public keys of OpenSSH's, to its spec")
        )
    return inventory.spec.bundle.signers


def check_key(inventory: Inventory, key: Path) -> None:
    """Refuse a signing key that the inventory's hosts wouldn't trust. Raises InputError (TEN-780, TEN-781)."""
    mine, known = fingerprint_of_key(key), [fingerprint(one) for one in signers_of(inventory)]
    if mine not in known:
        what = f"the signing key is {mine}, and the inventory's signers are {', '.join(known)}"
        fix = "sign with one of these, or add its public key to bundle.signers"
        raise InputError(problem("TEN-781", what, fix, file=str(key)))


def needs_of(inventory: Inventory) -> Needs:
    """Ask the roles what they need on each host, and give all of it. Raises UnreachableError (TEN-725)."""
    told = ask_needs(inventory)

    def every(name: str) -> list[Any]:
        return list({repr(one): one for needs in told for one in needs[name]}.values())

    archives = [Archive(one["uri"], tuple(one["suites"]), tuple(one["components"])) for one in every("sources")]
    keyrings = tuple(sorted({needs["keyring"] for needs in told}))
    asked = Asked(tuple(sorted(every("packages"))), tuple(sorted(every("binaries"))))
    return Needs(asked, tuple(archives), tuple(every("suites")), keyrings)


def collect(
    inventory: Inventory, needs: Needs, binaries: Mapping[str, Path], *, output: Path, key: Path, progress: Progress
) -> Bundle:
    """Fetch, list, sign and write. A bundle that is there already and has the same content and signer stays as it is.

    Raises InputError (TEN-781, TEN-785, TEN-787), UnreachableError (TEN-786), and OSError where it can't be written.
    """
    fetched = fetch_packages(needs.asked.packages, needs.archives, needs.suites, needs.keyrings, progress)
    progress("computing digests", 0, 0)
    with term_raises(), tempfile.TemporaryDirectory(prefix="tenantry-bundle-") as folder:
        files = _files(inventory, fetched, binaries, Path(folder))
        spec = BundleSpec(
            site=inventory.spec.site,
            collector=COLLECTOR,
            system=fetched.system,
            needs=needs.asked,
            sources=fetched.sources,
            artefacts=tuple(artefact for artefact, _ in files),
        )
        manifest = Manifest(BundleName(inventory.metadata.name), spec)
        text, signer = write_manifest(manifest), fingerprint_of_key(key)
        written = not _is_there(output, text, signer, signers_of(inventory))
        if written:
            progress("signing, for which your key may ask for you", 0, 0)
            signature = sign(text, key)
            progress("writing", 0, 0)
            output.parent.mkdir(parents=True, exist_ok=True)
            write_archive(output, text, signature, files)
    return Bundle(output, manifest, signer, file_digests({"": output})[""], written)


def _is_there(output: Path, text: bytes, signer: str, signers: Sequence[str]) -> bool:
    """Say whether a file is the bundle that would be written, whole."""
    try:
        head = extract(output, signers, None)
    except (InputError, OSError):
        return False
    return (head.text, head.signer) == (text, signer)


def _files(
    inventory: Inventory, fetched: Fetched, binaries: Mapping[str, Path], folder: Path
) -> list[tuple[Artefact, Path]]:
    """Give every artefact with its file, in the order of their paths; what is made here is made in `folder`."""
    parts = [(_packaged(one), one.file) for one in fetched.packages]
    digests = file_digests(binaries)
    parts += [(_built(name, file, digests[name], fetched.system), file) for name, file in binaries.items()]
    parts.sort(key=lambda part: part[0].path)
    modules = {name: component_of(name).module for name in binaries}
    listed = [artefact for artefact, _ in parts]
    sbom = to_cyclonedx(inventory.metadata.name, COLLECTOR, fetched.system, listed, modules)
    index = "\n\n".join(one.stanza for one in fetched.packages).encode() + b"\n"
    made = [(INDEX, ArtefactKind.INDEX, fetched.system.version, index), (SBOM, ArtefactKind.SBOM, _FORM, sbom)]
    if fetched.security:
        newest = max(one.date for one in fetched.security)
        lines = "".join(one.line for one in fetched.security).encode()
        made.append((f"{UPDATES}/sources.list", ArtefactKind.UPDATES, newest, lines))
    for path, kind, version, content in made:
        file = folder / Path(path).name
        file.write_bytes(content)
        parts.append((_made(path, kind, version, content, fetched.system), file))
    parts += [part for one in fetched.security for part in _telling(one, fetched.system)]
    return sorted(parts, key=lambda part: part[0].path)


def _packaged(one: Package) -> Artefact:
    return Artefact(
        kind=ArtefactKind.PACKAGE,
        name=one.name,
        version=one.version,
        architecture=one.architecture,
        path=f"debian/{one.filename}",
        size=one.size,
        sha256=one.sha256,
        origin=one.origin,
        licence=one.licence,
    )


def _built(name: str, file: Path, digest: str, system: System) -> Artefact:
    version = find(name).version
    return Artefact(
        kind=ArtefactKind.BINARY,
        name=name,
        version=version,
        architecture=system.architecture,
        path=f"bin/{name}",
        size=file.stat().st_size,
        sha256=digest,
        origin=f"{component_of(name).module} v{version}",
        licence=None,
    )


def _telling(one: SecurityIndex, system: System) -> Iterator[tuple[Artefact, Path]]:
    for name, digest in file_digests(one.files).items():
        file = one.files[name]
        artefact = Artefact(
            kind=ArtefactKind.UPDATES,
            name=name,
            version=one.date,
            architecture=system.architecture,
            path=f"{UPDATES}/lists/{name}",
            size=file.stat().st_size,
            sha256=digest,
            origin=one.uri,
            licence=None,
        )
        yield artefact, file


def _made(path: str, kind: ArtefactKind, version: str, content: bytes, system: System) -> Artefact:
    return Artefact(
        kind=kind,
        name=Path(path).name,
        version=version,
        architecture="all" if kind is ArtefactKind.SBOM else system.architecture,
        path=path,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        origin=COLLECTOR,
        licence=None,
    )
