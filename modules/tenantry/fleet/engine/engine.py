"""Pulumi's engine as the fleet uses it: updates, previews, refreshes and destroys of stacks, several at once.

The Automation API stays in charge: programs run inside this process, and its command line is carried out by the
resident engine (`tenantry.fleet.engine.resident`, docs/adr/0014). `TENANTRY_ENGINE=cli` has the stock `pulumi` do it.
An engine is safe to share between threads; each stack is worked on by one of them at a time.
"""

import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import pulumi.automation as auto
import yaml

from tenantry.files import write_atomic
from tenantry.fleet.engine.backend import Backend
from tenantry.fleet.engine.resident import Resident
from tenantry.fleet.engine.results import Listener, OnEvent, Result, StackLocked, UpdateFailed
from tenantry.fleet.engine.stacks import QuietStack, ResidentStack, StockCommand, separate_channels, without_debug
from tenantry.fleet.engine.succession import ResidentCommand, Succession
from tenantry.problems import UnreachableError, problem

PROJECT: Final = "tenantry"
"""The Pulumi project of every stack that tenantry makes."""

T = TypeVar("T")
Program = Callable[[], None]


class Engine:
    """Pulumi's engine over one backend, as a context manager.

    `pulumi_home` is Pulumi's own folder (plug-ins' metadata, logs), `backend` where state lives, `passphrase_file` the
    file whose content encrypts secrets in state, `plugins` the folders with the providers' executables. `environment`
    is added to what the engine and the providers see. `work_dir` keeps the stacks' settings files, in `pulumi_home`
    unless said. `binary` is the stock `pulumi`, `resident` the resident engine; where neither is said, they are looked
    for: `pulumi` on the PATH, the resident one beside it.

    Every operation raises UpdateFailed (TEN-511) with what the engine and the providers said, StackLocked (TEN-512)
    where another update holds the stack, and UnreachableError (TEN-510) where the engine itself can't be run or died.
    """

    def __init__(
        self,
        *,
        pulumi_home: Path,
        backend: Backend,
        passphrase_file: Path,
        plugins: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        work_dir: Path | None = None,
        binary: Path | None = None,
        resident: Path | None = None,
    ) -> None:
        separate_channels()
        self._home, self._backend = pulumi_home, backend
        self._work_dir = work_dir or pulumi_home / "projects" / PROJECT
        self._binary = binary or Path(shutil.which("pulumi") or "pulumi")
        self._resident_binary = _resident_binary(resident, self._binary)
        self._residents: Succession | None = None
        self._listing = threading.Lock()
        self._listed: set[str] | None = None
        path = os.pathsep.join([*map(str, plugins), os.environ.get("PATH", "")])
        self._environment = {
            "PULUMI_HOME": str(pulumi_home),
            "PULUMI_BACKEND_URL": backend.url,
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase_file),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # One provider serves all stacks of a site. Fairness is the API server's to keep;
            # the provider's own default, 50 a second, is one tenant's worth.
            "PULUMI_K8S_CLIENT_QPS": "1000",
            "PULUMI_K8S_CLIENT_BURST": "2000",
            "PATH": path,
            **(environment or {}),
        }

    def __enter__(self) -> Self:
        """Start the resident engine, where there is one."""
        self._work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = {"name": PROJECT, "runtime": "python", "backend": {"url": self._backend.url}}
        write_atomic(self._work_dir / "Pulumi.yaml", yaml.safe_dump(settings).encode())
        if self._resident_binary:
            log = self._home / "engine.log"
            start = partial(Resident, self._resident_binary, self._environment, self._work_dir, log)
            try:
                self._residents = Succession(start)
            except OSError as error:
                raise _not_run(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the resident engine: updates under way are cancelled, and what they made is written to state."""
        if self._residents:
            self._residents.close()

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
        result = self._run(stack, None, on_event, lambda s, e: s.destroy(on_event=e, remove=remove or None, **_QUIET))
        with self._listing:
            if remove and self._listed is not None:
                self._listed.discard(stack)
        return result

    def export(self, stack: str) -> bytes | None:
        """Give a stack's state as it is kept, with its secrets encrypted; nothing where it has none."""
        if not self.exists(stack):
            return None
        workspace = self._stack(stack, None).workspace
        # The Automation API's own export asks for the secrets in clear.
        command = ["stack", "export", "--stack", stack]
        said = self._call(
            stack, lambda: workspace.pulumi_command.run(command, workspace.work_dir, dict(workspace.env_vars))
        )
        return said.stdout.encode()

    def cancel(self, stack: str) -> None:
        """Remove the locks of updates that were killed. Never call it while an update of the stack is under way."""
        self._call(stack, self._stack(stack, None).cancel)

    def exists(self, stack: str) -> bool:
        """Say whether a stack has state."""
        folder = self._backend.folder
        if folder:
            return any((folder / "stacks" / PROJECT / f"{stack}.json{end}").exists() for end in _COMPRESSED)
        with self._listing:
            if self._listed is None:
                # Once for all stacks: a list is a request to the backend for each thousand of them.
                found: list[auto.StackSummary] = self._call(stack, self._stack(stack, None).workspace.list_stacks)
                self._listed = {summary.name.rpartition("/")[2] for summary in found}
            return stack in self._listed

    def holds_resources(self, stack: str) -> bool:
        """Say whether a stack's state has resources: a preview makes it without any."""
        return self.exists(stack) and self._call(stack, self._stack(stack, None).count_resources) > 0

    def _create_missing(self, stack: str) -> None:
        if not self.exists(stack):
            with suppress(auto.StackAlreadyExistsError):
                self._call(stack, lambda: self._stack(stack, None).workspace.create_stack(stack))
            with self._listing:
                if self._listed is not None:
                    self._listed.add(stack)

    def _run(
        self,
        stack: str,
        program: Program | None,
        on_event: OnEvent | None,
        operation: Callable[[QuietStack, OnEvent], object],
    ) -> Result:
        listener = Listener(on_event)
        made = self._stack(stack, program, all_events=on_event is not None)
        self._call(stack, lambda: operation(made, listener), listener)
        return Result(listener.changes, tuple(listener.diagnostics))

    def _call(self, stack: str, call: Callable[[], T], listener: Listener | None = None) -> T:
        try:
            return call()
        except auto.ConcurrentUpdateError as error:
            raise StackLocked(stack, _last_words(error)) from error
        except auto.StackAlreadyExistsError:
            raise
        except auto.CommandError as error:
            raise UpdateFailed(stack, listener.errors if listener else [], _last_words(error)) from error
        except OSError as error:
            raise _not_run(error) from error

    def _stack(self, stack: str, program: Program | None, *, all_events: bool = False) -> QuietStack:
        residents = self._residents
        if not residents:
            return QuietStack(stack, self._workspace(program, StockCommand(self._binary)))
        return ResidentStack(
            stack, lambda hear: self._workspace(program, ResidentCommand(residents, hear, all_events=all_events))
        )

    def _workspace(self, program: Program | None, command: auto.PulumiCommand) -> auto.LocalWorkspace:
        return auto.LocalWorkspace(
            work_dir=str(self._work_dir),
            program=program and without_debug(program),
            env_vars=self._environment,
            secrets_provider="passphrase",
            pulumi_command=command,
        )


RESIDENT: Final = "pulumi-engine"
"""The resident engine's binary, one of the toolchain's."""

_COMPRESSED: Final = ("", ".gz", ".zst")
_PLAIN: Final[Mapping[str, Any]] = {"color": "never", "suppress_progress": True}
_QUIET: Final[Mapping[str, Any]] = {**_PLAIN, "suppress_outputs": True}


def _last_words(error: auto.CommandError) -> str:
    """Give what a failed command said on its error stream, in one line."""
    said = str(error).partition("stderr:")[2].strip() or str(error).strip()
    return " ".join(said.removeprefix("error:").split()).rstrip(".")


def _resident_binary(given: Path | None, stock: Path) -> Path | None:
    """Find the resident engine; nothing where the stock one is asked for, or where there is no other."""
    if os.environ.get("TENANTRY_ENGINE") == "cli":
        return None
    if given:
        return given
    beside = stock.with_name(RESIDENT)
    return beside if beside.is_file() else None


def _not_run(error: OSError) -> UnreachableError:
    return UnreachableError(
        problem("TEN-510", f"Pulumi's engine can't be run: {error}", "run `tenantry toolchain build`")
    )
