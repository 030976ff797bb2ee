"""The schemas, the model and their descriptions hold together."""

import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from examples import minimal
from strategies import document
from tenantry.contract import model
from tenantry.contract.reading.schema import HOST_FACTS, KINDS, load_schema, validate
from tenantry.contract.structure import property_name, structure
from tenantry.data import schema_dir

FILES = sorted(schema_dir().glob("*.json"))
MODELLED = [kind for kind in KINDS if kind != HOST_FACTS]


def resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference inside the same file; what stands beside it wins."""
    if "$ref" not in schema:
        return schema
    return {**root["$defs"][schema["$ref"].removeprefix("#/$defs/")], **schema}


def properties(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every property of a schema file, with the way to it."""
    for name, child in schema.get("properties", {}).items():
        yield f"{path}/{name}", child
        yield from properties(child, f"{path}/{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield f"{path}/{name}", schema[name]
            yield from properties(schema[name], f"{path}/{name}")
    for name, child in schema.get("$defs", {}).items():
        yield from properties(child, f"{path}/$defs/{name}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_schema_is_sound_and_explains_every_property(file: Any) -> None:  # noqa: ANN401
    schema = json.loads(file.read_text())
    Draft202012Validator.check_schema(schema)
    for path, child in properties(schema):
        assert {"title", "description", "examples"} <= set(child), path
        assert "enum" not in child, f"{path}: an enum can't explain its values, oneOf of const can"
        for choice in child.get("oneOf", ()):
            assert "required" in choice or "anyOf" in choice or {"const", "title", "description"} <= set(choice), path


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_is_valid(kind: str) -> None:
    schema = load_schema(kind)
    for path, child in properties(schema):
        whole = {**resolve(child, schema), "$defs": schema.get("$defs", {})}
        whole.pop("$ref", None)
        for example in child["examples"]:
            assert not list(Draft202012Validator(whole).iter_errors(example)), path
    for example in schema["examples"]:
        assert validate(document(example)) == ()
        if kind != "Tenant" and kind in MODELLED:
            assert structure(example, getattr(model, kind)).metadata.name == example["metadata"]["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_list_and_every_map_of_free_names_has_a_bound(kind: str) -> None:
    schema = load_schema(kind)
    for path, child in properties(schema):
        whole = resolve(child, schema)
        assert "items" not in whole or "maxItems" in whole, path
        assert not isinstance(whole.get("additionalProperties"), dict) or "maxProperties" in whole, path


def test_schemas_refuse_what_they_do_not_know() -> None:
    for kind in KINDS:
        for path, child in [("", load_schema(kind)), *properties(load_schema(kind))]:
            if "properties" in child:
                assert child["additionalProperties"] is False, f"{kind}{path}"


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_beside_a_reference_only_adds_to_it(kind: str) -> None:
    schema = load_schema(kind)
    for path, child in properties(schema):
        if "$ref" in child:
            both = set(child) & set(schema["$defs"][child["$ref"].removeprefix("#/$defs/")])
            assert both <= {"title", "description", "examples"}, path


def test_definitions_that_two_schemas_share_are_the_same() -> None:
    found: dict[str, str] = {}
    for kind in KINDS:
        for name, definition in load_schema(kind).get("$defs", {}).items():
            assert found.setdefault(name, json.dumps(definition)) == json.dumps(definition), name


@pytest.mark.parametrize("kind", MODELLED)
def test_model_and_schema_have_the_same_properties(kind: str) -> None:
    schema = load_schema(kind)
    body = {name: child for name, child in schema["properties"].items() if name not in ("apiVersion", "kind")}
    compare(getattr(model, kind), {"properties": body}, schema, kind)


def compare(cls: type[Any], schema: Mapping[str, Any], root: Mapping[str, Any], path: str) -> None:
    schema = resolve(schema, root)
    assert {property_name(field.name) for field in fields(cls)} == set(schema["properties"]), path
    for name, hint in get_type_hints(cls).items():
        child = resolve(schema["properties"][property_name(name)], root)
        compare_hint(hint, child, root, f"{path}.{name}")


def compare_hint(hint: Any, schema: Mapping[str, Any], root: Mapping[str, Any], path: str) -> None:  # noqa: ANN401
    if isinstance(hint, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        assert schema["type"] == "array", path
        compare_hint(get_args(hint)[0], resolve(schema["items"], root), root, f"{path}[]")
    elif get_origin(hint) is Mapping:
        assert schema["type"] == "object", path
        for child in [*schema.get("properties", {}).values(), schema.get("additionalProperties")]:
            if isinstance(child, dict) and get_args(hint)[1] is not object:
                compare_hint(get_args(hint)[1], resolve(child, root), root, f"{path}.*")
    elif isinstance(hint, type) and is_dataclass(hint):
        compare(hint, schema, root, path)
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        assert [choice["const"] for choice in schema["oneOf"]] == list(hint), path


@pytest.mark.parametrize("kind", KINDS)
def test_editors_pick_the_schema_by_kind(kind: str) -> None:
    picker = json.loads((schema_dir() / "tenantry.json").read_text())
    assert {"properties": {"kind": {"const": kind}}, "required": ["kind"]} in [one["if"] for one in picker["allOf"]]
    assert {"$ref": f"{kind.lower()}.json"} in [one["then"] for one in picker["allOf"]]


def test_the_minimal_request_is_ten_lines_and_valid() -> None:
    assert validate(document(minimal())) == ()
