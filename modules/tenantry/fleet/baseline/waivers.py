"""The waivers of a government that are in force today."""

from pathlib import Path

from tenantry.check.waivers import find_waivers
from tenantry.contract.documents import read_documents
from tenantry.contract.model import Waiver
from tenantry.contract.reading.finding import government_root
from tenantry.contract.rules.waivers import judge_waivers
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.problems import InputError, problem


def read_waivers_around(context: Path | None) -> tuple[Waiver, ...]:
    """Read a government's waivers, by default of the one around the folder here.

    Raises InputError where there is no government (TEN-673), or something in it can't be read, or a waiver isn't sound:
    what isn't understood would be taken for withdrawn.
    """
    root = context or government_root(Path.cwd())
    if root is None:
        what = "there is no government's folder here, so that all waivers would be withdrawn"
        raise InputError(problem("TEN-673", what, "run it there, or name the folder with --context"))
    documents, problems = read_documents([], context=[root], others=STORE_KINDS)
    problems += judge_waivers(documents)
    if problems:
        raise InputError(sorted(problems))
    return find_waivers(documents)
