"""Pulumi's engine as the fleet uses it: updates, previews, refreshes and destroys of stacks, several at once.

The Automation API stays in charge: programs run inside this process, and its command line is carried out either by a
resident engine (`tenantry.fleet.resident`, docs/adr/0014) or by the stock `pulumi`. `TENANTRY_ENGINE=cli` picks the
latter. An engine is safe to share between threads; each stack is updated by one of them at a time.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import pulumi.automation as auto
import yaml
from pulumi.automation.events import EngineEvent
from semver import VersionInfo

from tenantry.files import write_atomic
from tenantry.problems import UnreachableError, problem

PROJECT: Final = "tenantry"
"""The Pulumi project of every stack that tenantry makes."""

T = TypeVar("T")
Program = Callable[[], None]
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


class _Stack(auto.Stack):
    """A stack without the Automation API's calls around an operation: outputs, history, selection."""

    def __init__(self, name: str, workspace: auto.LocalWorkspace) -> None:
        # Not the parent's: that one runs `pulumi stack select`.
        self.name, self.workspace = name, workspace

    def outputs(self) -> auto.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:  # noqa: ARG002
        return auto.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


class StockCommand(auto.PulumiCommand):
    """The stock `pulumi`, one process a call; its version is pinned with the toolchain, so it isn't asked for it."""

    def __init__(self, binary: Path) -> None:
        self.command = str(binary)
        self.version = VersionInfo.parse(pulumi_version())


def pulumi_version() -> str:
    """Return the version of Pulumi's Python package, which pins the engine's."""
    return metadata.version("pulumi")


class _Listener:
    """Collects an operation's summary and diagnostics from the engine's events."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self.changes: dict[str, int] = {}
        self.diagnostics: list[Diagnostic] = []

    def __call__(self, event: EngineEvent) -> None:
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


class Engine:
    """Pulumi's engine over one backend, as a context manager.

    `pulumi_home` is Pulumi's own folder (plug-ins' metadata, logs), `backend_url` where state lives (`file://...`,
    `s3://...`), `passphrase_file` the file whose content encrypts secrets in state, `plugins` the folders with the
    providers' executables. `environment` is added to what the engine and the providers see. `work_dir` keeps the
    stacks' settings files; it lies in `pulumi_home` unless said.

    Every operation raises UpdateFailed (TEN-511) with what the engine and the providers said, StackLocked (TEN-512)
    where another update holds the stack, and UnreachableError (TEN-510) where the engine itself can't be run or died.
    """

    def __init__(
        self,
        *,
        pulumi_home: Path,
        backend_url: str,
        passphrase_file: Path,
        plugins: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        work_dir: Path | None = None,
        binary: Path | None = None,
    ) -> None:
        self._home, self._backend_url = pulumi_home, backend_url
        self._work_dir = work_dir or pulumi_home / "projects" / PROJECT
        self._binary = binary
        path = os.pathsep.join([*map(str, plugins), os.environ.get("PATH", "")])
        self._environment = {
            "PULUMI_HOME": str(pulumi_home),
            "PULUMI_BACKEND_URL": backend_url,
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase_file),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PATH": path,
            **(environment or {}),
        }

    def __enter__(self) -> Self:
        """Write the settings that the stacks share."""
        self._work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = {"name": PROJECT, "runtime": "python", "backend": {"url": self._backend_url}}
        write_atomic(self._work_dir / "Pulumi.yaml", yaml.safe_dump(settings).encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing outlives an operation of the stock engine."""

    def up(self, stack: str, program: Program, *, refresh: bool = False, on_event: OnEvent | None = None) -> Result:
        """Make a stack as its program says, first reading the live ones if `refresh`; a missing stack is made."""
        self._create_missing(stack)
        return self._run(stack, program, on_event, lambda s, e: s.up(on_event=e, refresh=refresh or None, **_QUIET))

    def preview(
        self, stack: str, program: Program, *, refresh: bool = False, on_event: OnEvent | None = None
    ) -> Result:
        """Say what `up` would do, and do nothing. A missing stack is made, empty: Pulumi previews none without."""
        self._create_missing(stack)
        return self._run(
            stack, program, on_event, lambda s, e: s.preview(on_event=e, refresh=refresh or None, **_PLAIN)
        )

    def refresh(self, stack: str, *, on_event: OnEvent | None = None) -> Result:
        """Make a stack's state say what the live resources are."""
        return self._run(stack, None, on_event, lambda s, e: s.refresh(on_event=e, **_PLAIN))

    def destroy(self, stack: str, *, remove: bool = False, on_event: OnEvent | None = None) -> Result:
        """Delete a stack's resources, and with `remove` the stack itself. A missing stack is destroyed already."""
        if not self.exists(stack):
            return Result({}, ())
        return self._run(stack, None, on_event, lambda s, e: s.destroy(on_event=e, remove=remove or None, **_QUIET))

    def cancel(self, stack: str) -> None:
        """Remove the locks of updates that were killed. Never call it while an update of the stack is under way."""
        self._call(stack, lambda: _Stack(stack, self._workspace(None)).cancel())

    def exists(self, stack: str) -> bool:
        """Say whether a stack has state."""
        if self._backend_url.startswith("file://"):
            folder = Path(self._backend_url.removeprefix("file://")).expanduser()
            return any((folder / ".pulumi/stacks" / PROJECT / f"{stack}.json{end}").exists() for end in _COMPRESSED)
        workspace = self._workspace(None)
        listed: list[auto.StackSummary] = self._call(stack, workspace.list_stacks)
        return any(summary.name.rpartition("/")[2] == stack for summary in listed)

    def _create_missing(self, stack: str) -> None:
        if not self.exists(stack):
            with suppress(auto.StackAlreadyExistsError):
                self._call(stack, lambda: self._workspace(None).create_stack(stack))

    def _run(
        self,
        stack: str,
        program: Program | None,
        on_event: OnEvent | None,
        operation: Callable[[_Stack, OnEvent], object],
    ) -> Result:
        listener = _Listener(on_event)
        self._call(stack, lambda: operation(_Stack(stack, self._workspace(program)), listener), listener)
        return Result(listener.changes, tuple(listener.diagnostics))

    def _call(self, stack: str, call: Callable[[], T], listener: _Listener | None = None) -> T:
        try:
            return call()
        except auto.ConcurrentUpdateError as error:
            raise StackLocked(stack, _last_words(error)) from error
        except auto.StackAlreadyExistsError:
            raise
        except auto.CommandError as error:
            raise UpdateFailed(stack, listener.errors if listener else [], _last_words(error)) from error
        except OSError as error:
            raise UnreachableError(
                problem("TEN-510", f"Pulumi's engine can't be run: {error}", "run `tenantry toolchain build`")
            ) from error

    def _workspace(self, program: Program | None) -> auto.LocalWorkspace:
        return auto.LocalWorkspace(
            work_dir=str(self._work_dir),
            program=program,
            env_vars=self._environment,
            secrets_provider="passphrase",
            pulumi_command=StockCommand(self._binary or Path(shutil.which("pulumi") or "pulumi")),
        )


_COMPRESSED: Final = ("", ".gz", ".zst")
_PLAIN: Final[Mapping[str, Any]] = {"color": "never", "suppress_progress": True}
_QUIET: Final[Mapping[str, Any]] = {**_PLAIN, "suppress_outputs": True}


def _last_words(error: auto.CommandError) -> str:
    """Give what a failed command said on its error stream, in one line."""
    said = str(error).partition("stderr:")[2].strip() or str(error).strip()
    return " ".join(said.removeprefix("error:").split()).rstrip(".")
