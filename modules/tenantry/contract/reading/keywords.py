"""The JSON Schema keywords that the contract's validator has instead of the library's, and why each."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

LONGEST_TEXT = 2048
"""The longest text that a pattern is tried on; ours are shorter, and a pattern's time can grow by the square."""

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

_Schema = Mapping[str, Any]
_Keyword = Callable[[Validator, Any, Any, _Schema], Iterator[ValidationError]]


@cache
def validator_class() -> type[Validator]:
    """Give JSON Schema 2020-12 with our keywords."""
    ours = {
        "pattern": _pattern,
        "uniqueItems": _unique,
        "oneOf": _one_of,
        "items": _within("items", "maxItems"),
        "propertyNames": _within("propertyNames", "maxProperties"),
        "additionalProperties": _within("additionalProperties", "maxProperties"),
    }
    made: type[Validator] = extend(Draft202012Validator, ours)  # type: ignore[no-untyped-call]
    return made


@cache
def format_checker() -> FormatChecker:
    """Give the formats that the contract uses."""
    checker = FormatChecker(formats=())
    checker.checks("date", raises=ValueError)(_is_date)
    checker.checks("cidr", raises=ValueError)(_is_cidr)
    checker.checks("date-time", raises=ValueError)(_is_time)
    return checker


def _original(keyword: str) -> _Keyword:
    original: _Keyword = Draft202012Validator.VALIDATORS[keyword]
    return original


def _within(keyword: str, bound: str) -> _Keyword:
    """Leave the parts of a list or map alone that is longer than may be: its bound has said so."""

    def check(by: Validator, wanted: object, instance: object, schema: _Schema) -> Iterator[ValidationError]:
        if not _beyond(instance, schema, bound):
            yield from _original(keyword)(by, wanted, instance, schema) or ()

    return check


def _beyond(instance: object, schema: _Schema, bound: str) -> bool:
    return isinstance(instance, dict | list | str) and bound in schema and len(instance) > schema[bound]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # ECMAScript's `$`, which JSON Schema means, is the very end; Python's also matches before a last line break.
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _pattern(_by: Validator, pattern: str, instance: object, schema: _Schema) -> Iterator[ValidationError]:
    if not isinstance(instance, str) or _beyond(instance, schema, "maxLength"):
        return
    if len(instance) > LONGEST_TEXT or _compiled(pattern).search(instance) is None:
        yield ValidationError("the text doesn't match the pattern")


def _unique(_by: Validator, wanted: bool, instance: object, schema: _Schema) -> Iterator[ValidationError]:
    # The library compares maps pair by pair, so a long list would take hours.
    if wanted and isinstance(instance, list) and not _beyond(instance, schema, "maxItems"):
        seen = {orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("the list has the same item twice")


def _one_of(by: Validator, branches: Sequence[_Schema], instance: object, schema: _Schema) -> Iterator[ValidationError]:
    # A choice between texts is by far the most frequent; the library would make a validator for each of them.
    if not all("const" in branch for branch in branches):
        yield from _original("oneOf")(by, branches, instance, schema)
    elif not isinstance(instance, str) or instance not in [branch["const"] for branch in branches]:
        yield ValidationError("the value isn't one of the choices")


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == 10 and bool(date.fromisoformat(value)))


def _is_time(value: object) -> bool:
    # RFC 3339 has more forms. All of ours are in UTC and to the second, so that no two of them look alike and differ.
    if not isinstance(value, str):
        return True
    return _TIME.fullmatch(value) is not None and bool(datetime.fromisoformat(value))


def _is_cidr(value: object) -> bool:
    return not isinstance(value, str) or bool(ipaddress.ip_network(value))
