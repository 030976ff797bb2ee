"""Files that are either the old one or the new one, never half of either; and what they are by their digests."""

import hashlib
import os
import tempfile
from pathlib import Path

from tenantry.problems import Problem, problem


def write_atomic(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file in one step, after its bytes are on the disk; a full disk leaves the old file as it was.

    Raises OSError where the folder can't be made or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            # What it was about: a failed write alone doesn't say.
            error.filename = str(path)
        raise


def file_digest(path: Path) -> str:
    """Give a file's SHA-256, in hexadecimal. Raises OSError."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def file_problem(error: OSError) -> Problem:
    """Say that a file can't be read or written (TEN-513): a full disk, a right that lacks, a folder that is gone."""
    what = f"a file can't be read or written: {error.strerror or error}"
    fix = "mend the cause, or set TENANTRY_STATE to a folder with room; then run again to finish what is half done"
    return problem("TEN-513", what, fix, file=str(error.filename or ""))
