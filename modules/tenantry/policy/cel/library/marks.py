"""Marks of values that aren't known yet."""

from __future__ import annotations

from collections.abc import Iterator

MARK = "@unknown"
# How the message of an error begins that says not what is wrong but what isn't known.
UNDECIDABLE = "@undecidable"


def mark_unknown(what: str) -> dict[str, str]:
    """A value that isn't known yet; `what` says where it comes from."""
    return {MARK: what}


def find_mark(value: object) -> str | None:
    """The first unknown within a value."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if MARK in one:
                return str(one[MARK])
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return None


def list_marks(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all unknowns within a value; one within a list is told by the list's own path."""
    if is_marked(value):
        yield path
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from list_marks(one, (*path, str(key)))
    elif isinstance(value, list) and find_mark(value) is not None:
        yield path


def is_marked(value: object) -> bool:
    """Whether a value is itself one that isn't known."""
    return isinstance(value, dict) and MARK in value
