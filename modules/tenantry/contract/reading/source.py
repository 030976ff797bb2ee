"""Gives the text of a file that others wrote: regular, inside its tree, of bounded size, in UTF-8; or a problem."""

import os
import stat
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from tenantry.contract.reading.document import printable
from tenantry.problems import InputError, Problem, problem

MAX_BYTES = 1 << 20
"""The largest file that is read. The largest real request is under 20 KiB; a file may hold many of them."""
_MOST_NEIGHBOURS = 2000
"""How many names of a folder are looked through for the one that was meant."""


def read_source(path: Path, root: Path | None = None) -> str:
    """Read a file's text. Where `root` is given, a file that a link leads out of it is refused. Raises InputError."""
    file = file_name(path)
    if root is not None and (away := leads_out(path, root)):
        what = f"a link leads out of {file_name(root)}, to {file_name(away)}"
        raise InputError(problem("TEN-102", what, "put the file itself there", file=file))
    try:
        content = read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise InputError(_unreadable(path, error)) from None
    if len(content) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES >> 20} MiB"
        raise InputError(problem("TEN-101", what, "split it; one file a tenant reads best", file=file))
    return _decode(content, file)


def refuse_unreadable(path: Path) -> None:
    """Refuse a path that leads to no file, or to one that can't be read. Raises InputError (TEN-100)."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(_unreadable(path, error)) from None


def file_name(path: Path) -> str:
    """Give a path as it is shown: always text on one line, also where the name's bytes aren't."""
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))


def leads_out(path: Path, root: Path) -> Path | None:
    """Give where a path really is, if that isn't below a folder."""
    # os.path's function, for a Path's own gives up on links that go round in circles.
    real = Path(os.path.realpath(path))
    return None if real.is_relative_to(os.path.realpath(root)) else real


def read_bytes(path: Path, most: int) -> bytes:
    """Read a regular file; of one that is larger than `most`, one byte more. Raises InputError, and OSError."""
    # Looked at before it is opened, for merely opening some devices does something.
    _refuse_irregular(path, path.stat().st_mode)
    # Not blocking, so that a pipe that has just taken the file's place isn't waited for.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _refuse_irregular(path, os.fstat(handle).st_mode)
        with os.fdopen(handle, "rb", closefd=False) as source:
            return source.read(most + 1)
    finally:
        os.close(handle)


def _refuse_irregular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    what, fix = "this isn't a regular file", "name a YAML file"
    if stat.S_ISDIR(mode):
        what, fix = (
            "this is a link to a folder, and those aren't followed",
            "name the folder itself, or remove the link",
        )
    raise InputError(problem("TEN-100", what, fix, file=file_name(path)))


def _unreadable(path: Path, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return _absent(path)
    what = f"the file can't be read: {error.strerror or error}"
    return problem("TEN-100", what, "check its name and its permissions", file=file_name(path))


def _absent(path: Path) -> Problem:
    file = file_name(path)
    if path.is_symlink():
        return problem("TEN-100", "this is a link to a file that isn't there", "correct it, or remove it", file=file)
    meant = _nearest(path)
    fix = f"name {file_name(meant)}, if that was meant" if meant else "check its name"
    return problem("TEN-100", "there is no such file", fix, file=file)


def _nearest(path: Path) -> Path | None:
    """Give a name that is there and much like the first part of a path that isn't."""
    gone = next((part for part in reversed((path, *path.parents)) if not part.exists()), path)
    try:
        with os.scandir(gone.parent) as entries:
            names = [entry.name for entry in islice(entries, _MOST_NEIGHBOURS)]
    except OSError:
        return None
    close = get_close_matches(gone.name, names, 1, 0.6)
    return gone.with_name(close[0]) if close else None


def _decode(content: bytes, file: str) -> str:
    fix = "save it as UTF-8 text"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(problem("TEN-103", "the file is UTF-16 or UTF-32, not UTF-8", fix, file=file))
    if b"\0" in content:
        raise InputError(problem("TEN-103", "the file is binary, or not UTF-8", fix, file=file))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        what = f"byte {content[error.start]:#04x} isn't UTF-8"
        raise InputError(problem("TEN-103", what, fix, file=file, line=line, column=column)) from None
