"""A government's documents, for what is done to a site rather than to tenants."""

from pathlib import Path

from tenantry.contract.documents import Documents, read_documents
from tenantry.contract.model import Site
from tenantry.contract.reading.finding import government_root
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.problems import InputError, Problem, problem

_FIX = "run it there, or name the folder with --context"


def find_government(context: Path | None, code: str, why: str) -> Path:
    """Give the government's folder, by default the one around the folder here.

    Raises InputError with `code` where there is none; `why` says what comes of that.
    """
    root = context or government_root(Path.cwd())
    if root is None:
        raise InputError(problem(code, f"there is no government's folder here, {why}", _FIX))
    return root


def read_government(context: Path | None, code: str, why: str) -> tuple[Documents, list[Problem]]:
    """Read a government's sound documents, by default of the one around the folder here, and all problems of them.

    Raises InputError with `code` where there is no government; `why` says what comes of that.
    """
    root = find_government(context, code, why)
    return read_documents([], context=[root], others=STORE_KINDS)


def read_site_document(name: str, context: Path | None) -> tuple[Site, Documents]:
    """Read a site's document of a government, and all documents around it.

    Raises InputError where there is none of that name (TEN-520), or something of the government can't be read.
    """
    documents, problems = read_government(context, "TEN-520", f"so that no Site document of {name} is known")
    if problems:
        raise InputError(sorted(problems))
    if name not in documents.sites:
        known = ", ".join(sorted(documents.sites))
        fix = f"choose one of {known}" if known else "name the folder of the sites with --context"
        raise InputError(problem("TEN-520", f"no Site document of {name} is known", fix))
    return documents.sites[name], documents
