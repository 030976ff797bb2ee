"""Reads YAML (and JSON, which is YAML) from libyaml's events, iteratively and within fixed bounds.

A request is data that anyone in the government can propose, so nothing in it is trusted: the bounds below hold before
memory is spent, aliases and tags are refused rather than limited, and every fault is a Problem with its place. See
docs/adr/0012-yaml-reader.md for why these events and not a loader.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from tenantry.contract.reading.document import Document, Entry, Mark, shown
from tenantry.contract.reading.scalars import Scalar, resolve
from tenantry.contract.reading.source import file_name, read_source
from tenantry.problems import InputError, Problem, problem

MAX_VALUES = 50_000
"""The most values that one file may hold: about those of the largest file (source.py) that is full of requests."""
MAX_DOCUMENTS = 1000
"""The most documents that one file may hold."""
MAX_DEPTH = 30
"""The deepest nesting; no schema goes past 10."""
MOST_FAULTS = 100
"""The most faults of the YAML itself that one file is told of; beyond, more would help nobody."""

_FIX_YAML = "write it as plain YAML 1.2; an editor with a YAML extension shows the place"


def read_file(path: Path, root: Path | None = None) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Read all documents of a file; those of a file that isn't YAML to its end are the ones before the fault.

    Where `root` is given, a file that a link leads out of it is a problem.
    """
    try:
        return read_text(read_source(path, root), file_name(path))
    except InputError as error:
        return (), error.problems


def read_text(text: str, file: str) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Read all documents of a text; `file` is what problems call it."""
    builder = _Builder(file)
    try:
        builder.read(text)
    except InputError as error:
        return builder.finished(), (*builder.problems, *error.problems)
    if not builder.documents and not builder.problems:
        empty = problem(
            "TEN-111", "the file holds no document", "write a request (`tenantry new`), or remove it", file=file
        )
        return (), (empty,)
    return tuple(builder.documents), tuple(builder.problems)


class _YamlMark(Protocol):
    """What libyaml says of a place; it counts from 0."""

    line: int
    column: int


def _mark(at: _YamlMark | None) -> Mark:
    return Mark(0, 0) if at is None else Mark(at.line + 1, at.column + 1)


class _Open:
    """A mapping or list whose end hasn't come; in a mapping, `key` waits for its value."""

    __slots__ = ("container", "entries", "key", "key_mark", "mark")

    def __init__(self, container: dict[str, Any] | list[Any], mark: Mark) -> None:
        self.container = container
        self.entries: dict[str | int, Entry] = {}
        self.mark = mark
        self.key: str | None = None
        self.key_mark = mark


class _Builder:
    """Builds documents from events with a stack of its own, so that nesting can't exhaust Python's."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self._stack: list[_Open] = []
        self._marks: dict[int, dict[str | int, Entry]] = {}
        self._values = 0
        self._handlers: Mapping[type[yaml.Event], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self._start_document,
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start_mapping,
            yaml.SequenceStartEvent: self._start_sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
        }

    def read(self, text: str) -> None:
        parser = yaml.CSafeLoader(text)
        try:
            while (event := parser.get_event()) is not None:
                handler = self._handlers.get(type(event))
                if handler is not None:
                    handler(event)
        except yaml.MarkedYAMLError as error:
            raise InputError(self._syntax(error)) from None
        except yaml.YAMLError as error:
            raise InputError(self._problem("TEN-105", f"this isn't YAML: {_plain(error)}", _FIX_YAML)) from None
        finally:
            parser.dispose()

    def finished(self) -> tuple[Document, ...]:
        """Give the documents that were read to their end: one that broke off would seem to lack what follows."""
        return tuple(self.documents[:-1] if self._stack else self.documents)

    def _syntax(self, error: yaml.MarkedYAMLError) -> Problem:
        at = error.problem_mark or error.context_mark
        mark = _mark(at)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        if "character that cannot start any token" in said:
            return self._problem(
                "TEN-105", "a tab, or another character that YAML has no use for, stands here",
                "indent with spaces; quote a text that starts with @, ` or %", mark,
            )  # fmt: skip
        return self._problem("TEN-105", f"this isn't YAML: {said}", _FIX_YAML, mark)

    def _problem(self, code: str, what: str, fix: str, mark: Mark | None = None) -> Problem:
        line, column = mark or (0, 0)
        return problem(code, what, fix, file=self.file, line=line, column=column)

    def _fault(self, found: Problem) -> None:
        """Note a fault that leaves the rest readable; of too many, the file isn't read on."""
        self.problems.append(found)
        if len(self.problems) >= MOST_FAULTS:
            what = f"the file has {MOST_FAULTS} such faults, and isn't read further"
            raise InputError(self._problem("TEN-129", what, "mend these, then check again"))

    def _start_document(self, event: yaml.Event) -> None:
        self._marks = {}
        if len(self.documents) >= MAX_DOCUMENTS:
            what = f"the file holds more than {MAX_DOCUMENTS} documents"
            raise InputError(self._problem("TEN-101", what, "split it", _mark(event.start_mark)))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        mark = _mark(event.start_mark)
        self._refuse_tag(event, mark)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.container, dict) and top.key is None:
            self._key(top, event, mark)
            return
        value: Scalar = event.value
        if event.implicit[0]:
            try:
                value = resolve(event.value)
            except ValueError as error:
                self._fault(self._problem("TEN-110", str(error), "write a finite number, or quote a text", mark))
        self._add(value, mark)

    def _key(self, top: _Open, event: yaml.ScalarEvent, mark: Mark) -> None:
        key: str = event.value
        if key == "<<" and event.implicit[0]:
            what, fix = "merge keys (<<) aren't part of YAML 1.2", "write the values out"
            raise InputError(self._problem("TEN-107", what, fix, mark))
        if key in top.entries:
            first = top.entries[key].key
            what = f"{shown(key)} is given twice, first in line {first.line}"
            self._fault(self._problem("TEN-106", what, "keep one of them", mark))
        top.key, top.key_mark = key, mark

    def _start_mapping(self, event: yaml.CollectionStartEvent) -> None:
        self._open({}, event)

    def _start_sequence(self, event: yaml.CollectionStartEvent) -> None:
        self._open([], event)

    def _open(self, container: dict[str, Any] | list[Any], event: yaml.CollectionStartEvent) -> None:
        mark = _mark(event.start_mark)
        self._refuse_tag(event, mark)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.container, dict) and top.key is None:
            raise InputError(self._problem("TEN-113", "a property's name is a list or a map", "write a text", mark))
        if len(self._stack) >= MAX_DEPTH:
            what = f"values are nested deeper than {MAX_DEPTH}"
            raise InputError(self._problem("TEN-109", what, "no document needs that; remove the nesting", mark))
        self._add(container, mark)
        self._stack.append(_Open(container, mark))

    def _end(self, _: yaml.Event) -> None:
        done = self._stack.pop()
        self._marks[id(done.container)] = done.entries

    def _add(self, value: object, mark: Mark) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise InputError(
                self._problem("TEN-101", f"the file holds more than {MAX_VALUES} values", "split it", mark)
            )
        if not self._stack:
            self.documents.append(Document(file=self.file, data=value, start=mark, marks=self._marks))
            return
        top = self._stack[-1]
        if isinstance(top.container, list):
            top.entries[len(top.container)] = Entry(mark, mark)
            top.container.append(value)
        elif top.key is not None:
            top.entries.setdefault(top.key, Entry(top.key_mark, mark))
            top.container.setdefault(top.key, value)
            top.key = None

    def _alias(self, event: yaml.AliasEvent) -> None:
        what = f"the alias {shown(event.anchor)} isn't accepted: a request says what it says in one place"
        raise InputError(self._problem("TEN-107", what, "write the value out", _mark(event.start_mark)))

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, mark: Mark) -> None:
        if event.tag is not None:
            what = f"the tag {shown(event.tag)} isn't accepted: a request is plain data"
            raise InputError(self._problem("TEN-108", what, "remove it; quote a text that looks like a number", mark))


def _plain(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
