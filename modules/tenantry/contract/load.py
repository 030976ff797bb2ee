"""The contract's front door: paths in, frozen values out, or every problem of every file at once."""

from collections.abc import Sequence
from pathlib import Path

from tenantry.contract.defaults import complete_request
from tenantry.contract.documents import Documents, read_documents
from tenantry.contract.model import Baseline, Tenant
from tenantry.contract.structure import structure
from tenantry.data import baseline_file
from tenantry.problems import InputError, problem

__all__ = ["Documents", "complete", "load_baseline", "load_documents"]


def load_documents(paths: Sequence[Path], root: Path | None = None) -> Documents:
    """Read and validate all documents of files and folders; folders are walked for YAML and JSON files.

    A link that leads out of `root` (by default: out of the folder that was walked) is refused. Raises InputError with
    all problems of all files.
    """
    documents, problems = read_documents(paths, root)
    if problems:
        raise InputError(sorted(problems))
    return documents


def load_baseline(path: Path | None = None) -> Baseline:
    """Read a baseline; by default the one that ships with this version. Raises InputError."""
    file = path or baseline_file()
    baselines = load_documents([file]).baselines
    if len(baselines) != 1:
        raise InputError(problem("TEN-114", "this isn't one baseline", "name a file with one Baseline", file=str(file)))
    return next(iter(baselines.values()))


def complete(documents: Documents, baseline: Baseline) -> tuple[Tenant, ...]:
    """Fill in every request's defaults and build its tenant, in order of id.

    Raises InputError with all problems of all requests.
    """
    raws = (
        complete_request(request.data, baseline, documents.departments.get(request.spec["department"]))
        for request in documents.requests
    )
    return tuple(sorted((structure(raw, Tenant) for raw in raws), key=lambda tenant: tenant.id))
