"""What is rendered is, byte for byte, what was reviewed."""

import difflib

from golden import catalogue, usage
from golden.cases import FOLDER, files

HOW = "If the change is meant, renew the files with `python -m tests.golden.renew` and review the difference."


def test_what_is_rendered_is_what_was_reviewed() -> None:
    made = {**files(), **catalogue.files(), **usage.files()}
    kept = {path: path.read_bytes() for folder in (FOLDER, catalogue.KEPT, usage.KEPT) for path in folder.iterdir()}
    wrong = [path for path in sorted({*made, *kept}) if made.get(path, "").encode() != kept.get(path)]
    told = "\n".join(
        line
        for path in wrong
        for line in difflib.unified_diff(
            kept.get(path, b"").decode().splitlines(),
            made.get(path, "").splitlines(),
            f"reviewed/{path.name}",
            f"rendered/{path.name}",
            lineterm="",
        )
    )
    assert not wrong, f"{told}\n{HOW}"
