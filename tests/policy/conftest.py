"""What the policy tests share."""

import pytest
from apiserver import ApiServer

from sites import Sandbox


@pytest.fixture(scope="session")
def server(sandbox: Sandbox) -> ApiServer:
    """A real API server."""
    return ApiServer(sandbox.connection("onprem"))
