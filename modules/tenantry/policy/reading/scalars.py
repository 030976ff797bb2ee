"""Plain scalars as kubectl reads them: YAML 1.1 as go-yaml v2 has it, then through JSON.

Source: go.yaml.in/yaml/v2 `resolve.go`, sigs.k8s.io/yaml. `yes`, `on` and `y` are true; `012` is ten; `1e3` is a
thousand and whole; a date is a text.
"""

from __future__ import annotations

import re
from math import isinf

_WORDS: dict[str, object] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_BASES = (
    (re.compile(r"[-+]?0[xX][0-9a-fA-F]+"), 16),
    (re.compile(r"[-+]?0[bB][01]+"), 2),
    (re.compile(r"[-+]?0[oO][0-7]+"), 8),
    (re.compile(r"[-+]?0[0-7]+"), 8),
    (re.compile(r"[-+]?(?:0|[1-9][0-9]*)"), 10),
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MOST_INTEGER = 1 << 63
_LONGEST_NUMBER = 400


def resolve_plain(text: str) -> object:
    """The value of a scalar that isn't quoted; one that isn't finite is left for the caller to refuse."""
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] not in "0123456789+-." or len(text) > _LONGEST_NUMBER:
        return text
    # Underscores are taken out of numbers, but not of those that begin with a dot.
    plain = text if text[0] == "." else text.replace("_", "")
    for pattern, base in _BASES:
        if pattern.fullmatch(plain):
            return convert_number(int(plain.replace("o", "").replace("O", ""), base))
    if _FLOAT.fullmatch(plain) is None:
        return text
    value = float(plain)
    return text if isinf(value) else convert_number(value)


def convert_number(value: float) -> int | float:
    """A number as it comes out of JSON: whole ones that fit are integers, larger ones are doubles."""
    if isinstance(value, float) and not value.is_integer():
        return value
    return int(value) if -_MOST_INTEGER <= value < _MOST_INTEGER else float(value)


def name_key(value: object) -> str | None:
    """A key as text; None where kubectl refuses it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else None
