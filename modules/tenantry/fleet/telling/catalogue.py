"""The government's catalogue: made of its requests and grants, and published at the site that has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from tenantry.catalogue.document import DOCUMENT, PAGE, Home, write_document
from tenantry.catalogue.entries import Entry, find_entries
from tenantry.catalogue.page import write_page
from tenantry.catalogue.validate import validate_catalogue
from tenantry.connection import read_connection
from tenantry.contract.documents import Documents
from tenantry.contract.model import Site, SiteCatalogue, today
from tenantry.fleet.selection import Selection
from tenantry.objectstore.contents.public import PublicFile, Published, publish_files
from tenantry.problems import InputError, Problem, UnreachableError, problem
from tenantry.render.store.statements import write_bucket_policy

TYPES = {DOCUMENT: "application/ld+json", PAGE: "text/html; charset=utf-8"}
"""The media types of the catalogue's files."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the catalogue has, its JSON-LD, and the site and the bucket that it is for."""

    entries: tuple[Entry, ...]
    document: Mapping[str, Any]
    site: Site
    place: SiteCatalogue

    @property
    def files(self) -> Mapping[str, bytes]:
        """Its files by name: the same datasets give the same bytes."""
        written = orjson.dumps(self.document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return {DOCUMENT: written, PAGE: write_page(self.document).encode()}

    @property
    def address(self) -> str:
        """Where people read it."""
        return str(self.document["foaf:homepage"]["@id"])


def make_catalogue(selection: Selection, day: date | None = None) -> Catalogue:
    """Make the catalogue of tenants on a day, by default today, and hold it to its schema.

    Raises InputError where no site has the catalogue (TEN-534) or a site's address isn't known (TEN-535).
    """
    documents = selection.documents
    site, place = _find_home(documents)
    entries = find_entries([one.tenant for one in selection.planned], documents, day or today())
    linked = {entry.tenant.spec.placement.site: None for entry in entries if not entry.shares}
    endpoints = _find_endpoints([documents.sites[name] for name in {site.name: None, **linked} if name])
    publisher = documents.departments[place.publisher]
    home = Home(f"{endpoints[site.name]}/{place.bucket}", place.title, publisher)
    document = write_document(home, entries, endpoints)
    validate_catalogue(document)
    return Catalogue(entries, document, site, place)


def publish_catalogue(catalogue: Catalogue, selection: Selection) -> Mapping[str, Published]:
    """Bring the catalogue's bucket to it; give what became of each file. The page comes last, as it names the other.

    Raises InputError (TEN-536) where tenants were left out, whose data would vanish from it; UnreachableError where
    the store fails, or the bucket is somebody else's.
    """
    missing = len(selection.documents.requests) - len(selection.planned)
    if missing:
        several = "tenants of the government aren't" if missing > 1 else "tenant of the government isn't"
        what = f"{missing} {several} among those named, and would be missing from what everybody reads"
        raise InputError(problem("TEN-536", what, "publish in the government's folder, and name no tenant"))
    files = [PublicFile(name, content, TYPES[name]) for name, content in catalogue.files.items()]
    bucket = catalogue.place.bucket
    return publish_files(catalogue.site.name, bucket, write_bucket_policy(bucket, publish=True), files)


def _find_home(documents: Documents) -> tuple[Site, SiteCatalogue]:
    for site in documents.sites.values():
        if site.spec.catalogue is not None:
            return site, site.spec.catalogue
    fix = "write catalogue, with its bucket, title and publisher, into the Site document of one"
    raise InputError(problem("TEN-534", "no site has the government's catalogue", fix))


def _find_endpoints(sites: Sequence[Site]) -> dict[str, str]:
    """Give the addresses of the sites' stores: what their documents say, else by which this machine reaches them."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for site in sites:
        try:
            found[site.name] = site.spec.public_endpoint or read_connection(site.name).object_store.endpoint.rstrip("/")
        except UnreachableError:
            what = f"the address of site {site.name}'s object store isn't known: its document doesn't say it, and"
            fix = "write publicEndpoint into its Site document, or start the sandbox"
            problems.append(problem("TEN-535", f"{what} this machine has no sound connection to it", fix))
    if problems:
        raise InputError(problems)
    return found
