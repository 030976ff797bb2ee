"""What an operation of the engine did or said, as values and as errors."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi.automation.events import EngineEvent

from tenantry.problems import UnreachableError, problem

OnEvent = Callable[[EngineEvent], Any]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What the engine or a provider said of one resource, or of the stack where `urn` is empty."""

    severity: str
    urn: str
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """What an operation did: how many resources by Pulumi's name of the step (create, update, delete, same, ...)."""

    changes: Mapping[str, int]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def changed(self) -> int:
        """How many resources weren't left as they were."""
        return sum(count for step, count in self.changes.items() if step not in {"same", "read"})


class UpdateFailed(UnreachableError):
    """An operation on a stack failed; what was done before is kept in its state. `diagnostics` are the errors."""

    def __init__(self, stack: str, diagnostics: Sequence[Diagnostic], said: str) -> None:
        self.stack = stack
        self.diagnostics = tuple(diagnostics)
        causes = [f"{d.urn.rpartition('::')[2]}: {d.message}" if d.urn else d.message for d in diagnostics] or [said]
        super().__init__(
            [problem("TEN-511", f"stack {stack}: {cause}", "mend the cause named, then run again") for cause in causes]
        )


class StackLocked(UnreachableError):
    """Another update of the stack is under way, or one was killed and left its lock."""

    def __init__(self, stack: str, said: str) -> None:
        self.stack = stack
        what = f"stack {stack} is locked by another update: {said}"
        super().__init__(problem("TEN-512", what, "wait for it to end; where its process is gone, cancel the stack"))


class Listener:
    """Collects an operation's summary and diagnostics from the engine's events."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self.changes: dict[str, int] = {}
        self.diagnostics: list[Diagnostic] = []

    def __call__(self, event: EngineEvent) -> None:
        """Take an event, and pass it on."""
        if event.summary_event:
            self.changes = {str(getattr(k, "value", k)): n for k, n in event.summary_event.resource_changes.items()}
        elif event.diagnostic_event and event.diagnostic_event.severity in {"warning", "error"}:
            said = event.diagnostic_event
            self.diagnostics.append(Diagnostic(said.severity, said.urn or "", _plain(said.message)))
        if self._on_event:
            self._on_event(event)

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors, without the engine's closing remark where there is anything better."""
        errors = [d for d in self.diagnostics if d.severity == "error"]
        return [d for d in errors if d.message != "update failed"] or errors


def _plain(message: str) -> str:
    """Drop Pulumi's colour marks, such as `<{%reset%}>`."""
    return re.sub(r"<\{%[^%]*%\}>", "", message).strip().rstrip(".")
