"""Times whole commands: wall seconds, and the most memory that all processes of a command took together."""

import statistics
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Timed:
    """One run of a command."""

    seconds: float
    mebibytes: float


def run(
    command: Sequence[str], environment: Mapping[str, str], *, memory: float = 0, codes: Collection[int] = (0,)
) -> Timed:
    """Run a command to its end; one that fails ends the bench with what it said.

    Args:
        command: What to run.
        environment: Its environment.
        memory: Seconds between two looks at the memory, 0 for none: each takes the kernel milliseconds a process, which
            stands still meanwhile.
        codes: The exit codes that are no failure.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    peak = [0.0]
    sampler = threading.Thread(target=_sample, args=(process.pid, peak, memory), daemon=True)
    if memory:
        sampler.start()
    said, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}:\n{said[-4000:]}")
    return Timed(seconds, peak[0])


def _sample(pid: int, peak: list[float], pause: float) -> None:
    """Add up what a process and all its children take (PSS: of a shared page each has its part)."""
    try:
        root = psutil.Process(pid)
        while True:
            total = 0
            for process in [root, *root.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total / 2**20)
            time.sleep(pause)
    except psutil.Error:
        return


def median(values: Sequence[float]) -> float:
    """Give the middle of some measurements."""
    return statistics.median(values)
