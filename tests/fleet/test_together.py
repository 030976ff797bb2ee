"""Two engineers, or one who types twice: an apply of what another apply is at is refused or waits, and says so."""

import random
import time

import pytest

from operators import Operator, asked_for, living, request
from sites import Sandbox

TOLD = ("TEN-505", "TEN-506", "TEN-509", "TEN-511", "TEN-512", "TEN-556")


@pytest.mark.parametrize("second", [("apply", "."), ("retire", ".", "--yes"), ("plan", ".")])
def test_two_commands_on_the_same_tenants_at_once(
    sandbox: Sandbox, operator: Operator, second: tuple[str, ...]
) -> None:
    wanted = [request(name=f"twice-{number}") for number in range(4)]
    operator.ask(*wanted)
    with operator.start("apply", ".") as first:
        time.sleep(random.random() * 2)
        other = operator.run(*second)
        _, said = first.communicate(timeout=300)
    for code, text in ((first.returncode, said), (other.returncode, other.stderr)):
        assert code in (0, 3), text
        problems = [line for line in text.splitlines() if line.startswith("TEN-")]
        assert bool(problems) == (code == 3), text
        assert all(line.startswith(TOLD) for line in problems), text
    # Whom the second one retired has ended for good, and is out of the way of the others.
    for tenant, state in operator.status().items():
        if state == "retired":
            (operator.government / "tenants" / f"{tenant}.yaml").unlink()
    # It may have retired all of them.
    wanted.append(request(name="twice-more"))
    operator.ask(wanted[-1])
    operator.apply()
    assert living(sandbox, [one["spec"]["id"] for one in wanted]) == asked_for(operator.planned(), sandbox.sites)
    assert {one["action"] for one in operator.apply().values()} <= {"unchanged"}


def test_a_tenant_that_is_retired_while_it_waits_to_be_applied_is_not_made(
    sandbox: Sandbox, operator: Operator
) -> None:
    operator.ask(*(request(name=f"late-{number}") for number in range(6)))
    last = operator.planned()[-1].tenant.id
    with operator.start("apply", ".", "--jobs", "1") as first:
        assert first.stderr
        assert any("created" in line for line in first.stderr)
        retired = operator.run("retire", last, "--yes")
        _, said = first.communicate(timeout=300)
    assert retired.returncode == 0, retired.stderr
    assert first.returncode == 3, said
    assert "TEN-556" in said
    assert not living(sandbox, [last])["onprem"]


def test_a_tenant_that_is_being_applied_is_named(operator: Operator) -> None:
    from filelock import FileLock

    wanted = request()
    operator.ask(wanted)
    locks = operator.state / "pulumi" / "locks"
    locks.mkdir(parents=True)
    with FileLock(locks / f"{wanted['spec']['id']}.lock"):
        done = operator.run("apply", ".")
    assert done.returncode == 3
    assert "TEN-505" in done.stderr
    assert wanted["spec"]["id"] in done.stderr
    assert operator.apply()[wanted["spec"]["id"]]["action"] == "created"
