"""Kubernetes quantities, exactly: what `resource.ParseQuantity` reads, compares, adds and prints.

Source: k8s.io/apimachinery/pkg/api/resource. A quantity is a whole number times a power of ten, never finer than nano.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"([+-]?)(\d*)(?:(\.)(\d*))?([eEinumkKMGTP]*[-+]?\d*)")
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_EXPONENT = re.compile(r"[eE]([-+]?\d{1,9})")
_NANO, _MILLI = -9, -3
_MAX_INT64 = (1 << 63) - 1
# No quantity of anything has more digits; an exponent beyond is an attack on the reader's memory.
_MAX_EXPONENT = 400
_FORMAT_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_SUFFIX_ERROR = "unable to parse quantity's suffix"


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value * 10**scale`; `style` is how it's printed, `whole` whether Kubernetes keeps it as a plain integer."""

    value: int
    scale: int
    style: str = "DecimalSI"
    whole: bool = True

    @property
    def nano(self) -> int:
        """The quantity in units of a thousand-millionth."""
        return int(self.value * 10 ** (self.scale - _NANO))

    def __str__(self) -> str:
        """The canonical form: the largest suffix that leaves no fraction."""
        nano = self.nano
        if nano == 0:
            return "0"
        if self.style == "BinarySI" and abs(nano) >= 1024 * 10**9 and nano % 10**9 == 0:
            return _print_binary(nano // 10**9)
        return _print_decimal(nano, exponent=self.style == "DecimalExponent")


def _print_binary(value: int) -> str:
    suffix = ""
    for name in _BINARY:
        if value % 1024:
            break
        value, suffix = value // 1024, name
    return f"{value}{suffix}"


def _print_decimal(nano: int, *, exponent: bool) -> str:
    value, power = nano, _NANO
    while value % 1000 == 0 and (exponent or power < 18):
        value, power = value // 1000, power + 3
    if exponent:
        return f"{value}e{power}" if power else str(value)
    return f"{value}{_DECIMAL_SUFFIX[power]}"


def _interpret_suffix(suffix: str) -> tuple[int, int, str]:
    """Base, exponent and style of a suffix."""
    if suffix in _BINARY:
        return 2, _BINARY[suffix], "BinarySI"
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], "DecimalSI"
    match = _EXPONENT.fullmatch(suffix)
    if match is None:
        raise ValueError(_SUFFIX_ERROR)
    exponent = int(match[1])
    if abs(exponent) > _MAX_EXPONENT:
        raise ValueError("exponent is out of range")
    return 10, exponent, "DecimalExponent"


def parse_quantity(text: str) -> Quantity:
    """A quantity from its text.

    Raises:
        ValueError: It isn't one, in the words of the API server.
    """
    match = _NUMBER.fullmatch(text)
    if not text or match is None or not text.isascii():
        raise ValueError(_FORMAT_ERROR)
    sign, number, _, fraction, suffix = match.groups(default="")
    base, exponent, style = _interpret_suffix(suffix)
    significant = number.lstrip("0") or "0"
    built = _build_quantity(significant, fraction, (base, exponent, style))
    return negate_quantity(built) if sign == "-" else built


def write_quantity(text: str) -> str:
    """A quantity's text as a server shows it: as it was written, where that looks canonical to it.

    Raises:
        ValueError: As parse_quantity.
    """
    one = parse_quantity(text)
    return text if one.whole and _looks_canonical(text) else str(one)


def write_resource(text: str) -> str:
    """The same of a quantity in a list of resources, where nothing is finer than a thousandth."""
    one = parse_quantity(text)
    return write_quantity(text) if one.whole and one.scale >= _MILLI else str(round_up(one))


def _looks_canonical(text: str) -> bool:
    match = _NUMBER.fullmatch(text)
    assert match is not None
    _, number, _, fraction, suffix = match.groups(default="")
    _, exponent, style = _interpret_suffix(suffix)
    digits = (number.lstrip("0") or "0") + fraction
    if style == "BinarySI":
        return int(digits) % 8 != 0
    return (exponent - len(fraction)) % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _build_quantity(number: str, fraction: str, suffix: tuple[int, int, str]) -> Quantity:
    base, exponent, style = suffix
    digits = int(number + fraction)
    if base == 10:
        scale, whole = exponent - len(fraction), 18 - len(number) - len(fraction) >= 0
    else:
        digits <<= exponent
        scale = -len(fraction)
        whole = not fraction and 15 - len(number) - int(exponent * 3 / 10) - 1 >= 0
    if whole and scale >= _NANO and digits <= _MAX_INT64:
        return Quantity(digits, scale, style)
    if scale < _NANO:
        # What is finer than nano is rounded up, away from zero: who asks for some gets some.
        digits, scale = -(-digits // 10 ** (_NANO - scale)), _NANO
    if style == "BinarySI":
        digits = min(digits, _MAX_INT64 * 10**-scale)
        if 0 < digits < 10**-scale:
            style = "DecimalSI"
    return Quantity(digits, scale, style, whole=False)


def add_quantities(one: Quantity, other: Quantity) -> Quantity:
    """The sum, in the style of the first, or of the second where the first is zero."""
    if one.value == 0:
        return other if one.whole and other.whole else Quantity(other.value, other.scale, other.style, whole=False)
    if other.value == 0 and one.whole and other.whole:
        return one
    scale = min(one.scale, other.scale)
    value = one.value * 10 ** (one.scale - scale) + other.value * 10 ** (other.scale - scale)
    whole = one.whole and other.whole and abs(value) <= _MAX_INT64
    return Quantity(value, scale, one.style, whole=whole)


def negate_quantity(one: Quantity) -> Quantity:
    """The quantity with its sign turned."""
    return Quantity(-one.value, one.scale, one.style, one.whole)


def round_up(one: Quantity) -> Quantity:
    """The quantity without what is finer than a thousandth, away from zero."""
    rest = 10 ** (_MILLI - _NANO)
    if one.nano % rest == 0:
        return one
    value = -(-abs(one.nano) // rest)
    return Quantity(value if one.nano > 0 else -value, _MILLI, one.style, one.whole)


def convert_to_integer(one: Quantity) -> int | None:
    """The quantity as an int64, where Kubernetes can say it as one."""
    if not one.whole or one.scale < 0:
        return None
    value = int(one.value * 10**one.scale)
    return value if -_MAX_INT64 - 1 <= value <= _MAX_INT64 else None


def approximate_float(one: Quantity) -> float:
    """The quantity as a double; it may be off by what doubles are off by."""
    base = float(one.value)
    return base if one.scale == 0 else float(base * 10.0**one.scale)
