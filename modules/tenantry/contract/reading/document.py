"""A document as it was read: plain data, and where in which file each of its values stands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tenantry.problems import Problem, problem

Path = tuple[str | int, ...]
"""The way to a value: property names and list indexes from the document's root."""


_LONGEST_SHOWN = 60


def shown(value: object) -> str:
    """Write a value of a document into a message: short, on one line, and without what would steer a terminal."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


class Mark(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int


class Entry(NamedTuple):
    """Where one member of a mapping or list stands: its key (or the item itself), and its value."""

    key: Mark
    value: Mark


Marks = Mapping[int, Mapping[str | int, Entry]]
"""The entries of each mapping and list, by the `id()` of the container; the document keeps the containers alive."""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One document of a file; `data` is what it says, after YAML and before any schema or default."""

    file: str
    data: Any
    start: Mark
    marks: Marks

    @property
    def kind(self) -> str:
        """The document's kind; only for documents that the schema has passed."""
        return str(self.data["kind"])

    @property
    def name(self) -> str:
        """The document's name; only for documents that the schema has passed."""
        return str(self.data["metadata"]["name"])

    @property
    def spec(self) -> Mapping[str, Any]:
        """What the document asks for; only for documents that the schema has passed."""
        spec: Mapping[str, Any] = self.data["spec"]
        return spec

    def place(self, path: Path, *, key: bool = False) -> Mark:
        """Give where a value stands (or its key); where it isn't written, the nearest thing above it that is."""
        mark, node = self.start, self.data
        for step in path:
            entry = self.marks.get(id(node), {}).get(step)
            if entry is None:
                return mark
            # A property that holds an indented block is best shown by its name, which stands on the line above.
            mark = entry.key if key or isinstance(node[step], dict | list) else entry.value
            node = node[step]
        return mark

    def problem(self, code: str, message: str, fix: str, path: Path = (), *, key: bool = False) -> Problem:
        """Make a problem with one of this document's values."""
        mark = self.place(path, key=key)
        return problem(code, message, fix, file=self.file, line=mark.line, column=mark.column)
