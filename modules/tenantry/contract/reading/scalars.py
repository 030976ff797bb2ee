"""What a plain scalar means: the core schema of YAML 1.2, so `on`, `yes`, `no` and dates are text.

Source: YAML 1.2.2, 10.3.2 "Tag Resolution" of the core schema.
"""

import math
import re

_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|[-+]?Infinity|NaN")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER_START = frozenset("0123456789+-.NI")
_LONGEST_NUMBER = 40

Scalar = str | int | float | bool | None


def resolve(text: str) -> Scalar:
    """Give the value of a plain (unquoted) scalar.

    Raises ValueError, with a sentence, for a number that isn't finite or is too long to be meant.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    for pattern, base in ((_INT, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            return int(_short(text).removeprefix("0o"), base)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} isn't a number that can be used")
    if not _FLOAT.fullmatch(text):
        return text
    value = float(_short(text))
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value


def _short(text: str) -> str:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits is too long")
    return text
