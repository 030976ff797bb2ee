"""Showing toolchain builds as they go: a line a build, which moves on a terminal and stays plain in a log."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tenantry.toolchain import Progress as BuildProgress
from tenantry.toolchain import Step

_PLAIN_SECONDS = 30


@contextmanager
def show_builds() -> Iterator[BuildProgress]:
    """Give a listener for builds that shows them on standard error, for standard output is the command's."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Plain(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[detail]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        yield _Bars(bars)


class _Bars:
    """One bar a component, over its packages."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: Step) -> None:
        if step.component not in self._tasks:
            text = f"building {step.component} {step.version}"
            self._tasks[step.component] = self._bars.add_task(text, total=None, detail="")
        task = self._tasks[step.component]
        if step.state == "built":
            self._bars.update(task, total=1, completed=1, detail="built")
        elif step.of:
            detail = f"{step.packages}/{step.of} packages"
            self._bars.update(task, total=step.of, completed=step.packages, detail=detail)


class _Plain:
    """A line at the start, one every half minute, and one at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[str, float] = {}

    def __call__(self, step: Step) -> None:
        name = f"{step.component} {step.version}"
        if step.state == "built":
            self._line(f"built {name} in {step.seconds:.0f} s")
        elif step.component not in self._said:
            self._said[step.component] = 0
            self._line(f"building {name} (log: {step.log})")
        elif step.seconds - self._said[step.component] >= _PLAIN_SECONDS:
            self._said[step.component] = step.seconds
            self._line(f"building {name}: {step.packages} of {step.of} packages, {step.seconds:.0f} s")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
