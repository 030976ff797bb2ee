"""Validates documents by the JSON Schema of their kind."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from itertools import islice
from typing import Any, cast

import orjson
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from tenantry.contract.reading.document import Document
from tenantry.contract.reading.sentences import problems_of
from tenantry.data import schema_dir
from tenantry.problems import Problem

API_VERSION = "tenantry.dev/v1"
MOST_PROBLEMS = 100
"""The most problems that one document is told of; beyond, more would help nobody."""
LONGEST_TEXT = 2048
"""The longest text that a pattern is tried on; ours are shorter, and a pattern's time can grow by the square."""
KINDS = ("Tenant", "Site", "Department", "Waiver", "Grant", "Baseline")


def validate(document: Document) -> tuple[Problem, ...]:
    """Give every way in which a document isn't what its kind's schema says."""
    wrong = _envelope(document)
    if wrong is not None:
        return (wrong,)
    problems = _problems(document, validator(document.kind), document.data, ())
    if document.kind == "Baseline" and not problems:
        problems = tuple(_parts(document))
    return problems


@cache
def load_schema(kind: str) -> Mapping[str, Any]:
    """Read the JSON Schema of a kind of document."""
    schema: Mapping[str, Any] = orjson.loads((schema_dir() / f"{kind.lower()}.json").read_bytes())
    return schema


@cache
def validator(kind: str) -> Validator:
    """Give the validator of a kind of document."""
    return _validator_class()(load_schema(kind), format_checker=_formats())


def _problems(document: Document, by: Validator, data: object, base: tuple[str | int, ...]) -> tuple[Problem, ...]:
    errors = by.iter_errors(cast("Any", data))
    return tuple(islice((found for error in errors for found in problems_of(error, document, base)), MOST_PROBLEMS))


def _envelope(document: Document) -> Problem | None:
    """Refuse what isn't one of tenantry's documents before any schema is asked: its errors would say little."""
    data = document.data
    fix = f"begin with `apiVersion: {API_VERSION}` and `kind:`, one of {', '.join(KINDS)}"
    if data is None:
        return document.problem("TEN-111", "the document is empty", "write it, or remove the `---` line")
    if not isinstance(data, dict):
        return document.problem("TEN-112", "the document isn't a map of properties", fix)
    for name in ("apiVersion", "kind"):
        if name not in data:
            return document.problem("TEN-112", f"the document has no {name}", fix)
    if data["apiVersion"] != API_VERSION:
        return document.problem("TEN-112", f"apiVersion isn't {API_VERSION}", fix, ("apiVersion",))
    if not isinstance(data["kind"], str) or data["kind"] not in KINDS:
        return document.problem("TEN-112", "the kind isn't one that tenantry knows", fix, ("kind",))
    return None


def _parts(document: Document) -> Iterator[Problem]:
    """Hold a baseline's defaults to the request's own schema, in which nothing is needed."""
    schema = load_schema("Tenant")
    spec = {name: value for name, value in schema["properties"]["spec"].items() if name != "required"}
    part = _validator_class()({**spec, "$defs": schema["$defs"]}, format_checker=_formats())
    yield from _problems(document, part, document.spec["defaults"], ("spec", "defaults"))
    for name, defaults in document.spec["templates"].items():
        yield from _problems(document, part, defaults, ("spec", "templates", name))


@cache
def _validator_class() -> type[Validator]:
    made: type[Validator] = extend(Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique})  # type: ignore[no-untyped-call]
    return made


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # ECMAScript's `$`, which JSON Schema means, is the very end; Python's also matches before a last line break.
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _pattern(_by: Validator, pattern: str, instance: object, _schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, str) and (len(instance) > LONGEST_TEXT or _compiled(pattern).search(instance) is None):
        yield ValidationError("the text doesn't match the pattern")


def _unique(_by: Validator, wanted: bool, instance: object, _schema: object) -> Iterator[ValidationError]:
    # The library compares maps pair by pair, so a long list would take hours.
    if wanted and isinstance(instance, list):
        seen = {orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("the list has the same item twice")


@cache
def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checks("date", raises=ValueError)(_is_date)
    checker.checks("cidr", raises=ValueError)(_is_cidr)
    return checker


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == 10 and bool(date.fromisoformat(value)))


def _is_cidr(value: object) -> bool:
    return not isinstance(value, str) or bool(ipaddress.ip_network(value))
