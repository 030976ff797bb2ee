"""The project that `pulumi up` runs is the program that `tenantry apply` runs, on the same state."""

import runpy
from pathlib import Path

import pytest
from operators import Operator

from sites import Sandbox
from tenantry.data import example_dir
from tenantry.fleet.engine.session import open_session
from tenantry.fleet.selection import select

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
