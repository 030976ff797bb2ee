"""Stacks without the Automation API's calls around an operation (outputs, history, selection, version)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pulumi.automation as auto
from pulumi.automation.events import EngineEvent
from pulumi.runtime import settings
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2
from semver import VersionInfo

from tenantry.fleet.engine.resident import OnJson

_OWN_POOL = ("grpc.use_local_subchannel_pool", 1)


def pulumi_version() -> str:
    """Return the version of Pulumi's Python package, which pins the engine's."""
    return metadata.version("pulumi")


class QuietStack(auto.Stack):
    """A stack on which each operation is one command."""

    def __init__(self, name: str, workspace: auto.LocalWorkspace) -> None:
        # Not the parent's: that one runs `pulumi stack select`.
        self.name, self.workspace = name, workspace

    def outputs(self) -> auto.OutputMap:
        """Give none: tenantry's stacks have no outputs."""
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:  # noqa: ARG002
        """Give no history: what an operation did is heard from its events."""
        return auto.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")

    def count_resources(self) -> int:
        """Count the resources in its state. Secrets stay as they are in there."""
        space = self.workspace
        args = ["stack", "export", "--stack", self.name]
        exported = space.pulumi_command.run(args, space.work_dir, space.env_vars).stdout
        deployment = json.loads(exported)["deployment"] or {}
        return len(deployment.get("resources") or ())


class ResidentStack(QuietStack):
    """A stack whose events come with the resident engine's answers, not through a server of their own.

    `workspace_for` makes its workspace around the function that is to be called with each of them.
    """

    _hear: Callable[[EngineEvent], Any] | None = None

    def __init__(self, name: str, workspace_for: Callable[[OnJson], auto.LocalWorkspace]) -> None:
        super().__init__(name, workspace_for(self.hear))

    def hear(self, event: dict[str, Any]) -> None:
        """Take an event of the operation under way."""
        if self._hear:
            self._hear(EngineEvent.from_json(event))

    def _setup_event_log(self, command: str, on_event: Callable[[EngineEvent], Any], pulumi_version: str) -> Any:  # noqa: ANN401, ARG002
        self._hear = on_event
        return "resident", None, None, None, None


class StockCommand(auto.PulumiCommand):
    """The stock `pulumi`, one process a call; its version is pinned with the toolchain, so it isn't asked for it."""

    def __init__(self, binary: Path) -> None:
        self.command = str(binary)
        self.version = VersionInfo.parse(pulumi_version())


class _WithoutDebug:
    """The engine's stub, but for messages that only `pulumi up --debug` would show."""

    def __init__(self, stub: Any) -> None:  # noqa: ANN401
        self._stub = stub

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._stub, name)

    def Log(self, request: engine_pb2.LogRequest) -> object:
        """Pass a message on unless it is for debugging."""
        return None if request.severity == engine_pb2.DEBUG else self._stub.Log(request)


def separate_channels() -> None:
    """Let no update suffer from how another one ended, from now on.

    gRPC shares what it knows of an address among the channels of a process: where one was refused, the next isn't even
    tried for a second, though another update's engine may have got the port meanwhile.
    """
    if _OWN_POOL not in _GRPC_CHANNEL_OPTIONS:
        _GRPC_CHANNEL_OPTIONS.append(_OWN_POOL)


def without_debug(program: Callable[[], None]) -> Callable[[], None]:
    """Make a program that keeps its debug messages to itself.

    Pulumi's Python SDK sends the engine four of them for each resource, a blocking call each: half the time that a
    program takes, for text that the engine drops.
    """

    def run() -> None:
        settings.SETTINGS.engine = _WithoutDebug(settings.get_engine())
        program()

    return run
