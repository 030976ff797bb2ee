"""Says why an update failed: the engine's and the providers' words as problems with tenant, site and object."""

import re
from dataclasses import replace

from tenantry.fleet.engine import UpdateFailed
from tenantry.fleet.selection import Planned
from tenantry.problems import Problem, TenantryError


def problems_of(planned: Planned, error: TenantryError) -> tuple[Problem, ...]:
    """Give one problem for each cause, with tenant, site and object named; a cause that many objects share, once."""
    tenant = f"tenant {planned.tenant.name} ({planned.tenant.id}) on site {planned.site.name}"
    if not isinstance(error, UpdateFailed) or not error.diagnostics:
        return tuple(replace(found, message=f"{tenant}: {found.message}") for found in error.problems)
    objects: dict[str, list[str]] = {}
    for said in error.diagnostics:
        name = said.urn.rpartition("::")[2]
        objects.setdefault(_cause(said.message, name), []).append(name)
    first = error.problems[0]
    return tuple(replace(first, message=f"{tenant}: {_some(names)}{cause}") for cause, names in objects.items())


def _cause(message: str, name: str) -> str:
    """Say a provider's message in one line, without what names the object (`kind/namespace/name`): the problem does."""
    parts = name.split("/")
    for namespace in parts[1:-1]:
        message = message.replace(f' in the namespace "{namespace}"', "")
    message = message.replace(f' "{parts[-1]}" is', " is")
    plain = re.sub(r'(update of )?resource "urn:[^"]*" ', "it ", message)
    # The address of a request has the object's name in it again, and makes one cause look like many.
    plain = re.sub(r'\b(Get|Post|Put|Patch|Delete) "https?://[^"]*": ', "", plain)
    # client-go's words around a cause that it met while it read an answer, instead of before.
    plain = plain.replace("unexpected error when reading response body. Please retry. Original error: ", "")
    plain = re.sub(r"context deadline exceeded|net/http: request canceled \(.*?\)", "no answer in time", plain)
    return " ".join(plain.replace("1 error occurred:", "").replace("* ", "").split()).rstrip(".")


def _some(names: list[str]) -> str:
    named = [name for name in names if name]
    if not named:
        return ""
    more = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return f"{named[0]}{more}: "
