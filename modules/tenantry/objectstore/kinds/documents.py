"""Documents and rules of S3 and IAM, compared by what they mean: stores give them back in other words and orders."""

import json
from collections.abc import Mapping
from typing import Any

from tenantry.objectstore.spec import Json


def compact(document: Mapping[str, Any]) -> str:
    """Write a policy document without spaces, which Ceph RGW can't read in a posted form."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


def parsed(document: str | Mapping[str, Any]) -> Json:
    """Read a policy document as a store gives it: text, or read already."""
    return json.loads(document) if isinstance(document, str) else document


def _texts(value: Json) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return sorted(str(v).lower() if isinstance(v, bool) else str(v) for v in values)


def _principal(value: Json) -> Json:
    if value == "*":
        return {"AWS": ["*"]}
    return {kind: _texts(names) for kind, names in value.items()} if isinstance(value, Mapping) else value


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in statement.items():
        if key in ("Action", "NotAction", "Resource", "NotResource"):
            found[key] = _texts(value)
        elif key in ("Principal", "NotPrincipal"):
            found[key] = _principal(value)
        elif key == "Condition":
            found[key] = {test: {name: _texts(v) for name, v in keys.items()} for test, keys in value.items()}
        else:
            found[key] = value
    return found


def meaning(document: Mapping[str, Any] | None) -> str:
    """Give one text for all documents that mean the same; order and single-value lists don't count."""
    if document is None:
        return ""
    statements = document.get("Statement", [])
    each = [statements] if isinstance(statements, Mapping) else statements
    rest = {key: value for key, value in document.items() if key != "Statement"}
    return _stable({**rest, "Statement": sorted(_stable(_statement(s)) for s in each)})


def _stable(value: Json) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def rules_meaning(rules: list[Mapping[str, Any]]) -> str:
    """Give one text for all lists of CORS or lifecycle rules that mean the same."""
    return _stable(sorted(_stable(_rule(rule)) for rule in rules))


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: sorted(value) if isinstance(value, list) and _plain(value) else value for key, value in rule.items()}
    # A lifecycle rule's scope is written as `Prefix` by older stores and as `Filter.Prefix` by newer ones.
    prefix = found.pop("Prefix", None)
    scope = found.get("Filter")
    if prefix is not None and scope is None:
        found["Filter"] = {"Prefix": prefix}
    elif "Status" in found and not scope:
        found["Filter"] = {"Prefix": ""}
    return found


def _plain(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
