"""An engineer for each test, on the session's sandbox."""

from pathlib import Path
from typing import Any

import pytest
from trials import lease

from operators import Operator, make_operator, request
from sites import Sandbox


@pytest.fixture
def operator(sandbox: Sandbox, tmp_path: Path) -> Operator:
    return make_operator(sandbox, tmp_path)


@pytest.fixture
def trial(operator: Operator) -> dict[str, Any]:
    """Apply a tenant whose lease goes on for months."""
    asked = request(namespaces=[{"name": "main"}], lease=lease(100))
    operator.ask(asked)
    operator.apply()
    return asked
