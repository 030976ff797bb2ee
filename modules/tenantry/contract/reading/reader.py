"""Reads YAML (and JSON, which is YAML) from libyaml's events, iteratively and within fixed bounds.

A request is data that anyone in the government can propose, so nothing in it is trusted: the bounds below hold before
memory is spent, aliases and tags are refused rather than limited, and every fault is a Problem with its place. See
docs/adr/0012-yaml-reader.md for why these events and not a loader.
"""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from tenantry.contract.reading.document import Document, Entry, Mark, shown
from tenantry.contract.reading.scalars import Scalar, resolve
from tenantry.problems import InputError, Problem, problem

MAX_BYTES = 1 << 20
"""The largest file that is read. The largest real request is under 20 KiB; a file may hold many of them."""
MAX_VALUES = 100_000
"""The most values that one file may hold."""
MAX_DEPTH = 30
"""The deepest nesting; no schema goes past 10."""

_FIX_YAML = "write it as plain YAML 1.2; an editor with a YAML extension shows the place"


def read_file(path: Path, root: Path | None = None) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Read all documents of a file; with problems come the documents that stand before the first of them.

    Where `root` is given, a file that a link leads out of it is a problem.
    """
    try:
        return read_text(_decode(_bytes(path, root), file_name(path)), file_name(path))
    except InputError as error:
        return (), error.problems


def read_text(text: str, file: str) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Read all documents of a text; `file` is what problems call it."""
    builder = _Builder(file)
    try:
        builder.read(text)
    except InputError as error:
        return tuple(builder.documents), (*builder.problems, *error.problems)
    if not builder.documents and not builder.problems:
        empty = problem(
            "TEN-111", "the file holds no document", "write a request (`tenantry new`), or remove it", file=file
        )
        return (), (empty,)
    return tuple(builder.documents), tuple(builder.problems)


def file_name(path: Path) -> str:
    """Give a path as it is shown: always text, also where the name's bytes aren't."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _bytes(path: Path, root: Path | None) -> bytes:
    file = file_name(path)
    if root is not None and not path.resolve().is_relative_to(root.resolve()):
        what = f"a link leads out of {root}, to {path.resolve()}"
        raise InputError(problem("TEN-102", what, "put the file itself there", file=file))
    try:
        # Not blocking, so that a pipe without a writer is refused as what it is, and not waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as source:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise InputError(problem("TEN-100", "this isn't a regular file", "name a YAML file", file=file))
            content = source.read(MAX_BYTES + 1)
    except OSError as error:
        what = f"the file can't be read: {error.strerror or error}"
        raise InputError(problem("TEN-100", what, "check its name and its permissions", file=file)) from None
    if len(content) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES >> 20} MiB"
        raise InputError(problem("TEN-101", what, "split it; one file a tenant reads best", file=file))
    return content


def _decode(content: bytes, file: str) -> str:
    fix = "save it as UTF-8 text"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(problem("TEN-103", "the file is UTF-16 or UTF-32, not UTF-8", fix, file=file))
    if b"\0" in content:
        raise InputError(problem("TEN-103", "the file is binary, or not UTF-8", fix, file=file))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        what = f"byte {content[error.start]:#04x} isn't UTF-8"
        raise InputError(problem("TEN-103", what, fix, file=file, line=line, column=column)) from None


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

    def _start_document(self, _: yaml.Event) -> None:
        self._marks = {}

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
                self.problems.append(
                    self._problem("TEN-110", str(error), "write a finite number, or quote a text", mark)
                )
        self._add(value, mark)

    def _key(self, top: _Open, event: yaml.ScalarEvent, mark: Mark) -> None:
        key: str = event.value
        if key == "<<" and event.implicit[0]:
            what, fix = "merge keys (<<) aren't part of YAML 1.2", "write the values out"
            raise InputError(self._problem("TEN-107", what, fix, mark))
        if key in top.entries:
            first = top.entries[key].key
            what = f"{shown(key)} is given twice, first in line {first.line}"
            self.problems.append(self._problem("TEN-106", what, "keep one of them", mark))
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
