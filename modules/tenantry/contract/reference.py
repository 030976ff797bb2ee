"""Writes docs/request.md, the reference of the request, from its schema: `python -m tenantry.contract.reference`.

A test compares the page with what this makes, so the page can't go stale.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from tenantry.contract.reading.schema import load_schema

_HEAD = """\
# The request

A request is a YAML document, `kind: Tenant`. This page is made from `stacks/schema/tenant.json`
(`python -m tenantry.contract.reference > docs/request.md`); editors show the same text. Properties in bold are needed;
what is left out is given by the baseline, the template, the classification and the department, in that order.

```yaml
{example}
```

| property | what it is | example |
|---|---|---|
"""


def write_reference() -> str:
    """Give the page as Markdown."""
    schema = load_schema("Tenant")
    rows = [*_rows(schema["properties"]["metadata"], schema, "metadata."), *_rows(_spec(schema), schema, "")]
    choices = "\n".join(_choices(_spec(schema)))
    return _HEAD.format(example=_minimal(schema)) + "\n".join(rows) + f"\n\n{choices}"


def _spec(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = schema["properties"]["spec"]
    return spec


def _minimal(schema: Mapping[str, Any]) -> str:
    """Write the schema's own example as the ten lines that it is."""
    example = schema["examples"][0]
    lines = [f"apiVersion: {example['apiVersion']}", f"kind: {example['kind']}", "metadata:"]
    lines += [f"  {name}: {value}" for name, value in example["metadata"].items()]
    return "\n".join([*lines, "spec:", *(f"  {name}: {value}" for name, value in example["spec"].items())])


def _rows(part: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, child in part["properties"].items():
        whole = {**schema["$defs"].get(child.get("$ref", "").removeprefix("#/$defs/"), {}), **child}
        said = f"**`{path}{name}`**" if name in part.get("required", ()) else f"`{path}{name}`"
        shown = json.dumps(whole["examples"][0], ensure_ascii=False).replace("|", "\\|")
        yield f"| {said} | {whole['description']} | `{shown}` |"
        items = whole.get("items", {})
        items = {**schema["$defs"].get(items.get("$ref", "").removeprefix("#/$defs/"), {}), **items}
        if "properties" in whole:
            yield from _rows(whole, schema, f"{path}{name}.")
        elif "properties" in items:
            yield from _rows(items, schema, f"{path}{name}[].")


def _choices(spec: Mapping[str, Any]) -> Iterator[str]:
    for name in ("template", "environment", "classification"):
        yield f"## {spec['properties'][name]['title']}\n"
        for choice in spec["properties"][name]["oneOf"]:
            yield f"- `{choice['const']}`: {choice['description']}"
        yield ""


if __name__ == "__main__":
    sys.stdout.write(write_reference())
