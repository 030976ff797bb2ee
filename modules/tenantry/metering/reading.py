"""Reads access logs of any size: files, folders of them, and what was compressed with gzip; a line at a time."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from tenantry.metering.calls import Call
from tenantry.metering.opslog import parse_entry
from tenantry.metering.s3log import parse_line
from tenantry.problems import InputError, Problem, problem

LONGEST_LINE = 1 << 16
"""Bytes of the longest line that is read as one; keys have 1 KiB at most, and addresses 8 KiB."""
_GZIP = b"\x1f\x8b"
_NOTE = "log starts "
"""What versitygw begins a file with."""

Moved = Callable[[int], object]
"""Hears of how many bytes of the files were read since it heard last."""


def find_logs(paths: Iterable[Path]) -> list[Path]:
    """Give the files that paths name, each once, those of folders in order. Raises InputError (TEN-572)."""
    found: dict[Path, None] = {}
    problems: list[Problem] = []
    for path in paths:
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        if not files or not files[0].is_file():
            what = "is an empty folder" if path.is_dir() else "isn't there"
            problems.append(problem("TEN-572", f"{path} {what}", "name access logs, or folders of them"))
        found |= {file.resolve(): None for file in files}
    if problems:
        raise InputError(problems)
    return list(found)


def read_lines(file: Path, moved: Moved) -> Iterator[str | None]:
    """Give a log's lines; None for one that is too long to be one. Raises InputError where it is damaged (TEN-572)."""
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            # gzip's reader is a stream of bytes as the file itself is.
            lines = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
            before, long = 0, False
            while line := lines.readline(LONGEST_LINE):
                moved((at := raw.tell()) - before)
                before, whole = at, line.endswith(b"\n") or len(line) < LONGEST_LINE
                if whole and not long:
                    yield line.decode(errors="replace").rstrip("\r\n")
                elif whole:
                    yield None
                long = not whole
            if long:
                yield None
    except (EOFError, OSError, zlib.error) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        what, fix = f"the log can't be read to its end: {cause}", "copy it anew; nothing was counted of any log"
        raise InputError(problem("TEN-572", what, fix, file=str(file))) from error


def parse(line: str) -> Call | None:
    """Read a line of either kind of log; None where it is of none."""
    try:
        return parse_entry(line) if line.startswith("{") else parse_line(line)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def tells_of_a_call(line: str) -> bool:
    """Say whether a line is to tell of a request: it isn't empty, nor the note with which a log begins."""
    return not line.startswith(_NOTE) and line.strip(" ,[]") != ""
