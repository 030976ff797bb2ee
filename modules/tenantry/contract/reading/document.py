"""A document as it was read: plain data, and where in which file each of its values stands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tenantry.problems import Problem, problem

Path = tuple[str | int, ...]
"""The way to a value: property names and list indexes from the document's root."""


LONGEST_SHOWN = 60
"""The longest part of a document that a message repeats."""


def shown(value: object) -> str:
    """Write a value of a document into a message: short, on one line, and without what would steer a terminal."""
    return cut(json.dumps(value, ensure_ascii=False, default=str))


def cut(text: str) -> str:
    """Write a text of a document into a message as `shown` does, but without quotes."""
    return printable(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "...")


def printable(text: str) -> str:
    """Write out what a terminal would obey and not show."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


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

    @property
    def at(self) -> str:
        """Where it begins."""
        return f"{self.file}:{self.start.line}"

    def text(self, *path: str) -> str | None:
        """Give a text that the document says, if it says one there; also for documents that no schema has passed."""
        node = self.data
        for name in path:
            node = node.get(name) if isinstance(node, dict) else None
        return node if isinstance(node, str) else None

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
