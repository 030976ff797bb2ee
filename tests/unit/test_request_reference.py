"""docs/request.md is what the schema says."""

from pathlib import Path

from tenantry.contract.reference import write_reference


def test_the_page_is_made_from_the_schema() -> None:
    page = Path(__file__).parents[2] / "docs" / "request.md"
    assert page.read_text(encoding="utf-8") == write_reference()
