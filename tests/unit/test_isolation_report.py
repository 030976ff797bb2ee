"""The matrix turns red at one attempt that went otherwise than expected, and shows what allows what."""

from pathlib import Path

import orjson
import pytest

from isolation.matrix import Attempt, Surface, find_against, gather
from isolation.page import write_report

REFUSED = Attempt(Surface.STORE, "portal.workload", "court", "get private/two at onprem", "", False, "403 AccessDenied")
GRANTED = Attempt(Surface.STORE, "portal.workload", "register", "get published/one at onprem", "grant x", True, "200")
LET_IN = Attempt(Surface.KUBERNETES, "maps.<b>admin", "court", "list pods at onprem", "", True, "200")
SHUT_OUT = Attempt(Surface.NETWORK, "labs.pods", "forms", "connect to TCP 8443", "grant y", False, "closed")


@pytest.mark.parametrize("wrong", [LET_IN, SHUT_OUT])
def test_one_attempt_against_expectation_turns_it_red(tmp_path: Path, wrong: Attempt) -> None:
    page, data = write_report([REFUSED, GRANTED, wrong], tmp_path, "")
    text, said = page.read_text(), orjson.loads(data.read_bytes())
    assert "class='sum red'" in text
    assert "3 attempts, 1 against expectation" in text
    assert said["against"] == 1
    assert "<b>admin" not in text
    assert find_against([REFUSED, GRANTED, wrong]) == [wrong]


def test_what_is_allowed_is_traced_to_what_allows_it(tmp_path: Path) -> None:
    page, data = write_report([REFUSED, GRANTED], tmp_path, "")
    text, said = page.read_text(), orjson.loads(data.read_bytes())
    assert "2 attempts, none against expectation" in text
    assert "by grant x: get published/one at onprem" in text
    assert [cell["allowed"] for cell in said["cells"]] == [{}, {"grant x": ["get published/one at onprem"]}]
    assert gather([REFUSED, REFUSED])[Surface.STORE, "portal.workload", "court"].refused == 2
