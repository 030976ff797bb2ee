"""Validates documents by the JSON Schema of their kind."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import orjson

from tenantry.contract.reading.document import Document
from tenantry.data import schema_dir
from tenantry.problems import Problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

API_VERSION = "tenantry.dev/v1"
MOST_PROBLEMS = 100
"""The most problems that one document is told of; beyond, more would help nobody."""
HOST_FACTS = "HostFacts"
"""The kind whose documents are only read here: what they say is for policies to judge."""
KINDS = ("Tenant", "Site", "Department", "Waiver", "Grant", "Retirement", "Baseline", "Inventory", HOST_FACTS)

DERIVED = ("location", "kubernetesMinor", "network.clusterCidrs")
"""What an inventory's offers never have of a site's document: its own hosts and networks say it."""
STORE = ("network.objectStoreCidrs", "network.objectStorePort")
"""What they have where no hosts of the inventory are the object store, or something stands before it."""


def validate(document: Document) -> tuple[Problem, ...]:
    """Give every way in which a document isn't what its kind's schema says."""
    wrong = _envelope(document)
    if wrong is not None:
        return (wrong,)
    problems = _problems(document, validator(document.kind), document.data, ())
    if not problems:
        problems = tuple(_parts(document))
    return problems


def is_foreign(document: Document) -> bool:
    """Say whether a document doesn't even claim to be one of tenantry's."""
    return not is_of_our_group(document.text("apiVersion") or "")


def is_of_our_group(api_version: str) -> bool:
    """Say whether an `apiVersion` is one of tenantry's."""
    return api_version.startswith(API_VERSION.partition("/")[0])


@cache
def load_schema(kind: str) -> Mapping[str, Any]:
    """Read the JSON Schema of a kind of document."""
    schema: Mapping[str, Any] = orjson.loads((schema_dir() / f"{kind.lower()}.json").read_bytes())
    return schema


@cache
def validator(kind: str) -> "Validator":
    """Give the validator of a kind of document."""
    schema = load_schema(kind)
    return make_validator(schema, schema.get("$defs", {}))


def make_validator(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> "Validator":
    """Make a validator of a schema that is ours, with its `$defs` in the place of references to them."""
    # Imported here: who checks manifests alone doesn't wait for jsonschema.
    from tenantry.contract.reading.keywords import format_checker, validator_class

    return validator_class()(_inlined(schema, definitions), format_checker=format_checker())


def _inlined(node: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Put definitions in the place of references to them, which the library would look up anew for every value."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = {**definitions[node["$ref"].removeprefix("#/$defs/")], **node}
        del node["$ref"]
    return {name: _inlined(value, definitions) for name, value in node.items()}


def _problems(document: Document, by: "Validator", data: object, base: tuple[str | int, ...]) -> tuple[Problem, ...]:
    from tenantry.contract.reading.sentences import problems_of

    errors = by.iter_errors(cast("Any", data))
    every = (found for error in errors for found in problems_of(error, document, base))
    problems = tuple(islice(every, MOST_PROBLEMS))
    if next(every, None) is None:
        return problems
    what = f"the document has more problems than these {MOST_PROBLEMS}"
    return (*problems, document.problem("TEN-129", what, "mend these, then check again"))


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
    """Hold what is a part of another kind's document to that kind's own schema."""
    if document.kind == "Baseline":
        # Defaults of requests, in which nothing is needed.
        request = load_schema("Tenant")
        spec = {name: value for name, value in request["properties"]["spec"].items() if name != "required"}
        part = make_validator(spec, request["$defs"])
        yield from _problems(document, part, document.spec["defaults"], ("spec", "defaults"))
        for name, defaults in document.spec["templates"].items():
            yield from _problems(document, part, defaults, ("spec", "templates", name))
    elif document.kind == "Inventory" and "offers" in document.spec:
        site = load_schema("Site")
        part = make_validator(_without(site["properties"]["spec"], DERIVED, STORE), site["$defs"])
        yield from _problems(document, part, document.spec["offers"], ("spec", "offers"))


def _without(schema: Mapping[str, Any], left_out: Sequence[str], optional: Sequence[str]) -> Mapping[str, Any]:
    """Give a map's schema without some properties, and with some that aren't required; those of maps in it by a dot."""

    def within(name: str, paths: Sequence[str]) -> list[str]:
        return [path.partition(".")[2] for path in paths if path.startswith(f"{name}.")]

    properties = {name: value for name, value in schema["properties"].items() if name not in left_out}
    for name in {path.partition(".")[0] for path in (*left_out, *optional) if "." in path}:
        properties[name] = _without(properties[name], within(name, left_out), within(name, optional))
    required = [name for name in schema.get("required", ()) if name not in {*left_out, *optional}]
    return {**schema, "properties": properties, "required": required}
