"""Writes the golden files anew: `python -m tests.golden.renew`. Read the difference before you commit it."""

import sys
from pathlib import Path

# The tests' own modules are imported as pytest does, from `tests`.
sys.path.insert(0, str(Path(__file__).parents[1]))

from golden import catalogue, usage
from golden.cases import FOLDER, files
from policy.baseline import FINDINGS, write_findings


def renew() -> None:
    """Write every golden file, and what policies say of their cases; remove those of requests that are no more."""
    FOLDER.mkdir(exist_ok=True)
    made = files()
    for stale in set(FOLDER.iterdir()) - made.keys():
        stale.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    for path, text in {**catalogue.files(), **usage.files()}.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    FINDINGS.write_text(write_findings(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    renew()
