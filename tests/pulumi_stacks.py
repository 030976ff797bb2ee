"""Stacks of the real Pulumi engine with inline programs, state in files and a passphrase from a file."""

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from pulumi import automation as auto

from tenantry.toolchain import binary

Program = Callable[[], None]


class Stacks:
    """Makes stacks below one folder; every file that the engine writes lies there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("state", "home", "bin"):
            (directory / name).mkdir()
        # The Automation API looks for the engine in a folder named bin, wherever that may lie.
        (directory / "bin" / "pulumi").symlink_to(binary("pulumi"))
        self.passphrase = directory / "passphrase"
        self.passphrase.write_text(secrets.token_hex(16))
        self.passphrase.chmod(0o600)

    def stack(self, name: str, program: Program, **environment: str) -> auto.Stack:
        tools = [Path(sys.executable).parent, binary("pulumi").parent]
        variables = {
            "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]),
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_HOME": str(self.directory / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **environment,
        }
        command = auto.PulumiCommand(str(self.directory), skip_version_check=True)
        settings = self.directory / "settings" / name
        settings.mkdir(parents=True, exist_ok=True)
        options = auto.LocalWorkspaceOptions(work_dir=str(settings), env_vars=variables, pulumi_command=command)
        return auto.create_or_select_stack(stack_name=name, project_name="tests", program=program, opts=options)
