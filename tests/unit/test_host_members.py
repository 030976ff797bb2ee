"""When a member of etcd may be stopped, and whether a snapshot is whole: what stands between a change and a loss."""

import hashlib
from pathlib import Path
from types import ModuleType

import pytest

from playbook_modules import load


@pytest.fixture(scope="module")
def host_members() -> ModuleType:
    """Give the module as hosts have it: it needs nothing but Python's own."""
    return load("module_utils/host_members.py")


@pytest.mark.parametrize(
    ("members", "healthy", "may"),
    [
        (1, [1], True),
        (1, [], True),
        (3, [1, 2, 3], True),
        (3, [2, 3], True),
        (3, [1, 2], False),
        (3, [1], False),
        (5, [1, 2, 3, 4], True),
        (5, [1, 2, 3], False),
    ],
)
def test_a_member_stops_only_where_the_others_keep_their_majority(
    members: int, healthy: list[int], may: bool, host_members: ModuleType
) -> None:
    names = {f"host-{n}": f"10.0.0.{n}" for n in range(1, members + 1)}
    why = host_members.may_stop(names, [f"host-{n}" for n in healthy], "host-1")
    assert (why == "") == may


def test_a_snapshot_is_whole_when_it_ends_with_its_own_digest(host_members: ModuleType, tmp_path: Path) -> None:
    pages = bytes(range(256)) * 16
    whole = pages + hashlib.sha256(pages).digest()
    for number, (content, expected) in enumerate(
        [(whole, True), (whole[:-1], False), (pages, False), (b"x" + whole[1:], False), (b"", False)]
    ):
        file = tmp_path / str(number)
        file.write_bytes(content)
        assert host_members.is_whole(file) is expected
