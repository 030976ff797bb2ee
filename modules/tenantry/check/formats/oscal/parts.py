"""Parts that documents of OSCAL are made of: properties, references and identifiers."""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from tenantry.check.formats.printable import make_line

Part = dict[str, Any]

SPACE = "https://tenantry.dev/ns/oscal"
"""The namespace of properties that NIST has no name for."""
IDS = uuid5(NAMESPACE_URL, SPACE)
"""The namespace of all UUIDs: the same things have the same ones in every document."""


class Ids:
    """Gives UUIDs that hang on names alone; things with the same name are told apart by their order."""

    def __init__(self) -> None:
        self._given: Counter[tuple[str, ...]] = Counter()

    def give(self, *name: str) -> str:
        """Give the next UUID for a name."""
        key = tuple(map(make_line, name))
        self._given[key] += 1
        return _make_uuid([*key, self._given[key]])

    def sum_up(self, kind: str) -> str:
        """Give a UUID that hangs on all names so far."""
        return _make_uuid([kind, *([*key, count] for key, count in self._given.items())])


def _make_uuid(name: object) -> str:
    return str(uuid5(IDS, orjson.dumps(name).decode()))


def make_props(**values: str | int) -> list[Part]:
    """Make properties of ours; what has no value has none."""
    lines = {name: make_line(str(value)) for name, value in values.items() if value != 0}
    return [{"name": name.replace("_", "-"), "ns": SPACE, "value": line} for name, line in lines.items() if line]


def refer_to(items: Iterable[Part]) -> list[Part]:
    """Name inventory items as the subjects of an observation."""
    return [{"subject-uuid": item["uuid"], "type": "inventory-item"} for item in items]


def drop_empty(part: Part) -> Part:
    """Leave out lists without an element, which OSCAL doesn't have."""
    return {name: value for name, value in part.items() if value != []}
