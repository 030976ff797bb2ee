"""Guests for tests, each as fresh as after its first boot."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import containers
import pytest
from guest_image import Image, ensure_image, missing_tools
from guests import Guest, free_port, guest


@pytest.fixture(scope="session")
def image() -> Image:
    """Give the image of test hosts; what this machine lacks for it is the reason why its tests are skipped."""
    if missing := missing_tools():
        pytest.skip(f"test hosts need {', '.join(missing)}, which `make test` installs where apt-get and root are")
    return ensure_image()


@pytest.fixture
def host(image: Image, tmp_path: Path) -> Iterator[Guest]:
    """Give one guest."""
    with guest(image, tmp_path) as started:
        yield started


@pytest.fixture
def hosts(image: Image, tmp_path: Path) -> Iterator[Callable[[int], list[Guest]]]:
    """Give a function that brings up so many guests, in one network."""
    with ExitStack() as stack:
        network = free_port()

        def bring_up(count: int) -> list[Guest]:
            return [
                stack.enter_context(guest(image, tmp_path, f"host-{number}", number=number, network=network))
                for number in range(1, count + 1)
            ]

        yield bring_up


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this machine a state of its own, so that none knows hosts of another test, or of the user's."""
    monkeypatch.setenv("TENANTRY_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("TENANTRY_CONNECTIONS", raising=False)
    return tmp_path / "state"


@pytest.fixture
def site_state(state: Path) -> Path:
    """Give the folder of the hosts' site in it."""
    return state / "hosts" / "test"


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Callable[[int], list[containers.Container]]]:
    """Give a function that brings up so many containers, in one network."""
    if missing := containers.missing_tools():
        pytest.skip(f"containers need {', '.join(missing)}")
    with ExitStack() as stack:
        yield lambda count: stack.enter_context(containers.containers(tmp_path / "machines", count))
