"""Marks of values that aren't known yet."""

from __future__ import annotations

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


def is_marked(value: object) -> bool:
    """Whether a value is itself one that isn't known."""
    return isinstance(value, dict) and MARK in value
