"""An inventory from a file, valid and without contradictions."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from tenantry.contract.model import Inventory
from tenantry.contract.reading.reader import read_file
from tenantry.contract.reading.schema import validate
from tenantry.contract.reading.source import file_name
from tenantry.contract.rules.inventory import judge_inventory
from tenantry.contract.structure import structure
from tenantry.problems import InputError, Problem, problem


def read_inventory(path: Path) -> Inventory:
    """Read the inventory that a file holds. Raises InputError with everything that is wrong with it."""
    documents, problems = read_file(path)
    problems = (*problems, *(found for document in documents for found in validate(document)))
    if problems:
        raise InputError(sorted(problems))
    chosen = [document for document in documents if document.kind == "Inventory"]
    if len(chosen) != 1:
        what = f"the file holds {len(chosen) or 'no'} inventories"
        raise InputError(problem("TEN-720", what, "name a file with one, of `kind: Inventory`", file=file_name(path)))
    if wrong := sorted(judge_inventory(chosen[0])):
        raise InputError(wrong)
    return structure(chosen[0].data, Inventory)


def check_limit(inventory: Inventory, names: Sequence[str]) -> None:
    """Raise InputError (TEN-721) for each name that no host of an inventory has."""
    known = [host.name for host in inventory.spec.hosts]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise InputError([_unknown(name, known) for name in wrong])


def _unknown(name: str, known: Sequence[str]) -> Problem:
    close = get_close_matches(name, known, 1, 0.6)
    fix = f"write {close[0]}, if that was meant" if close else "choose one of the inventory's hosts"
    return problem("TEN-721", f"the inventory has no host {name}", fix)
