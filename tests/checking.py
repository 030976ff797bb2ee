"""Running `tenantry check` as a security team's CI does."""

import subprocess
import sys
from pathlib import Path

DIGEST = "0" * 64
"""The digest of an image, for manifests that are to be sound."""


def check(*arguments: str | Path, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end; the caller looks at exit code and output."""
    command = [sys.executable, "-m", "tenantry", "check", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=cwd, timeout=60)
