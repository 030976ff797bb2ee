"""Holds a catalogue to its own schema before anything of it is written."""

from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from tenantry.contract.reading.schema import MOST_PROBLEMS, make_validator
from tenantry.data import schema_dir
from tenantry.problems import InputError, problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


@cache
def _validator() -> "Validator":
    return make_validator(orjson.loads((schema_dir() / "catalogue.json").read_bytes()), {})


def validate_catalogue(document: Mapping[str, Any]) -> None:
    """Refuse a catalogue that isn't as `stacks/schema/catalogue.json` says.

    Raises InputError (TEN-537) with each dataset, or other part, that isn't; what was asked for has passed the
    contract, so that it is tenantry's own fault.
    """
    errors = islice(_validator().iter_errors(document), MOST_PROBLEMS)
    wrong = sorted({"".join(f"[{step!r}]" for step in list(error.absolute_path)[:2]) or "." for error in errors})
    if wrong:
        fix = "report it, with the request that it is of"
        raise InputError(problem("TEN-537", f"the catalogue isn't as its schema says, at {at}", fix) for at in wrong)
