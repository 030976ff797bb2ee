"""What went wrong, where, and how to mend it: one shape for every message that tenantry gives."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    DENIED = 1
    INPUT = 2
    UNREACHABLE = 3


@dataclass(frozen=True, order=True)
class Problem:
    """One fault with its place and its remedy.

    `line` and `column` count from 1; 0 means that the place has none. `code` is listed in docs/codes.md.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    fix: str

    def __str__(self) -> str:
        """Give the message as the command line prints it."""
        indent = " " * (len(self.code) + 1)
        return f"{self.code} {self.message}{self._place()}.\n{indent}Fix: {self.fix}."

    def _place(self) -> str:
        place = [self.file, *(str(number) for number in (self.line, self.column) if number)]
        return f", at {':'.join(place)}" if self.file else ""


def problem(code: str, message: str, fix: str, *, file: str = "", line: int = 0, column: int = 0) -> Problem:
    """Make a problem in reading order: code, what, how to mend it, where. Sentences come without their full stop."""
    return Problem(file=file, line=line, column=column, code=code, message=message, fix=fix)


class TenantryError(Exception):
    """Everything that tenantry refuses or fails at; carries all problems found and the command's exit code."""

    exit_code: Exit = Exit.INPUT

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class InputError(TenantryError):
    """The input or the usage is wrong; nothing was changed."""


class DeniedError(TenantryError):
    """A policy denies; nothing was changed."""

    exit_code = Exit.DENIED


class UnreachableError(TenantryError):
    """A site or a tool can't be reached, or failed."""

    exit_code = Exit.UNREACHABLE
