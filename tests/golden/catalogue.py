"""A small government, and the catalogue that it has on a day; kept as `catalogue.jsonld` and `index.html`."""

from datetime import date
from pathlib import Path

import orjson

from tenantry.catalogue.document import DOCUMENT, PAGE, Home, Node, write_document
from tenantry.catalogue.entries import find_entries
from tenantry.catalogue.page import write_page
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete, load_baseline, load_documents

GOVERNMENT = Path(__file__).parent / "government"
KEPT = Path(__file__).parent / "catalogue"
DAY = date(2026, 12, 15)
HOME = "https://data.north.gov.example/gov-catalogue"
ENDPOINTS = {site: f"https://data.{site}.gov.example" for site in ("north", "south")}


def government() -> Documents:
    """Read the small government."""
    return load_documents([GOVERNMENT])


def write(documents: Documents, day: date = DAY) -> Node:
    """Make a government's catalogue on a day."""
    home = Home(HOME, "Data of the government of Northland", documents.departments["digital"])
    return write_document(home, find_entries(complete(documents, load_baseline()), documents, day), ENDPOINTS)


def files() -> dict[Path, str]:
    """Give the text that each of the catalogue's files is to have."""
    document = write(government())
    written = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    return {KEPT / DOCUMENT: written, KEPT / PAGE: write_page(document)}
