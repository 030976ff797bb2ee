"""An engineer for each test, on the session's sandbox."""

from pathlib import Path

import pytest
from operators import Operator, make_operator

from sites import Sandbox


@pytest.fixture
def operator(sandbox: Sandbox, tmp_path: Path) -> Operator:
    return make_operator(sandbox, tmp_path)
