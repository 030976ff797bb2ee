"""The project that `pulumi up` runs is the program that `tenantry apply` runs, on the same state."""

import runpy
from pathlib import Path

import pulumi
import pytest

from operators import Operator, living, request
from sites import Sandbox
from tenantry.data import example_dir
from tenantry.fleet.engine.session import open_session
from tenantry.fleet.selection import select
from tenantry.problems import TenantryError

PROGRAM = Path(__file__).parents[2] / "stacks" / "__main__.py"


def test_the_project_finds_nothing_to_do_after_an_apply(
    sandbox: Sandbox, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = str(example_dir() / "tenants" / "licences-prod.yaml")
    (planned,) = select([request]).planned
    operator.apply(request)
    for name in ("TENANTRY_STATE", "TENANTRY_CONNECTIONS"):
        monkeypatch.setenv(name, operator.environment[name])
    stack, site = planned.tenant.id, planned.site.name
    try:
        with open_session({site: sandbox.connection(site)}, lambda _step: None) as session:
            result = session.engine.up(stack, lambda: runpy.run_path(str(PROGRAM)), refresh=True)
        assert result.changed == 0
        assert result.changes["same"] >= len(planned.rendered.documents)
    finally:
        assert operator.run("retire", request, "--yes").returncode == 0


def test_the_project_refuses_what_an_apply_refuses(
    sandbox: Sandbox, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TENANTRY_STATE", "TENANTRY_CONNECTIONS"):
        monkeypatch.setenv(name, operator.environment[name])
    approval = {"by": "o@gov.example", "role": "owner", "on": "2026-08-01", "reference": "CHG-1"}
    agreed = [approval, {**approval, "by": "s@gov.example", "role": "security"}]
    unapproved = request(classification="shared", approvals=[])
    weakened = request(name="register", classification="restricted", approvals=agreed)
    operator.ask(unapproved, weakened)
    assert operator.apply(code=1)[weakened["spec"]["id"]]["action"] == "created"
    weakened["spec"]["classification"] = "shared"
    operator.ask(weakened)

    def project() -> None:
        pulumi.runtime.set_config("tenantry:government", str(operator.government))
        runpy.run_path(str(PROGRAM))

    ids = [one["spec"]["id"] for one in (unapproved, weakened)]
    before = living(sandbox, ids)
    with open_session({"onprem": sandbox.connection("onprem")}, lambda _step: None) as session:
        for tenant, code in zip(ids, ("TEN-610", "TEN-560"), strict=True):
            with pytest.raises(TenantryError, match=code):
                session.engine.up(tenant, project, refresh=False)
    assert living(sandbox, ids) == before
