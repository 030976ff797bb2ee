"""Waivers that a site's policies hold: a policy has no clock, so that one which lapsed excuses until the next sync."""

from collections.abc import Iterable, Iterator
from datetime import date

from tenantry.connection import Connection
from tenantry.contract.model import today
from tenantry.fleet.site.kube import POLICY_API, KubeClient
from tenantry.problems import Problem, UnreachableError, problem
from tenantry.render.naming import MANAGED_BY_LABEL, MANAGER

WAIVERS_NOTE = "tenantry.dev/waivers"
"""The annotation of a policy at a site that names its waivers, each with its last day: `name=2027-03-31 ...`."""


def find_lapsed_at(connections: Iterable[Connection]) -> list[Problem]:
    """Tell of the waivers that have lapsed and that sites still hold (TEN-671), and of sites that can't be asked."""
    found: list[Problem] = []
    for connection in connections:
        try:
            held = sorted(set(_read_waivers(KubeClient(connection))))
        except UnreachableError as error:
            found += error.problems
            continue
        found += [_lapsed(name, expires, connection.site) for name, expires in held if expires < today()]
    return found


def _lapsed(name: str, expires: date, site: str) -> Problem:
    what = f"waiver {name} lapsed on {expires}, and still excuses at site {site}"
    return problem("TEN-671", what, f"run `tenantry baseline sync {site}`")


def _read_waivers(client: KubeClient) -> Iterator[tuple[str, date]]:
    """Give the waivers that a site's policies hold, with the last day of each."""
    for policy in client.list_all(POLICY_API, "ValidatingAdmissionPolicy", f"{MANAGED_BY_LABEL}={MANAGER}"):
        for noted in str((policy["metadata"].get("annotations") or {}).get(WAIVERS_NOTE, "")).split():
            name, _, expires = noted.partition("=")
            yield name, date.fromisoformat(expires)
