"""Every command explains itself, with an example that is right; what is mistyped gets a message, not a traceback."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from tenantry.cli import COMMANDS, app

EXAMPLE = re.compile(r"^Example: (tenantry .+|eval \"\$\(tenantry .+\)\")$", re.MULTILINE)
ROOT = Path(__file__).parents[2]


def commands() -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Give every command with the words that call it."""
    for name in COMMANDS:
        import_module(f"tenantry.cli.{name}")
    yield from _below("", get_command(app))


def _below(words: str, command: TyperCommand | TyperGroup) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from _below(f"{words} {name}".strip(), child)
        if not command.invoke_without_command:
            return
    yield words, command


ALL = dict(commands())


@pytest.mark.parametrize("words", ALL)
def test_a_command_has_an_example_that_parses(words: str) -> None:
    found = EXAMPLE.search(ALL[words].help or "")
    assert found, f"{words} has no line `Example: tenantry {words} ...`"
    line = found[1].removeprefix('eval "$(').removesuffix(')"')
    arguments = shlex.split(line)[1:]
    assert arguments[: len(words.split())] == words.split()
    _parse(arguments)


def _parse(arguments: list[str]) -> None:
    """Parse a command line without running it; a wrong word, option or value raises a usage error."""
    command = get_command(app)
    while isinstance(command, TyperGroup) and arguments and arguments[0] in command.commands:
        command, arguments = command.commands[arguments[0]], arguments[1:]
    command.make_context(command.name, arguments)


@pytest.mark.parametrize("words", ALL)
def test_a_command_says_what_it_and_its_options_are_for(words: str) -> None:
    command = ALL[words]
    first = (command.help or "").splitlines()[0]
    assert len(first) > 10
    assert first.endswith((".", ":"))
    bare = [p.name for p in command.params if not getattr(p, "help", None) and p.name not in {"help"}]
    assert bare == []


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tenantry", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


@pytest.mark.parametrize(
    "line",
    [
        "chekc a.yaml",
        "check --contxt a",
        "check",
        "new nonsense",
        "check missing.yaml",
        "render missing.yaml",
        "render missing.yaml --context nowhere",
        "plan missing.yaml",
        "apply missing.yaml",
        "apply missing.yaml --jobs none",
        "status missing.yaml",
        "retire missing.yaml --yes",
        "sandbox upp",
        "toolchain buidl",
    ],
)
def test_what_is_mistyped_is_told_of(line: str, tmp_path: Path) -> None:
    done = run(*line.split(), cwd=tmp_path)
    told = done.stdout + done.stderr
    assert done.returncode == 2, told
    assert "Traceback" not in told
    assert len(told.strip()) > 10


@pytest.mark.parametrize("words", ALL)
def test_help_is_asked_for_at_any_command(words: str) -> None:
    done = run(*words.split(), "--help", cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.lstrip().startswith("Usage:")
