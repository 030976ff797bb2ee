"""`pulumi-analyzer-policy-python`: the executable by which Pulumi's engine starts a policy pack in Python.

A full installation of Pulumi starts packs by its Python language host. The engine alone looks for this name on the
PATH, and runs it in the pack's folder with its own address, the folder, and the options of `PulumiPolicy.yaml`.
"""

import os
import sys
from pathlib import Path

from tenantry.data import policy_dir
from tenantry.problems import problem

_VIRTUALENV = "-virtualenv="


def main() -> None:
    """Become the Python that runs the pack of this folder: tenantry's own for its own pack, for others Pulumi's."""
    given = [one for one in sys.argv[1:] if one.startswith(_VIRTUALENV)]
    python, environment = sys.executable, dict(os.environ)
    if given:
        folder = Path(given[-1].removeprefix(_VIRTUALENV)).absolute()
        python = str(folder / "bin" / "python")
        environment["PATH"] = os.pathsep.join([str(folder / "bin"), environment.get("PATH", "")])
        environment.pop("PYTHONHOME", None)
    elif Path.cwd() != policy_dir().resolve():
        python = environment.get("PULUMI_PYTHON_CMD", "python3")
    arguments = [one for one in sys.argv[1:] if one not in given]
    try:
        os.execvpe(python, [python, "-u", "-m", "pulumi.policy", *arguments], environment)  # noqa: S606
    except OSError as error:
        what = f"{python}, which is to run the policy pack in {Path.cwd()}, can't be run: {error.strerror}"
        sys.exit(str(problem("TEN-658", what, "make the virtual environment that its PulumiPolicy.yaml names")))
