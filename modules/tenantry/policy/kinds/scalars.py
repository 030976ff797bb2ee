"""Values of one field: read as the API server's decoder reads them, written as it would write them.

A reader gives the value, or raises ValueError with what it should have been.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from tenantry.policy.cel.library.quantity import write_quantity, write_resource

_INT32, _INT64 = 1 << 31, 1 << 63
Reader = Callable[[object], object]


def _read_integer(value: object, bound: int) -> int:
    if type(value) is not int:
        raise ValueError("must be a whole number")
    if not -bound <= value < bound:
        raise ValueError("is out of range")
    return value


def read_text(value: object) -> str:
    """A text; numbers and booleans aren't turned into one."""
    if type(value) is not str:
        raise ValueError("must be a text")
    return value


def read_boolean(value: object) -> bool:
    """A boolean; `"true"` isn't one."""
    if type(value) is not bool:
        raise ValueError("must be a boolean")
    return value


def read_int32(value: object) -> int:
    """A whole number of 32 bits."""
    return _read_integer(value, _INT32)


def read_int64(value: object) -> int:
    """A whole number of 64 bits."""
    return _read_integer(value, _INT64)


def read_double(value: object) -> float:
    """A number."""
    if type(value) not in (int, float):
        raise ValueError("must be a number")
    return float(value)  # type: ignore[arg-type]


def read_quantity(value: object) -> str:
    """A quantity in its canonical form; numbers are taken too."""
    return _write_quantity(_read_number(value))


def read_resource(value: object) -> str:
    """A quantity of a list of resources: nothing finer than a thousandth."""
    return _write_resource(_read_number(value))


def _read_number(value: object) -> str:
    if type(value) is int or (type(value) is float and value.is_integer()):
        value = str(int(value))
    elif type(value) is float:
        value = repr(value)
    if type(value) is not str:
        raise ValueError("must be a quantity")
    return value.strip()


# The same few stand in most objects.
_write_quantity = lru_cache(maxsize=4096)(write_quantity)
_write_resource = lru_cache(maxsize=4096)(write_resource)


def read_int_or_text(value: object) -> object:
    """A port or a percentage."""
    return value if type(value) is str else _read_integer(value, _INT32)


_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _read_instant(value: object) -> tuple[datetime, str]:
    match = _TIME.fullmatch(value) if type(value) is str else None
    if match is None:
        raise ValueError("must be a time, such as 2026-01-31T12:00:00Z")
    instant = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC)
    return instant, (match[2] or "")[1:]


def read_time(value: object) -> str:
    """A time, in UTC and whole seconds."""
    return _read_instant(value)[0].strftime("%Y-%m-%dT%H:%M:%SZ")


def read_micro_time(value: object) -> str:
    """A time, in UTC and microseconds."""
    instant, fraction = _read_instant(value)
    if len(fraction) != 6:
        raise ValueError("must be a time with six digits after the seconds, such as 2026-01-31T12:00:00.000000Z")
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def read_bytes(value: object) -> str:
    """Base64, written anew; or a list of bytes, which the server's decoder takes, too."""
    if isinstance(value, list):
        numbers = [0 if one is None else _read_integer(one, _INT32) for one in value]
        if not all(0 <= one < 256 for one in numbers):
            raise ValueError("is out of range")
        return base64.b64encode(bytes(numbers)).decode()
    try:
        raw = base64.b64decode(read_text(value).replace("\n", "").replace("\r", ""), validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None
    return base64.b64encode(raw).decode()


SCALARS: dict[str, tuple[Reader, object]] = {
    "string": (read_text, ""),
    "bool": (read_boolean, False),
    "int32": (read_int32, 0),
    "int64": (read_int64, 0),
    "double": (read_double, 0.0),
    "quantity": (read_quantity, "0"),
    "resource": (read_resource, "0"),
    "intOrString": (read_int_or_text, 0),
    "time": (read_time, None),
    "microTime": (read_micro_time, None),
    "duration": (read_text, "0s"),
    "bytes": (read_bytes, None),
    "any": (lambda value: value, None),
}
"""How each kind of field is read, and what it is where it's absent and must be there."""
