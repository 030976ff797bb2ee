"""Kubernetes quantities: text in documents and manifests, whole millicores and bytes in between.

Source: k8s.io/apimachinery/pkg/api/resource, the grammar in the comment of `Quantity`.
"""

import re
from decimal import ROUND_CEILING, Decimal

from tenantry.contract.model import Bytes, Millicores

_BINARY = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_GRAMMAR = re.compile(r"([0-9]{1,19}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?:[eE]([-+]?[0-9]{1,2})|([KMGTPE]i|[numkMGTPE]))?")


def _scaled(text: str | float, scale: int) -> int:
    """Give the quantity times `scale`, rounded up as Kubernetes does; refuse what isn't a non-negative quantity."""
    match = _GRAMMAR.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{text!r} isn't a quantity")
    number, exponent, suffix = match.groups()
    if suffix in _BINARY:
        factor = Decimal(_BINARY[suffix])
    else:
        factor = Decimal(10) ** (int(exponent) if exponent else _DECIMAL[suffix or ""])
    return int((Decimal(number) * factor * scale).to_integral_value(ROUND_CEILING))


def parse_cpu(text: str | float) -> Millicores:
    """Give the millicores of a CPU quantity such as `2`, `0.5` or `250m`. Raises ValueError."""
    return Millicores(_scaled(text, 1000))


def parse_bytes(text: str | float) -> Bytes:
    """Give the bytes of a quantity such as `32Gi`, `200G` or `1048576`. Raises ValueError."""
    return Bytes(_scaled(text, 1))


def format_cpu(amount: Millicores) -> str:
    """Write millicores as Kubernetes would: whole cores without a suffix, else `m`."""
    return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"


def format_bytes(amount: Bytes) -> str:
    """Write bytes with the largest binary suffix that divides them."""
    for suffix, factor in reversed(_BINARY.items()):
        if amount and amount % factor == 0:
            return f"{amount // factor}{suffix}"
    return str(amount)


def round_bytes(amount: int) -> str:
    """Write bytes for people: to a tenth of the largest binary unit that fits, such as 1.5Gi."""
    for power, unit in ((4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki")):
        if amount >= 1 << 10 * power:
            return f"{amount / (1 << 10 * power):.1f}{unit}".replace(".0", "")
    return str(amount)
