"""The archive of a bundle: a plain tar, manifest first, whose bytes come of its content alone; verified when read."""

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tenantry.files import file_digest
from tenantry.hosts.bundle.manifest import MANIFEST, SIGNATURE, Artefact, ArtefactKind, Manifest, read_manifest
from tenantry.hosts.bundle.signing import signer_of
from tenantry.problems import InputError, Problem, problem

_PART = 1 << 20
_MOST_HEAD_BYTES = 64 << 20
_AGAIN = "get it anew from who made it, and compare its SHA-256 with theirs"


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the front of an archive: the manifest's bytes, its signature, and what it says."""

    text: bytes
    signature: bytes
    signer: str
    manifest: Manifest


def write_archive(path: Path, text: bytes, signature: bytes, files: Sequence[tuple[Artefact, Path]]) -> None:
    """Write an archive in one step: where this is cut off, or the disk is full, there is none, or the old one.

    Times are SOURCE_DATE_EPOCH's, or 1970: the same manifest, signature and files give the same bytes.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            # Links, owners and long names are written the same way by every version of Python.
            with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
                for member, content in ((MANIFEST, text), (SIGNATURE, signature)):
                    _add(tar, member, len(content), 0o644, content)
                for artefact, file in files:
                    mode = 0o755 if artefact.kind is ArtefactKind.BINARY else 0o644
                    with file.open("rb") as source:
                        _add(tar, artefact.path, artefact.size, mode, source)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _add(tar: tarfile.TarFile, name: str, size: int, mode: int, content: bytes | IO[bytes]) -> None:
    import io

    info = tarfile.TarInfo(name)
    info.size, info.mode = size, mode
    info.mtime = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else content)


def read_head(path: Path, signers: Sequence[str]) -> Head:
    """Read an archive's manifest, once its signature holds. Raises InputError (TEN-782, TEN-783)."""
    with _opened(path) as tar:
        return _head(tar, str(path), signers)


def extract(path: Path, signers: Sequence[str], folder: Path | None) -> Head:
    """Verify every file of an archive, and lay them into `folder`; with none, verify alone.

    Raises InputError: TEN-782 where no signer signed it, TEN-783 with everything that isn't as the manifest says.
    """
    with _opened(path) as tar:
        head = _head(tar, str(path), signers)
        if folder is not None:
            (folder / MANIFEST).write_bytes(head.text)
        try:
            wrong = [_damaged(str(path), what) for what in _differences(tar, head.manifest, folder)]
        except (tarfile.TarError, EOFError) as error:
            wrong = [_damaged(str(path), f"it ends too early, or isn't whole ({error})")]
    if wrong:
        raise InputError(wrong)
    return head


def _opened(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, mode="r:")
    except (tarfile.TarError, EOFError) as error:
        raise InputError(_damaged(str(path), f"it is no tar ({error})")) from error


def _head(tar: tarfile.TarFile, file: str, signers: Sequence[str]) -> Head:
    text, signature = (_first(tar, name, file) for name in (MANIFEST, SIGNATURE))
    signer = signer_of(text, signature, signers, file)
    return Head(text, signature, signer, read_manifest(text, file))


def _first(tar: tarfile.TarFile, name: str, file: str) -> bytes:
    try:
        member = tar.next()
        source = tar.extractfile(member) if member is not None else None
        if member is None or source is None or member.name != name or member.size > _MOST_HEAD_BYTES:
            raise InputError(_damaged(file, f"it has no {name} in its place"))
        return source.read()
    except (tarfile.TarError, EOFError) as error:
        raise InputError(_damaged(file, f"its {name} can't be read ({error})")) from error


def _differences(tar: tarfile.TarFile, manifest: Manifest, folder: Path | None) -> Iterator[str]:
    """Say how an archive's files aren't those of its manifest."""
    left: dict[str, Artefact] = {one.path: one for one in manifest.spec.artefacts}
    while (member := tar.next()) is not None:
        artefact = left.pop(member.name, None)
        source = tar.extractfile(member) if member.isreg() else None
        if artefact is None or source is None:
            yield f"{member.name} isn't a file of its manifest, or is there twice"
        elif _copy(source, folder / artefact.path if folder is not None else None) != artefact.sha256:
            yield f"{member.name} differs from what was signed"
    for path in left:
        yield f"{path} is missing"


def _copy(source: IO[bytes], target: Path | None) -> str:
    """Copy a file, and give its digest."""
    digest = hashlib.sha256()
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    with (target or Path(os.devnull)).open("wb") as out:
        while part := source.read(_PART):
            digest.update(part)
            out.write(part)
    return digest.hexdigest()


def _damaged(file: str, what: str) -> Problem:
    return problem("TEN-783", f"the file isn't a bundle as it was made: {what}", _AGAIN, file=file)


def file_digests(files: Mapping[str, Path]) -> dict[str, str]:
    """Give the SHA-256 of files, by their names."""
    return {name: file_digest(file) for name, file in files.items()}
