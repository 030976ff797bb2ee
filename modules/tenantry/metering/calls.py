"""One request that a store answered, as its access log tells of it, whichever store wrote it."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from urllib.parse import parse_qs, unquote

_READS = ("REST.GET.", "REST.HEAD.", "s3_Get", "s3_Head", "s3_List", "GET ", "HEAD ")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `key` is the object's; of a listing it is the prefix that was asked for.

    `requester` is the name of a user or a role, or what else the store calls who asked; where `by_key`, that may be the
    id of an access key. `sent` and `received` are the object's bytes, or the answer's; where the log doesn't tell how
    many they were, it isn't `sized`, and they are 0.
    """

    id: str
    day: date
    requester: str
    by_key: bool
    bucket: str
    key: str
    operation: str
    status: int
    sent: int
    received: int
    sized: bool = True

    @property
    def reads(self) -> bool:
        """Whether it reads objects, or lists them, as far as its operation's name tells."""
        return self.operation.startswith(_READS)

    @property
    def refused(self) -> bool:
        """Whether the store refused who asked."""
        return self.status in (401, 403)


_ARN = re.compile(r"arn:[^:]*:(?:iam|sts)::[^:]*:(user|assumed-role)/(.+)")


def name_requester(text: str) -> str:
    """Give the name of the user or role that an ARN names; what is no such ARN, as it is.

    Source: AWS IAM identifiers; of an assumed role the last part is the session's name.
    """
    found = _ARN.fullmatch(text)
    if found is None:
        return text
    parts = found[2].split("/")
    return parts[-1] if found[1] == "user" or len(parts) == 1 else parts[-2]


def asked_prefix(query: str) -> str:
    """Give the prefix that a listing asked for, by the query of its address."""
    return parse_qs(query, errors="replace").get("prefix", [""])[0] if "prefix=" in query else ""


def object_key(path: str, bucket: str) -> str:
    """Give the key of an address's path, `/bucket/key` or, where the host names the bucket, `/key`."""
    whole = unquote(path, errors="replace").removeprefix("/")
    return "" if whole == bucket else whole.removeprefix(f"{bucket}/")


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_of(stamp: str) -> date:
    """Give the day in UTC of `06/Feb/2026:00:00:38 +0000`; months may be written out. Raises ValueError."""
    return _whole_day(stamp[:-15]) if stamp.endswith("+0000") else _day_elsewhere(stamp)


@cache
def _whole_day(text: str) -> date:
    day, month, year = text.split("/")
    return date(int(year), _MONTHS.index(month[:3]) + 1, int(day))


def _day_elsewhere(stamp: str) -> date:
    day = _whole_day(stamp[:-15])
    moment = datetime.strptime(f"{day.isoformat()}{stamp[-15:]}", "%Y-%m-%d:%H:%M:%S %z")
    return moment.astimezone(UTC).date()
