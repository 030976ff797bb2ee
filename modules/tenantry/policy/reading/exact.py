"""The exact reader: any YAML document as kubectl reads it, with the line of what is wrong.

It builds values from libyaml's events, without recursion; aliases are followed and counted, so that nothing multiplies.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import yaml
from yaml import events

from tenantry.policy.reading.scalars import name_key, resolve_plain

MOST_NODES = 1_000_000
MOST_LEVELS = 1_000
_TAG = "tag:yaml.org,2002:"
_MERGE = object()


class YamlError(ValueError):
    """What is wrong with a document, at which line (from 1)."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


@dataclass(slots=True)
class _Open:
    """A container that is being read; `key` is the one whose value comes next, in a mapping."""

    value: dict[str, object] | list[object]
    anchor: str | None
    line: int
    key: object = None
    has_key: bool = False
    merges: list[object] | None = None


class _Builder:
    def __init__(self) -> None:
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[object, int]] = {}
        self.nodes = 0
        self.root: object = None

    def count(self, nodes: int, line: int) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise YamlError(f"it has more than {MOST_NODES:,} values, counting what aliases repeat", line)

    def add(self, value: object, line: int) -> None:
        """Put a value where the next one goes."""
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(None if value is _MERGE else value)
        elif not top.has_key:
            top.key, top.has_key = value, True
        else:
            self._put(top, value, line)
            top.has_key = False

    def _put(self, top: _Open, value: object, line: int) -> None:
        assert isinstance(top.value, dict)
        if top.key is _MERGE:
            top.merges = [*(top.merges or []), *(value if isinstance(value, list) else [value])]
            return
        name = name_key(top.key)
        if name is None:
            raise YamlError("a property's name must be a text", line)
        if name in top.value:
            raise YamlError(f"{name} is given twice", line)
        top.value[name] = value

    def open(self, value: dict[str, object] | list[object], anchor: str | None, line: int) -> None:
        if len(self.stack) >= MOST_LEVELS:
            raise YamlError(f"it is nested deeper than {MOST_LEVELS:,} levels", line)
        self.stack.append(_Open(value, anchor, line))

    def close(self) -> None:
        top = self.stack.pop()
        for merged in top.merges or ():
            if not isinstance(merged, dict):
                raise YamlError("a merge key needs a mapping", top.line)
            assert isinstance(top.value, dict)
            for key, value in merged.items():
                top.value.setdefault(key, value)
        if top.anchor is not None:
            self.anchors[top.anchor] = (top.value, _weigh(top.value))
        self.add(top.value, top.line)

    def repeat(self, anchor: str, line: int) -> None:
        if anchor not in self.anchors:
            raise YamlError(f"alias {anchor} isn't defined before it's used", line)
        value, weight = self.anchors[anchor]
        self.count(weight, line)
        self.add(value, line)


def _weigh(value: object) -> int:
    """How many values there are within one; what is shared counts each time."""
    total, stack = 0, [value]
    while stack and total <= MOST_NODES:
        one = stack.pop()
        total += 1
        if isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return total


def _read_scalar(event: events.ScalarEvent, line: int) -> object:
    text, tag = event.value, event.tag or ""
    if tag == f"{_TAG}binary":
        try:
            return base64.b64decode(text).decode("utf-8", "replace")
        except binascii.Error:
            raise YamlError("a value marked !!binary isn't base64", line) from None
    plain = event.implicit[0] and not event.style
    if plain and text == "<<":
        return _MERGE
    if tag in (f"{_TAG}bool", f"{_TAG}int", f"{_TAG}float", f"{_TAG}null"):
        plain = True
    value = resolve_plain(text) if plain and tag != f"{_TAG}str" else text
    if isinstance(value, float) and not isfinite(value):
        raise YamlError(f"{text} isn't a number that JSON has", line)
    return value


def _find_line(mark: object) -> int:
    """The line of a place, from 1; libyaml doesn't always say."""
    line = getattr(mark, "line", 0)
    return int(line) + 1


def _iterate_events(text: str) -> Iterator[events.Event]:
    loader = yaml.CSafeLoader(text)
    try:
        while (event := loader.get_event()) is not None:
            yield event
    except yaml.MarkedYAMLError as error:
        raise YamlError(str(error.problem), _find_line(error.problem_mark)) from error
    except yaml.YAMLError as error:
        raise YamlError(str(error).splitlines()[0], 1) from error
    finally:
        loader.dispose()


def read_exactly(text: str) -> object:
    """The value of the first document of a text.

    Raises:
        YamlError: It isn't YAML, or not such as kubectl takes.
    """
    builder = _Builder()
    for event in _iterate_events(text):
        line = _find_line(event.start_mark)
        match event:
            case events.ScalarEvent():
                builder.count(1, line)
                value = _read_scalar(event, line)
                if event.anchor is not None:
                    builder.anchors[event.anchor] = (value, 1)
                builder.add(value, line)
            case events.MappingStartEvent():
                builder.count(1, line)
                builder.open({}, event.anchor, line)
            case events.SequenceStartEvent():
                builder.count(1, line)
                builder.open([], event.anchor, line)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                builder.close()
            case events.AliasEvent():
                builder.repeat(str(event.anchor), line)
            case events.DocumentEndEvent():
                break
    return builder.root
