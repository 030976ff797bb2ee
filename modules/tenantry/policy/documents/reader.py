"""Reads properties of documents by type, and keeps all that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tenantry.policy.documents.model import Manifest, Source
from tenantry.problems import Problem, problem

T = TypeVar("T")


@dataclass
class Reader:
    """Reads one document, and keeps what is wrong with it."""

    name: str
    source: Source
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: str, message: str, fix: str = "write it as the Kubernetes API has it") -> None:
        """Note one thing that is wrong."""
        what = f"{self.name}: {path} {message}"
        self.problems.append(problem("TEN-600", what, fix, file=self.source.file, line=self.source.line, column=1))

    def take(self, data: Mapping[str, Any], path: str, key: str, kind: type[T], default: T) -> T:
        """A property of one type, or its default where it's absent or null."""
        value = data.get(key)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.report(f"{path}.{key}", f"must be {_NAMES[kind]}")
            return default
        return value

    def take_text(self, data: Mapping[str, Any], path: str, key: str, *, required: bool = False) -> str:
        """A text; where it's required it isn't blank."""
        value = self.take(data, path, key, str, "")
        if required and not value.strip():
            self.report(f"{path}.{key}", "is required")
        return value

    def take_texts(self, data: Mapping[str, Any], path: str, key: str) -> tuple[str, ...]:
        """A list of texts."""
        items = self.take(data, path, key, list, [])
        if not all(isinstance(item, str) for item in items):
            self.report(f"{path}.{key}", "must be a list of texts")
            return ()
        return tuple(items)

    def take_choice(self, data: Mapping[str, Any], path: str, key: str, choices: Sequence[str]) -> str:
        """One of some words; the first is the default."""
        value = self.take_text(data, path, key) or choices[0]
        if value not in choices:
            self.report(f"{path}.{key}", f"must be one of {', '.join(choices)}, not {value}")
            return choices[0]
        return value

    def take_items(self, data: Mapping[str, Any], path: str, key: str) -> Iterator[tuple[str, Manifest]]:
        """The mappings of a list, each with its path."""
        for index, item in enumerate(self.take(data, path, key, list, [])):
            where = f"{path}.{key}[{index}]"
            if isinstance(item, dict):
                yield where, item
            else:
                self.report(where, "must be a mapping")

    def refuse_unknown(self, data: Mapping[str, Any], path: str, known: str) -> None:
        """Note properties that the API doesn't have; a misspelt one would be dropped, and with it what it says."""
        for key in data:
            if key not in known.split():
                self.report(f"{path}.{key}", "isn't a property that the API knows", "correct its name, or remove it")


_NAMES: dict[type, str] = {str: "a text", list: "a list", dict: "a mapping", int: "a whole number", bool: "a boolean"}
