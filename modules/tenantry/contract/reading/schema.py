"""Validates documents by the JSON Schema of their kind."""

from tenantry.contract.reading.document import Document
from tenantry.problems import Problem


def validate(document: Document) -> tuple[Problem, ...]:
    """Give every way in which a document isn't what its kind's schema says."""
    return ()
