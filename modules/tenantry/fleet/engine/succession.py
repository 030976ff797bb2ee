"""Resident engines in succession: each carries out so many operations, then the next takes over.

Pulumi's engine is made to end with its update. In a process that stays, goroutines that wait for nothing keep what
each update held, some 8 MiB a tenant with the garbage collector's slack, until the process ends (docs/adr/0014).
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import pulumi.automation as auto
from semver import VersionInfo

from tenantry.fleet.engine.resident import OnJson, Resident
from tenantry.fleet.engine.stacks import pulumi_version

OPERATIONS: Final = 100
"""How many command lines one engine carries out: a new stack takes two, its creation and its update."""


class Succession:
    """What `Resident` is, for any number of operations. Safe to share between threads.

    At its turn's end an engine gets no more to do, and ends as soon as the last of its operations has. One that died
    has no successor: what killed it may kill the next one, too, and the user is to hear of it.
    """

    def __init__(self, start: Callable[[], Resident]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._latest = start()
        self._taken = 0
        self._under_way = {self._latest: 0}

    @property
    def pids(self) -> list[int]:
        """The process ids of the engines that haven't ended, the latest last."""
        with self._lock:
            return [engine.pid for engine in self._under_way]

    def run(self, args: list[str], on_event: OnJson, *, all_events: bool) -> auto.CommandResult:
        """Carry out a command line on the engine whose turn it is, as `Resident.run` does."""
        engine = self._take()
        try:
            return engine.run(args, on_event, all_events=all_events)
        finally:
            self._give_back(engine)

    def close(self) -> None:
        """Let all engines end, at the same time: the updates of each are cancelled, and its state is written."""
        with self._lock:
            engines = list(self._under_way)
            for engine in engines:
                engine.ask_to_end()
        for engine in engines:
            engine.close()

    def _take(self) -> Resident:
        with self._lock:
            before = self._latest
            if self._taken >= OPERATIONS and not before.ended:
                self._latest = self._start()
                self._under_way[self._latest] = self._taken = 0
            self._taken += 1
            self._under_way[self._latest] += 1
            taken = self._latest
        self._end_if_over(before)
        return taken

    def _give_back(self, engine: Resident) -> None:
        with self._lock:
            self._under_way[engine] -= 1
        self._end_if_over(engine)

    def _end_if_over(self, engine: Resident) -> None:
        with self._lock:
            if engine is self._latest or self._under_way.get(engine, 1):
                return
            del self._under_way[engine]
        engine.close()


class ResidentCommand(auto.PulumiCommand):
    """The Automation API's way to the resident engines, for one operation."""

    def __init__(self, engines: Succession, on_event: OnJson, *, all_events: bool) -> None:
        self.command = "pulumi-engine"
        self.version = VersionInfo.parse(pulumi_version())
        self._engines, self._on_event, self._all_events = engines, on_event, all_events

    def run(
        self,
        args: list[str],
        cwd: str,  # noqa: ARG002  the engine has one
        additional_env: Mapping[str, str],  # noqa: ARG002  given to the engine at its start
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> auto.CommandResult:
        """Carry out a command line, as the parent does with a process of its own."""
        result = self._engines.run(args, self._on_event, all_events=self._all_events)
        for call, text in ((on_output, result.stdout), (on_error, result.stderr)):
            if call and text:
                call(text)
        return result
