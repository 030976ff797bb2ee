"""Turns JSON Schema's errors into sentences with a place and a fix, for people who have never read a schema."""

import json
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, cast

from jsonschema.exceptions import ValidationError

from tenantry.contract.reading.document import LONGEST_SHOWN, Document, Path, cut, shown
from tenantry.problems import Problem

_TYPES: Mapping[str, str] = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map of properties",
    "null": "nothing",
}

_Sentences = Iterator[tuple[str, str, str]]


def problems_of(error: ValidationError, document: Document, base: Path) -> Iterator[Problem]:
    """Give the problems that one of JSON Schema's errors stands for, each with its place in the document.

    `base` is the way from the document's root to what was validated.
    """
    path: Path = (*base, *error.absolute_path)
    if error.validator == "additionalProperties":
        yield from _unknown(error, document, path)
        return
    write = _WRITERS.get(str(error.validator), _other)
    by_key = "propertyNames" in error.absolute_schema_path
    for code, what, fix in write(error, _spoken(path)):
        at = (*path, str(error.instance)) if by_key else path
        yield document.problem(code, what, fix, at, key=by_key)


def _spoken(path: Path) -> str:
    """Say a path as people do: the document's `spec` is understood."""
    steps = path[1:] if len(path) > 1 and path[0] == "spec" else path
    said = "".join(f"[{step}]" if isinstance(step, int) else f".{cut(step)}" for step in steps)
    return said.removeprefix(".") or "the document"


def _unknown(error: ValidationError, document: Document, path: Path) -> Iterator[Problem]:
    known = list(_schema(error)["properties"])
    where = f" in {_spoken(path)}" if len(path) > 1 else ""
    for name in cast("Mapping[str, Any]", error.instance):
        if name in known:
            continue
        close = get_close_matches(name, known, 1, 0.6) if len(name) <= LONGEST_SHOWN else []
        fix = f"write {close[0]}, if that was meant" if close else f"remove it; there are {', '.join(known)}"
        what = f"there is no property {cut(name)}{where}"
        yield document.problem("TEN-120", what, fix, (*path, name), key=True)


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", error.schema)


def _missing(error: ValidationError, where: str) -> _Sentences:
    # jsonschema gives one error a missing property, and names it only in its message.
    name = error.message.split("'")[1]
    schema = _schema(error)["properties"][name] if name in _schema(error).get("properties", {}) else {}
    yield "TEN-121", f"{where} has no {name}", f"add {name}{_example(schema)}{_described(schema)}"


def _described(schema: Mapping[str, Any]) -> str:
    """Add what the schema says of a property: the first sentence of its description."""
    sentence = str(schema.get("description", "")).partition(". ")[0].rstrip(".")
    return f": {sentence[0].lower()}{sentence[1:]}" if sentence else ""


def _example(schema: Mapping[str, Any], such_as: str = ", such as") -> str:
    examples = schema.get("examples", ())
    return f"{such_as} {shown(examples[0])}" if examples else ""


def _type(error: ValidationError, where: str) -> _Sentences:
    value = cast("str | list[str]", error.validator_value)
    wanted = value if isinstance(value, list) else [value]
    names = " or ".join(_TYPES[kind] for kind in wanted)
    fix = f"write {names}{_example(_schema(error))}"
    if "string" in wanted and isinstance(error.instance, int | float):
        fix = f'put it in quotes: "{json.dumps(error.instance)}"'
    yield "TEN-122", f"{where} is {shown(error.instance)}, which isn't {names}", fix


def _pattern(error: ValidationError, where: str) -> _Sentences:
    if "propertyNames" in error.absolute_schema_path:
        what = f"{shown(error.instance)} can't be a name in {where}"
        yield "TEN-123", what, "use letters, digits, '-', '_' and '.', and no prefix of tenantry or Kubernetes"
        return
    what = f"{where} is {shown(error.instance)}, which isn't in the form that is needed"
    yield "TEN-123", what, f"write it{_example(_schema(error), ' like')}{_described(_schema(error))}"


def _one_of(error: ValidationError, where: str) -> _Sentences:
    branches = cast("list[Mapping[str, Any]]", error.validator_value)
    if all("const" in branch for branch in branches):
        if isinstance(error.instance, str):  # what isn't a text is `type`'s to say
            yield _choice(error.instance, [branch["const"] for branch in branches], where)
        return
    names = [_required(branch) for branch in branches]
    given = [name for group in names for name in group if name in cast("Mapping[str, Any]", error.instance)]
    wanted = " or ".join("/".join(group) for group in names)
    what = f"{where} gives {' and '.join(given) if given else 'none of ' + wanted}"
    yield "TEN-127", what, f"give exactly one of {wanted}"


def _required(branch: Mapping[str, Any]) -> list[str]:
    options: list[Mapping[str, Any]] = branch.get("anyOf", [branch])
    return [name for option in options for name in option.get("required", ())]


def _choice(value: object, choices: list[str], where: str) -> tuple[str, str, str]:
    close = get_close_matches(value, choices, 1, 0.6) if isinstance(value, str) and len(value) < LONGEST_SHOWN else []
    fix = f"write {close[0]}, if that was meant" if close else f"choose one of {', '.join(choices)}"
    return "TEN-124", f"{where} is {shown(value)}, which isn't one of {', '.join(choices)}", fix


def _const(error: ValidationError, where: str) -> _Sentences:
    yield _choice(error.instance, [str(error.validator_value)], where)


def _format(error: ValidationError, where: str) -> _Sentences:
    kind = {
        "date": "a date (year-month-day)",
        "date-time": "a time in UTC, to the second",
        "cidr": "a block of addresses with no bits beyond its prefix",
    }
    wanted = kind[str(error.validator_value)]
    yield (
        "TEN-126",
        f"{where} is {shown(error.instance)}, which isn't {wanted}",
        f"write it{_example(_schema(error), ' like')}",
    )


_BOUNDS: Mapping[str, tuple[str, str]] = {
    "minimum": ("is {value}, less than {limit}", "write {limit} or more"),
    "maximum": ("is {value}, more than {limit}", "write {limit} or less"),
    "minLength": ("is shorter than {limit} characters", "say more"),
    "maxLength": ("is longer than {limit} characters", "shorten it"),
    "minItems": ("has fewer than {limit} items", "add to it"),
    "maxItems": ("has more than {limit} items", "shorten the list"),
    "uniqueItems": ("has the same item twice", "keep one of them"),
    "minProperties": ("is empty", "give at least one property, or remove it"),
    "maxProperties": ("has more than {limit} properties", "remove some"),
}


def _bound(error: ValidationError, where: str) -> _Sentences:
    what, fix = _BOUNDS[str(error.validator)]
    value, limit = shown(error.instance), error.validator_value
    yield "TEN-125", f"{where} {what.format(value=value, limit=limit)}", fix.format(limit=limit)


def _forbidden(_: ValidationError, where: str) -> _Sentences:
    yield "TEN-127", f"{where} doesn't go with what stands beside it", "remove the one or change the other"


def _other(error: ValidationError, where: str) -> _Sentences:
    yield "TEN-128", f"{where} is not as the schema says: {error.message[:200]}", "see docs/request.md"


_WRITERS: Mapping[str, Callable[[ValidationError, str], _Sentences]] = {
    "required": _missing,
    "type": _type,
    "pattern": _pattern,
    "oneOf": _one_of,
    "const": _const,
    "format": _format,
    "not": _forbidden,
    **dict.fromkeys(_BOUNDS, _bound),
}
