"""Imports go one way: contract <- render <- components <- fleet <- cli, and contract <- policy <- fleet."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "modules" / "tenantry"
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists())

# The rooms that each room may import, besides itself and the package's own plain modules.
MAY_IMPORT = {
    "contract": set[str](),
    "render": {"contract"},
    "reach": {"contract", "render"},
    "catalogue": {"contract", "render"},
    "metering": {"contract", "render"},
    "policy": {"contract"},
    "objectstore": set[str](),
    "toolchain": set[str](),
    "sandbox": {"toolchain"},
    "components": {"contract", "render", "objectstore"},
    "check": {"contract", "render", "policy", "objectstore"},
    "pack": {"contract", "render", "policy", "check", "objectstore"},
    "hosts": {"contract", "policy", "toolchain"},
    "evidence": {"contract", "policy"},
    "fleet": {
        "contract",
        "render",
        "reach",
        "catalogue",
        "metering",
        "policy",
        "check",
        "components",
        "objectstore",
        "toolchain",
        "evidence",
    },
    "cli": set(ROOMS) - {"cli"},
}
# What reaches out to a site, which whatever is pure must not.
CLIENTS = {"pulumi", "pulumi_kubernetes", "boto3", "botocore", "kubernetes", "urllib3", "socket", "http", "subprocess"}


def imports(room: str) -> Iterator[tuple[str, str]]:
    """Give every module that a room's files import anywhere, also within functions, and the file."""
    for path in sorted((PACKAGE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                module = node.module or ""
                # `from tenantry import sandbox` imports a room, too.
                found = [f"{module}.{alias.name}" for alias in node.names] if module == "tenantry" else [module]
            else:
                continue
            yield from ((name, str(path.relative_to(PACKAGE))) for name in found)


def test_every_room_has_its_place() -> None:
    assert set(ROOMS) <= MAY_IMPORT.keys()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_is_below_it(room: str) -> None:
    wrong = [
        f"{file} imports {name}"
        for name, file in imports(room)
        if name.startswith("tenantry.") and name.split(".")[1] in {*ROOMS} - MAY_IMPORT[room] - {room}
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["contract", "render", "catalogue", "metering", "policy"])
def test_what_is_pure_reaches_no_site(room: str) -> None:
    if room not in ROOMS:
        return
    assert [f"{file} imports {name}" for name, file in imports(room) if name.split(".")[0] in CLIENTS] == []


def loaded(*arguments: str) -> set[str]:
    """Run the command line in a process of its own; give every top module that it loaded."""
    code = (
        "import json, sys\n"
        "from tenantry.cli import main\n"
        f"sys.argv = ['tenantry', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "finally:\n    sys.stderr.write(json.dumps([name.split('.')[0] for name in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stderr))


@pytest.mark.parametrize("arguments", [("--help",), ("render", "--help"), ("version",)])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    heavy = {"pulumi", "boto3", "botocore", "grpc", "jsonschema", "rich", "cryptography", "distributed", "ruamel"}
    assert loaded(*arguments) & heavy == set()


def test_rendering_loads_no_client() -> None:
    example = PACKAGE.parents[1] / "stacks" / "example" / "tenants" / "laa-portal.yaml"
    assert loaded("render", str(example)) & {"pulumi", "boto3", "botocore", "grpc"} == set()


def test_an_apply_loads_the_engine_only_once_something_differs() -> None:
    loaded = "print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    code = f"import json, sys, tenantry.fleet.applying.apply; {loaded}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert set(json.loads(done.stdout)) & {"pulumi", "boto3", "grpc"} == set()
