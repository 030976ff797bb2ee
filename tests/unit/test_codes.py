"""Every code that tenantry gives is in docs/codes.md, and every code there is given."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"\bTEN-\d{3}\b")
ROW = re.compile(r"^\| (TEN-\d{3}) \| \S.* \| \S.* \|$")


def given() -> set[str]:
    """Give every code in the package."""
    sources = (ROOT / "modules").rglob("*.py")
    return {code for source in sources for code in CODE.findall(source.read_text(encoding="utf-8"))}


def rows() -> list[str]:
    """Give the lines of the table of codes."""
    page = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
    return [line for line in page.splitlines() if line.startswith("| TEN-")]


def test_every_code_is_explained() -> None:
    assert given() - {line.split()[1] for line in rows()} == set()


def test_every_explained_code_is_given() -> None:
    assert {line.split()[1] for line in rows()} - given() == set()


def test_the_table_is_whole_and_sorted() -> None:
    assert [line for line in rows() if not ROW.match(line)] == []
    assert [line.split()[1] for line in rows()] == sorted({line.split()[1] for line in rows()})
