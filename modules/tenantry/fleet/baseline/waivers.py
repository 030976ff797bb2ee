"""The waivers of a government that are in force today."""

from pathlib import Path

from tenantry.check.waivers import find_waivers
from tenantry.contract.model import Waiver
from tenantry.contract.rules.waivers import judge_waivers
from tenantry.fleet.government import read_government
from tenantry.problems import InputError


def read_waivers_around(context: Path | None) -> tuple[Waiver, ...]:
    """Read a government's waivers, by default of the one around the folder here.

    Raises InputError where there is no government (TEN-673), or something in it can't be read, or a waiver isn't sound:
    what isn't understood would be taken for withdrawn.
    """
    documents, problems = read_government(context, "TEN-673", "so that all waivers would be withdrawn")
    problems += judge_waivers(documents)
    if problems:
        raise InputError(sorted(problems))
    return find_waivers(documents)
