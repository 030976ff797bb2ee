"""Lines of S3's server access log, as AWS writes it and versitygw does with `--access-log`.

Source: Amazon S3 User Guide, "Server access log format"; versitygw 1.8.0, s3log/file.go. versitygw puts nothing in
quotation marks, so that a key or a client's name may hold what looks like other fields. It names who asked by the
access key, and doesn't tell the size of a download, nor of a part of an upload.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from tenantry.metering.calls import Call, asked_prefix, day_of, name_requester, object_key

_HEAD = re.compile(r"\S+ (\S+) \[([^\]]{18,40})\] \S+ (\S+) (\S+) (\S+) (?=\S)")
"""Owner, bucket, time, address, requester, request id, operation."""
_QUOTED = re.compile(r'(\S+) "(?:\S+ (\S*)[^"]*|-)" (\d{3}|-) \S+ (\d+|-) (\d+|-) ')
"""Key, request, status, error, bytes sent, object's size."""
_BARE = re.compile(r"(?= (/\S*) (\d{3}) \S+ (\d+) (\d+) \d+ \d+ )")
"""Address, status, error, bytes sent, object's size, two durations: wherever they may begin."""
_OURS = "s3_"
"""How versitygw's operations begin."""
_UPLOADS = ("REST.PUT.OBJECT", "REST.PUT.PART", "REST.POST.OBJECT", "s3_PutObject", "s3_UploadPart")


def parse_line(line: str) -> Call | None:
    """Read a line; None where it is no line of such a log, or may be read in two ways. Raises ValueError likewise."""
    head = _HEAD.match(line)
    if head is None:
        return None
    bucket, stamp, requester, request, operation = head.groups()
    bare = operation.startswith(_OURS)
    several = list(_read_bare(line, head.end(), bucket) if bare else _read_quoted(line, head.end(), bucket))
    if len(several) != 1:
        return None
    ((key, status, sent, size),) = several
    received = size if operation in _UPLOADS else 0
    unsized = bare and 200 <= status < 300 and _is_unsized(operation, sent, size)
    return Call(
        id=request,
        day=day_of(stamp),
        requester=name_requester(requester),
        by_key=bare,
        bucket=bucket,
        key=key,
        operation=operation,
        status=status,
        sent=sent,
        received=received,
        sized=not unsized,
    )


def _is_unsized(operation: str, sent: int, size: int) -> bool:
    return (operation == "s3_GetObject" and sent == 0) or (operation == "s3_UploadPart" and size == 0)


_Rest = tuple[str, int, int, int]
"""Key, or a listing's prefix; status; bytes sent; object's size."""


def _read_quoted(line: str, start: int, bucket: str) -> Iterator[_Rest]:  # noqa: ARG001
    found = _QUOTED.match(line, start)
    if found is not None:
        key, address, status, sent, size = found.groups()
        # Keys are encoded twice in some fields; where one is decoded too far, the store let nobody below the prefix.
        name = asked_prefix((address or "").partition("?")[2]) if key == "-" else unquote(unquote(key))
        yield name, _number(status), _number(sent), _number(size)


def _read_bare(line: str, start: int, bucket: str) -> Iterator[_Rest]:
    """Give each way in which the key and the address that follow agree with each other."""
    for found in _BARE.finditer(line, start):
        key, (address, status, sent, size) = line[start : found.start()], found.groups()
        path, _, query = address.partition("?")
        if key == "-" and object_key(path, bucket) == "":
            yield asked_prefix(query), int(status), int(sent), int(size)
        elif object_key(path, bucket) == key:
            yield key, int(status), int(sent), int(size)


def _number(text: str) -> int:
    return 0 if text == "-" else int(text)
