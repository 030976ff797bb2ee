"""What the rules look at."""

from dataclasses import dataclass
from datetime import date

from tenantry.contract.documents import Documents
from tenantry.contract.model import Baseline, Tenant
from tenantry.contract.reading.document import Document, Path
from tenantry.problems import Problem


@dataclass(frozen=True, slots=True)
class Completed:
    """A tenant with the request that it was completed from, so that a problem knows its place."""

    request: Document
    tenant: Tenant

    def problem(self, code: str, what: str, fix: str, *path: str | int) -> Problem:
        """Make a problem with one of the request's properties, below `spec`."""
        at: Path = ("spec", *path)
        return self.request.problem(code, what, fix, at)


@dataclass(frozen=True, slots=True)
class Scope:
    """All that is known: every document, the baseline in force, the tenants that could be completed, and the day."""

    documents: Documents
    baseline: Baseline
    completed: tuple[Completed, ...]
    day: date
