"""Temporary tenants for tests, and days on which commands are run."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

from operators import Operator, outcome_of

TODAY = datetime.now(UTC).date()

_ON_A_DAY = """\
import sys
from datetime import date
day = date.fromisoformat(sys.argv.pop(1))
import tenantry.contract.model as model
model.today = model.agreements.today = lambda: day
import tenantry.cli
tenantry.cli.main()
"""


def lease(days: int, grace: int = 30) -> dict[str, Any]:
    """A lease that ends so many days from today."""
    starts, ends = TODAY - timedelta(days=90), TODAY + timedelta(days=days)
    return {"starts": str(starts), "ends": str(ends), "graceDays": grace, "reason": "Trial of the register."}


def let_pass(operator: Operator, trial: dict[str, Any], days: int, grace: int = 30) -> None:
    """Let the lease end so many days from today, as if time had passed."""
    trial["spec"]["lease"] = lease(days, grace)
    operator.ask(trial)


def start_on(operator: Operator, day: date, *words: str) -> subprocess.Popen[str]:
    """Start a command on a machine whose clock shows another day than the sites'."""
    return subprocess.Popen(
        [sys.executable, "-c", _ON_A_DAY, str(day), *words],
        cwd=operator.government,
        env=operator.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_on(operator: Operator, day: date, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on such a machine."""
    with start_on(operator, day, *words) as process:
        out, err = outcome_of(process)
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(words, process.returncode, out, err)
