"""`format`: text with clauses such as %s, %d and %f filled in, as the API server writes it.

Source: cel-go's `ext/formatting.go`, the version that Kubernetes uses. Its numbers come from a printer for English,
with commas between thousands in %f, and a power of ten in raised digits in %e.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from math import isinf, isnan
from typing import TypeGuard

_CLAUSE = re.compile(r"%(?:%|(?:\.(\d+))?([sdfebxXo]))")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PRECISION = 6
_ESCAPES = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\", '"': '"'}


def quote_text(text: str) -> str:
    """A text in double quotes, escaped."""
    return '"' + "".join(f"\\{_ESCAPES[char]}" if char in _ESCAPES else char for char in text) + '"'


def print_double(value: float) -> str:
    """A double as `string()` gives it: the shortest text that reads back the same."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    digits, _, exponent = f"{value!r}".partition("e")
    if exponent:
        return f"{digits.removesuffix('.0')}e{int(exponent):+03d}"
    plain = digits.removesuffix(".0")
    if value and not 1e-4 <= abs(value) < 1e21:
        mantissa, _, power = f"{value:e}".partition("e")
        shortest = repr(float(mantissa)).removesuffix(".0")
        return f"{shortest}e{int(power):+03d}"
    return plain


def print_duration(value: timedelta) -> str:
    """A duration in seconds, without needless zeros."""
    micros = value // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    fraction = f".{micros % 1_000_000:06d}".rstrip("0").rstrip(".")
    return f"{sign}{micros // 1_000_000}{fraction}s"


def trim_time(text: str) -> str:
    """The engine's text of a time without the zeros at the end of its fraction, as an API server writes it."""
    whole, point, fraction = text.removesuffix("Z").partition(".")
    return f"{whole}{point}{fraction}".rstrip("0").rstrip(".") + "Z" if point else text


def _print_time(value: datetime) -> str:
    moment = value.astimezone(UTC)
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _print_plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return print_double(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, timedelta):
        return print_duration(value)
    return _print_time(value) if isinstance(value, datetime) else str(value)


def _print_value(value: object) -> str:
    """What %s gives."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ", ".join(map(_print_nested, value)) + "]"
    if isinstance(value, dict):
        pairs = sorted((_print_nested(key), _print_nested(one)) for key, one in value.items())
        return "{" + ", ".join(f"{key}:{one}" for key, one in pairs) + "}"
    return _print_plain(value)


def _print_nested(value: object) -> str:
    """A value within a list or a map, written as CEL would write it."""
    if isinstance(value, str):
        return quote_text(value)
    if isinstance(value, (bytes, bytearray)):
        return "b" + quote_text(_print_plain(value))
    if isinstance(value, datetime):
        return f'timestamp("{_print_time(value)}")'
    if isinstance(value, timedelta):
        return f'duration("{print_duration(value)}")'
    return _print_fixed(value, _PRECISION) if isinstance(value, float) else _print_value(value)


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _print_decimal(value: object, _: int) -> str:
    if not _is_integer(value):
        raise ValueError("error during formatting: decimal clause can only be used on integers")
    return str(value)


def _print_fixed(value: object, precision: int) -> str:
    if not isinstance(value, float):
        raise ValueError("error during formatting: fixed-point clause can only be used on doubles")
    if isnan(value) or isinf(value):
        return "NaN" if isnan(value) else ("∞" if value > 0 else "-∞")
    exact = Decimal(value).quantize(Decimal(1).scaleb(-precision), ROUND_HALF_EVEN)
    return f"{exact:,f}"


def _print_scientific(value: object, _: int) -> str:
    if not isinstance(value, float):
        raise ValueError("error during formatting: scientific clause can only be used on doubles")
    mantissa, exponent = f"{value:.{_PRECISION}e}".split("e")
    power = int(exponent)
    raised = f"{'-' if power < 0 else ''}{abs(power):02d}".translate(_RAISED)
    return f"{mantissa}×10{raised}"


def _print_binary(value: object, _: int) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if not _is_integer(value):
        raise ValueError("error during formatting: only integers and bools can be formatted as binary")
    return f"{value:b}"


def _print_hex(value: object, _: int) -> str:
    if isinstance(value, str):
        return value.encode().hex()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if not _is_integer(value):
        raise ValueError("error during formatting: only integers, byte buffers, and strings can be formatted as hex")
    return f"{value:x}"


def _print_octal(value: object, _: int) -> str:
    if not _is_integer(value):
        raise ValueError("error during formatting: octal clause can only be used on integers")
    return f"{value:o}"


_PRINTERS: dict[str, Callable[[object, int], str]] = {
    "s": lambda value, _: _print_value(value),
    "d": _print_decimal,
    "f": _print_fixed,
    "e": _print_scientific,
    "b": _print_binary,
    "x": _print_hex,
    "X": lambda value, precision: _print_hex(value, precision).upper(),
    "o": _print_octal,
}


def split_format(text: str) -> list[tuple[str, int, str]]:
    """The clauses of a format: the text before each, its precision, and its letter (empty at the end).

    Raises:
        ValueError: A clause isn't one.
    """
    parts, literal, position = [], "", 0
    while (start := text.find("%", position)) >= 0:
        match = _CLAUSE.match(text, start)
        if match is None:
            raise ValueError(f"could not parse formatting clause: unrecognized formatting clause at {start}")
        literal += text[position:start]
        position = match.end()
        if match[2] is None:
            literal += "%"
            continue
        parts.append((literal, _PRECISION if match[1] is None else int(match[1]), match[2]))
        literal = ""
    return [*parts, (literal + text[position:], 0, "")]


def format_text(text: str, values: list[object]) -> str:
    """The text with its clauses filled in.

    Raises:
        ValueError: There are too many or too few values, or one is of the wrong kind.
    """
    parts = split_format(text)
    if len(values) != len(parts) - 1:
        few = len(values) < len(parts) - 1
        raise ValueError(f"index {len(values)} out of range" if few else "too many arguments supplied to string.format")
    written = [
        before + _PRINTERS[letter](value, size) for (before, size, letter), value in zip(parts, values, strict=False)
    ]
    return "".join(written) + parts[-1][0]
