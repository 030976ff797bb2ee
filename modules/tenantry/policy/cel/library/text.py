"""Regular expressions, named formats and semantic versions.

Sources: k8s.io/apiserver/pkg/cel/library/regex.go, format.go and semverlib.go, and what they call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache

import re2

from tenantry.policy.cel.library.meter import spend
from tenantry.policy.cel.library.network import parse_url

# --- regular expressions: RE2's syntax, in time linear in the text


_SHORT = 256


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> re2._Regexp[str]:
    """A pattern, or ValueError."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(f"Illegal regex: {error}") from None


def has_match(text: str, pattern: str) -> bool:
    """Whether a pattern matches somewhere in a text."""
    spend(len(text) // 10)
    return _has_match(text, pattern) if len(text) <= _SHORT else compile_pattern(pattern).search(text) is not None


@lru_cache(maxsize=4096)
def _has_match(text: str, pattern: str) -> bool:
    """The same of a short text: images, names and labels come again and again."""
    return compile_pattern(pattern).search(text) is not None


def find_first(text: str, pattern: str) -> str:
    """The leftmost match, or nothing."""
    spend(len(text) // 10)
    match = compile_pattern(pattern).search(text)
    return match.group() if match else ""


def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    """The matches one after another, at most `limit` of them where it isn't negative."""
    compiled = compile_pattern(pattern)
    found: list[str] = []
    spend(len(text) // 10)
    position, previous_end = 0, -1
    while position <= len(text) and (limit < 0 or len(found) < limit):
        match = compiled.search(text, position)
        if match is None:
            break
        start, end = match.span()
        # Go drops an empty match that touches the match before it.
        if not (start == end == previous_end):
            found.append(match.group())
        position = end if end > position else position + 1
        previous_end = end
    return found


# --- named formats

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_MESSAGE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character"
)
_SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character"
)
_LABEL_1035_MESSAGE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character"
)
_KEY_MESSAGE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_VALUE_MESSAGE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character"
)


def _describe(message: str, pattern: str, *examples: str) -> str:
    quoted = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {quoted}regex used for validation is '{pattern}')"


def _check_length(text: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} bytes"] if len(text.encode()) > limit else []


def check_label(text: str) -> list[str]:
    """A DNS label of RFC 1123."""
    errors = _check_length(text, 63)
    if not re.fullmatch(_LABEL, text):
        dotted = re.fullmatch(_SUBDOMAIN, text)
        errors.append("must not contain dots" if dotted else _describe(_LABEL_MESSAGE, _LABEL, "my-name", "123-abc"))
    return errors


def check_subdomain(text: str) -> list[str]:
    """A DNS subdomain of RFC 1123."""
    errors = _check_length(text, 253)
    if not re.fullmatch(_SUBDOMAIN, text):
        errors.append(_describe(_SUBDOMAIN_MESSAGE, _SUBDOMAIN, "example.com"))
    return errors


def check_label_1035(text: str) -> list[str]:
    """A DNS label of RFC 1035."""
    errors = _check_length(text, 63)
    if not re.fullmatch(_LABEL_1035, text):
        errors.append(_describe(_LABEL_1035_MESSAGE, _LABEL_1035, "my-name", "abc-123"))
    return errors


def check_qualified_name(text: str) -> list[str]:
    """A key of a label or an annotation."""
    described = _describe(_KEY_MESSAGE, _KEY, "MyName", "my.name", "123-abc")
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        tail = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return ["a valid label key " + described + tail]
    errors = []
    if slash and not prefix:
        errors.append("prefix part must be non-empty")
    elif slash:
        errors += [f"prefix part {error}" for error in check_subdomain(prefix)]
    if not name:
        errors.append("name part must be non-empty")
    errors += [f"name part {error}" for error in _check_length(name, 63)]
    if not re.fullmatch(_KEY, name):
        errors.append("name part " + described)
    return errors


def check_label_value(text: str) -> list[str]:
    """The value of a label."""
    errors = _check_length(text, 63)
    if not re.fullmatch(f"({_KEY})?", text):
        errors.append(_describe(_VALUE_MESSAGE, f"({_KEY})?", "MyValue", "my_value", "12345"))
    return errors


def _check_uri(text: str) -> list[str]:
    try:
        parse_url(text)
    except ValueError as error:
        return [f'parse "{text}": {error}']
    return []


_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})(.\d+)?(z|[+-]\d{2}:\d{2})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _is_date(text: str) -> bool:
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text if not text.startswith("0000") else "0004" + text[4:])
    except ValueError:
        return False
    return True


def _is_datetime(text: str) -> bool:
    parts = text.lower().split("t")
    if len(text) < 4 or len(parts) < 2 or not _is_date(parts[0]):
        return False
    match = _TIME.fullmatch(parts[1])
    return match is not None and match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


def _expect(test: Callable[[str], object], message: str) -> Callable[[str], list[str]]:
    return lambda text: [] if test(text) else [message]


def _mask_dash(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A prefix of a generated name may end in a dash."""
    return lambda text: check(text[:-2] + "a" if len(text) > 1 and text.endswith("-") else text)


FORMAT_CHECKS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": check_label,
    "dns1123Subdomain": check_subdomain,
    "dns1035Label": check_label_1035,
    "qualifiedName": check_qualified_name,
    "dns1123LabelPrefix": _mask_dash(check_label),
    "dns1123SubdomainPrefix": _mask_dash(check_subdomain),
    "dns1035LabelPrefix": _mask_dash(check_label_1035),
    "labelValue": check_label_value,
    "uri": _check_uri,
    "uuid": _expect(_UUID.fullmatch, "does not match the UUID format"),
    "byte": _expect(_BASE64.fullmatch, "invalid base64"),
    "date": _expect(_is_date, "invalid date"),
    "datetime": _expect(_is_datetime, "invalid datetime"),
}

# --- semantic versions

_IDENTIFIER = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)
Version = tuple[int, int, int, str]


def parse_version(text: str, *, normalize: bool = False) -> Version:
    """Major, minor, patch and pre-release; the build's name takes no part in comparing.

    Raises:
        ValueError: It isn't a semantic version.
    """
    match = _SEMVER.fullmatch(_normalize_version(text) if normalize else text)
    if match is None or any(int(part) > (1 << 64) - 1 for part in match.groups()[:3]):
        raise ValueError(f'Invalid semantic version "{text}"')
    return int(match[1]), int(match[2]), int(match[3]), match[4] or ""


def _normalize_version(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    for index, part in enumerate(parts):
        if len(part) > 1:
            stripped = part.lstrip("0")
            parts[index] = stripped if stripped and stripped[0] in "0123456789" else "0" + stripped
    if len(parts) < 3 and any(char in parts[-1] for char in "+-"):
        raise ValueError("short version cannot contain PreRelease/Build meta data")
    return ".".join(parts + ["0"] * (3 - len(parts)))


def compare_versions(one: Version, other: Version) -> int:
    """-1, 0 or 1."""
    if one[:3] != other[:3]:
        return -1 if one[:3] < other[:3] else 1
    if one[3] == other[3]:
        return 0
    if not one[3] or not other[3]:
        return 1 if not one[3] else -1
    mine, theirs = ([_rank_identifier(part) for part in version[3].split(".")] for version in (one, other))
    return -1 if mine < theirs else 1


def _rank_identifier(part: str) -> tuple[int, int, str]:
    return (0, int(part), "") if part.isdigit() else (1, 0, part)
