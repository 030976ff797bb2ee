"""What the policy tests share."""

import pytest
from apiserver import ApiServer, keep_params

from sites import Sandbox


@pytest.fixture(scope="session")
def server(sandbox: Sandbox) -> ApiServer:
    """A real API server."""
    reached = ApiServer(sandbox.connection("onprem"))
    keep_params(reached)
    return reached
