"""Works on many tenants: what goes wrong with one is in its outcome, and a site that doesn't answer is given up."""

import time
from collections import Counter
from collections.abc import Callable
from threading import Lock

from tenantry.files import file_problem
from tenantry.fleet.applying.failures import problems_of
from tenantry.fleet.applying.outcome import Action, Outcome
from tenantry.fleet.engine import UpdateFailed
from tenantry.fleet.engine.session import API_SECONDS
from tenantry.fleet.selection import Planned
from tenantry.problems import Problem, TenantryError, problem

PATIENCE = 3
"""How many tenants in a row may fail at a site that lets them wait, before the others there aren't tried any more."""


class Attempts:
    """The attempts of one run. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept_waiting: Counter[str] = Counter()

    def attempt(self, planned: Planned, work: Callable[[], Action]) -> Outcome:
        """Work on one tenant, and say what became of it."""
        site = planned.site.name
        if self._kept_waiting[site] >= PATIENCE:
            return Outcome(planned, Action.FAILED, 0.0, (_given_up(site),))
        started = time.monotonic()
        problems: tuple[Problem, ...] = ()
        slow = False
        try:
            action = work()
        except TenantryError as error:
            action, problems = Action.FAILED, problems_of(planned, error)
            slow = isinstance(error, UpdateFailed) and time.monotonic() - started >= API_SECONDS
        except OSError as error:
            action, problems = Action.FAILED, (file_problem(error),)
        with self._lock:
            self._kept_waiting[site] = self._kept_waiting[site] + 1 if slow else 0
        return Outcome(planned, action, time.monotonic() - started, problems)


def _given_up(site: str) -> Problem:
    what = f"site {site} was given up: {PATIENCE} tenants in a row failed there after {API_SECONDS} s or more"
    return problem("TEN-514", what, "mend what their messages name, then run again; the others weren't tried")
