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


def _say_state(step: Step) -> str:
    name = f"{step.component} {step.version}"
    return {
        "waiting": f"waiting for another process that builds {name}",
        "fetching": f"fetching Go, to build {name}",
        "building": f"building {name}",
        "built": f"built {name}",
    }[step.state]


def _say_packages(step: Step) -> str:
    return f"{step.packages} of {step.of} packages" if step.of else "fetching its modules"


class _Bars:
    """One bar a component, over its packages."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: Step) -> None:
        text = _say_state(step)
        if step.component not in self._tasks:
            self._tasks[step.component] = self._bars.add_task(text, total=None, detail="")
        task = self._tasks[step.component]
        if step.state == "built":
            self._bars.update(task, description=text, total=1, completed=1, detail="")
        elif step.state == "building":
            total = step.of or None
            self._bars.update(task, description=text, total=total, completed=step.packages, detail=_say_packages(step))
        else:
            self._bars.update(task, description=text)


class _Plain:
    """A line at the start, one every half minute, and one at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[tuple[str, str], float] = {}

    def __call__(self, step: Step) -> None:
        key = (step.component, step.state)
        if step.state == "built":
            self._line(f"{_say_state(step)} in {step.seconds:.0f} s")
        elif key not in self._said:
            self._said[key] = step.seconds
            self._line(f"{_say_state(step)} (log: {step.log})" if step.state == "building" else _say_state(step))
        elif step.seconds - self._said[key] >= _PLAIN_SECONDS:
            self._said[key] = step.seconds
            self._line(f"{_say_state(step)}: {_say_packages(step)}, {step.seconds:.0f} s")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
