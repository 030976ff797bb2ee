"""A site as its document says it is, for what is done to a site rather than to tenants."""

from pathlib import Path

from tenantry.contract.documents import read_documents
from tenantry.contract.model import Site
from tenantry.contract.reading.finding import government_root
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.problems import InputError, problem


def read_site_document(name: str, context: Path | None) -> Site:
    """Read a site's document of a government, by default of the one around the folder here.

    Raises InputError where there is none of that name (TEN-520), or something of the government can't be read.
    """
    root = context or government_root(Path.cwd())
    fix = "name the government's folder with --context"
    if root is None:
        what = f"no Site document of {name} is known: there is no government's folder here"
        raise InputError(problem("TEN-520", what, fix))
    documents, problems = read_documents([], context=[root], others=STORE_KINDS)
    if problems:
        raise InputError(sorted(problems))
    site = documents.sites.get(name)
    if site is None:
        known = ", ".join(sorted(documents.sites)) or "none"
        raise InputError(problem("TEN-520", f"no Site document of {name} is known below {root}, but {known}", fix))
    return site
