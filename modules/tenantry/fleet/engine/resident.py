"""The resident engine: one process that carries out the Automation API's command lines, several at once.

The process is `pulumi-engine` of the toolchain (toolchain/pulumi, docs/adr/0014). It is spoken to over its standard
input and output and ends when they close, which is when this process ends.
"""

import contextlib
import itertools
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import psutil
import pulumi.automation as auto
from pulumi.automation.errors import create_command_error

from tenantry.problems import UnreachableError, problem

END_SECONDS: Final = 20
"""How long the engine may take to write its state and end, once it is told to."""

KILL_SECONDS: Final = 5
"""How long what was killed may take to be gone."""

OnJson = Callable[[dict[str, Any]], None]


class _Call:
    """One command line under way."""

    def __init__(self, on_event: OnJson) -> None:
        self.on_event = on_event
        self.ended = threading.Event()
        self.answer: dict[str, Any] | None = None


class Resident:
    """A running `pulumi-engine`. Safe to share between threads."""

    def __init__(self, binary: Path, environment: Mapping[str, str], work_dir: Path, log: Path) -> None:
        self._work_dir, self._log = work_dir, log
        self._calls: dict[int, _Call] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ended = False
        with log.open("ab") as errors:
            # A session of its own: an interrupt from the keyboard is for this process to act on, and what the engine
            # starts can be found by its session.
            self._process = subprocess.Popen(
                [binary],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=work_dir,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, name="pulumi-engine", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The engine's process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it takes no more operations: it died, or was asked to end."""
        return self._ended

    def run(self, args: list[str], on_event: OnJson, *, all_events: bool) -> auto.CommandResult:
        """Carry out a command line. Raises UnreachableError (TEN-510) where the engine has died, or dies meanwhile."""
        call = _Call(on_event)
        number = next(self._numbers)
        request = {"id": number, "args": args, "cwd": str(self._work_dir), "events": all_events}
        try:
            with self._lock:
                if self._ended:
                    raise self._death()
                self._calls[number] = call
                assert self._process.stdin is not None
                self._process.stdin.write(orjson.dumps(request) + b"\n")
                self._process.stdin.flush()
        except OSError as error:
            raise self._death() from error
        call.ended.wait()
        if call.answer is None:
            raise self._death()
        said = call.answer
        result = auto.CommandResult(said.get("stdout", ""), said.get("stderr", ""), said["code"])
        if result.code != 0:
            raise create_command_error(result)
        return result

    def ask_to_end(self) -> None:
        """Ask the engine to end: updates under way are cancelled, their state is written, providers stop."""
        with contextlib.suppress(OSError), self._lock:
            self._ended = True
            assert self._process.stdin is not None
            self._process.stdin.close()

    def close(self) -> None:
        """Ask the engine to end, and wait until it has; kill it where it takes longer than END_SECONDS."""
        self.ask_to_end()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        _end_session(self._process.pid)

    def _read(self) -> None:
        """Hand answers to their calls until the engine closes its output, by its end or by its death."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = orjson.loads(line)
            call = self._calls.get(answer["id"])
            if call is None:
                continue
            if "code" in answer:
                call.answer = answer
                del self._calls[answer["id"]]
                call.ended.set()
            else:
                with contextlib.suppress(Exception):
                    call.on_event(answer["event"])
        self._process.wait()
        with self._lock:
            self._ended = True
            waiting = list(self._calls.values())
        _end_session(self._process.pid)
        for call in waiting:
            call.ended.set()

    def _death(self) -> UnreachableError:
        what = f"Pulumi's engine ended (code {self._process.poll()}); see {self._log}"
        return UnreachableError(problem("TEN-510", what, "run again: what was made is in the stacks' state"))


def _end_session(leader: int) -> None:
    """End what a dead engine left of its session: providers, which would wait for it for minutes."""
    killed = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if process.pid != leader and os.getsid(process.pid) == leader:
                process.send_signal(signal.SIGKILL)
                killed.append(process)
    # One that is busy, or not ours to reap, is still there for a moment.
    psutil.wait_procs(killed, timeout=KILL_SECONDS)
