"""A disk that fills while state is written loses nothing: with room again, the same command finishes."""

import json
import shutil
import subprocess
import sys

import pytest

from operators import Operator, asked_for, living, request
from sites import Sandbox

SCRIPT = """
set -e
mount -t tmpfs -o size=40m tmpfs "$TENANTRY_STATE"
trap 'cp -r "$TENANTRY_STATE/pulumi" "$KEPT"' EXIT
"$PYTHON" -m tenantry apply first
dd if=/dev/zero of="$TENANTRY_STATE/filler" bs=4k 2>/dev/null || true
truncate -s -"$ROOM" "$TENANTRY_STATE/filler"
"$PYTHON" -m tenantry apply . >"$KEPT.refused" 2>&1 && exit 9
for state in "$TENANTRY_STATE"/pulumi/state/.pulumi/stacks/tenantry/*.json; do
    "$PYTHON" -m json.tool "$state" >/dev/null
done
rm "$TENANTRY_STATE/filler"
"$PYTHON" -m tenantry apply .
"$PYTHON" -m tenantry apply . --format json >"$KEPT.again"
"""


@pytest.mark.parametrize(
    "room", ["150K", pytest.param("0", marks=pytest.mark.faults), pytest.param("600K", marks=pytest.mark.faults)]
)
def test_a_disk_that_fills_in_the_middle(sandbox: Sandbox, operator: Operator, room: str) -> None:
    wanted = [request(name=name) for name in ("first", "second", "third", "fourth")]
    operator.ask(*wanted)
    operator.state.mkdir()
    kept = operator.government.parent / "kept"
    unshare = shutil.which("unshare")
    assert unshare, "util-linux's unshare is needed to make a small disk"
    done = subprocess.run(
        [unshare, "--map-root-user", "--mount", "sh", "-c", SCRIPT],
        env={**operator.environment, "PYTHON": sys.executable, "ROOM": room, "KEPT": str(kept)},
        cwd=operator.government,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    refused = kept.with_name("kept.refused").read_text()
    assert "no space left on device" in refused.lower()
    assert "TEN-" in refused
    assert "Traceback" not in refused
    again = json.loads(kept.with_name("kept.again").read_text())
    assert {one["action"] for one in again} == {"unchanged"}
    assert living(sandbox, [one["spec"]["id"] for one in wanted]) == asked_for(operator.planned(), sandbox.sites)
