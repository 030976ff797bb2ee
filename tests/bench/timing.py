"""Times whole commands: wall seconds, and the most memory that all processes of a command took together."""

import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

SAMPLE_SECONDS = 1.0
"""Between two looks at the memory: each takes the kernel milliseconds a process, which stands still meanwhile."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One run of a command."""

    seconds: float
    mebibytes: float


def run(command: Sequence[str], environment: Mapping[str, str], *, memory: bool = False) -> Timed:
    """Run a command to its end; one that fails ends the bench with what it said."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    peak = [0.0]
    sampler = threading.Thread(target=_sample, args=(process.pid, peak), daemon=True)
    if memory:
        sampler.start()
    said, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}:\n{said[-4000:]}")
    return Timed(seconds, peak[0])


def _sample(pid: int, peak: list[float]) -> None:
    """Add up what a process and all its children take for themselves (USS: shared pages aren't counted twice)."""
    try:
        root = psutil.Process(pid)
        while True:
            total = 0
            for process in [root, *root.children(recursive=True)]:
                try:
                    total += process.memory_full_info().uss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total / 2**20)
            time.sleep(SAMPLE_SECONDS)
    except psutil.Error:
        return


def median(values: Sequence[float]) -> float:
    """Give the middle of some measurements."""
    return statistics.median(values)
