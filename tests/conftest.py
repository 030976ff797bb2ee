"""What all tests share: a real sandbox, started once for the whole session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sites import Sandbox
from tenantry import sandbox as embedded

# How long an example takes is the machine's business: a deadline makes a loaded one fail.
settings.register_profile("tenantry", deadline=None)
settings.load_profile("tenantry")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker ends long after the others."""
    items.sort(key=lambda item: item.path.name != "test_kills.py")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Start the sandbox in a folder of its own, or use the one in TENANTRY_TEST_STATE, which then stays up."""
    kept = os.environ.get("TENANTRY_TEST_STATE")
    state = Path(kept) if kept else tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENANTRY_STATE", str(state))
        patch.delenv("TENANTRY_CONNECTIONS", raising=False)
        try:
            embedded.up()
            yield Sandbox(state, embedded.SITES)
        finally:
            if not kept:
                embedded.down(delete=True)
