"""The resident engine does what the stock one does, on the same state, and ends with its user."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pulumi
import pytest

from sites import Sandbox
from tenantry.fleet.engine import Backend, Engine, StackLocked, UpdateFailed, succession
from tenantry.fleet.engine.resident import Resident
from tenantry.problems import UnreachableError
from tenantry.toolchain import binary

NAMES = "jsonpath={.items[*].metadata.name}"
SECRET = "a-secret-that-must-not-show"


class Map(pulumi.CustomResource):
    """A ConfigMap, or a Secret."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions, kind: str = "ConfigMap") -> None:
        data = {"stringData": {"key": pulumi.Output.secret(SECRET)}} if kind == "Secret" else {"data": {"key": "value"}}
        properties = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, **data}
        super().__init__(f"kubernetes:core/v1:{kind}", name, properties, opts)


class Place:
    """One backend, with engines on it and programs for it."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.kubernetes = sandbox.connection(sandbox.sites[0]).kubernetes
        self.state, self.home, self.passphrase = folder / "state", folder / "home", folder / "passphrase"
        self.state.mkdir()
        self.passphrase.write_text("correct horse\n")

    def engine(self, *, resident: bool = True) -> Engine:
        return Engine(
            pulumi_home=self.home,
            backend=Backend(f"file://{self.state}"),
            passphrase_file=self.passphrase,
            # Where a provider is told its kubeconfig, it leaves a copy there.
            environment={"TMPDIR": str(self.home.parent)},
            plugins=[binary("pulumi-resource-kubernetes").parent],
            binary=binary("pulumi"),
            resident=binary("pulumi-engine") if resident else None,
        )

    def program(self, prefix: str, count: int) -> pulumi.automation.PulumiFn:
        def run() -> None:
            settings = {"kubeconfig": str(self.kubernetes.kubeconfig), "context": self.kubernetes.context}
            provider = pulumi.ProviderResource("kubernetes", "site", settings)
            options = pulumi.ResourceOptions(provider=provider, version="4.25.0")
            for number in range(count):
                Map(f"{prefix}-{number}", options, "Secret" if number == 0 else "ConfigMap")

        return run

    def maps(self) -> list[str]:
        return self.sandbox.kubectl(self.sandbox.sites[0], "get", "configmaps", "-o", NAMES).stdout.split()

    def checkpoint(self, stack: str) -> str:
        return (self.state / ".pulumi/stacks/tenantry" / f"{stack}.json").read_text()


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Place:
    return Place(sandbox, tmp_path)


@pytest.mark.parametrize("first", ["resident", "stock"])
def test_either_engine_goes_on_where_the_other_left_off(
    place: Place, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn, engine in enumerate(("resident", "stock") if first == "resident" else ("stock", "resident")):
        if engine == "stock":
            monkeypatch.setenv("TENANTRY_ENGINE", "cli")
        else:
            monkeypatch.delenv("TENANTRY_ENGINE", raising=False)
        with place.engine() as running:
            program = place.program(f"turns-{first}", 3 + turn)
            assert running.preview("turns", program).changes["create"] == (5 if turn == 0 else 1)
            assert running.up("turns", program).changes["create"] == (5 if turn == 0 else 1)
            assert running.up("turns", program, refresh=True).changed == 0
            assert running.refresh("turns").changed == 0
    with place.engine() as running:
        running.destroy("turns", remove=True)
        assert not running.exists("turns")


def test_secrets_are_nowhere_in_clear(place: Place) -> None:
    with place.engine() as running:
        running.up("hush", place.program("hush", 1), on_event=lambda event: assert_hidden(str(event)))
        running.destroy("hush")
    for path in (*place.state.rglob("*"), *place.home.rglob("*")):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def assert_hidden(text: str) -> None:
    assert SECRET not in text


def test_a_failure_names_the_resource_and_the_cause(place: Place) -> None:
    with place.engine() as running:
        with pytest.raises(UpdateFailed) as failed:
            running.up("wrong", place.program("No_Name", 2))
        causes = [str(problem) for problem in failed.value.problems]
        assert any("No_Name-1" in cause and "RFC 1123" in cause for cause in causes), causes
        running.destroy("wrong")


def test_a_killed_engine_is_said_and_loses_track_of_nothing(place: Place) -> None:
    with place.engine() as running:
        killed = False

        def kill(event: object) -> None:
            nonlocal killed
            if not killed and getattr(event, "res_outputs_event", None):
                killed = True
                os.kill(pids(running)[-1], signal.SIGKILL)

        with pytest.raises(UnreachableError, match="TEN-510"):
            running.up("killed", place.program("killed", 20), on_event=kill)
        assert not session_of(pids(running)[-1])
    with place.engine() as running:
        with pytest.raises(StackLocked):
            running.up("killed", place.program("killed", 20))
        running.cancel("killed")
        # Of what the killed one made, and didn't get to note, most isn't asked for any more.
        running.up("killed", place.program("killed", 3))
        assert {name for name in place.maps() if name.startswith("killed")} == {"killed-1", "killed-2"}
        assert "pending_operations" not in json.loads(place.checkpoint("killed"))["checkpoint"]["latest"]
        assert running.up("killed", place.program("killed", 3), refresh=True).changed == 0
        running.destroy("killed")


def test_nothing_outlives_a_killed_tenantry(place: Place, tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[1].split(':')\n"
        "from test_resident_engine import Place, pids; from types import SimpleNamespace; from pathlib import Path\n"
        "place = object.__new__(Place); folder = Path(sys.argv[2])\n"
        "place.state, place.home, place.passphrase = folder / 'state', folder / 'home', folder / 'passphrase'\n"
        "place.kubernetes = SimpleNamespace(kubeconfig=sys.argv[3], context=sys.argv[4])\n"
        "with place.engine() as running:\n"
        "    print(pids(running)[-1], flush=True)\n"
        "    for turn in range(1000): running.up('orphan', place.program('orphan', 20 + turn))\n"
    )
    folders = f"{Path(__file__).parent}:{Path(__file__).parent.parent}"
    kube = place.kubernetes
    command = [sys.executable, "-c", script, folders, str(tmp_path), str(kube.kubeconfig), kube.context]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        engine = int(user.stdout.readline())
        while '"orphan-5"' not in (
            place.checkpoint("orphan") if place.state.joinpath(".pulumi/stacks/tenantry/orphan.json").exists() else ""
        ):
            time.sleep(0.05)
        user.kill()
    psutil.wait_procs([process for process in session_of(engine)], timeout=30)
    assert not session_of(engine)
    assert not list(place.state.glob(".pulumi/locks/**/*.json"))
    with place.engine() as running:
        running.destroy("orphan")


@pytest.mark.parametrize("workers", [1, 4])
def test_engines_take_turns_so_that_none_keeps_all_that_a_long_run_made(
    place: Place, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi's engine keeps part of each update until it ends."""
    started: list[int] = []

    class Noted(Resident):
        def __init__(self, *args: Any) -> None:  # noqa: ANN401
            super().__init__(*args)
            started.append(self.pid)

    monkeypatch.setattr("tenantry.fleet.engine.engine.Resident", Noted)
    monkeypatch.setattr(succession, "OPERATIONS", 4)
    stacks = [f"turn-{workers}-{number}" for number in range(7)]
    with place.engine() as running:

        def make(stack: str) -> object:
            return running.up(stack, place.program(stack, 3)).changes["create"]

        with ThreadPoolExecutor(workers) as pool:
            assert list(pool.map(make, stacks)) == [5] * len(stacks)  # The stack, its provider, and three objects.
        # 14 command lines, two for each new stack.
        assert len(started) == 4
        assert pids(running) == started[-1:]
        assert not [one for pid in started[:-1] for one in session_of(pid)]
        for stack in stacks:
            assert running.up(stack, place.program(stack, 3), refresh=True).changed == 0
            running.destroy(stack, remove=True)
    assert not [one for pid in started for one in session_of(pid)]


def test_an_engine_that_ends_takes_no_more(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(succession, "OPERATIONS", 1)
    with place.engine() as running:
        running.preview("late", place.program("late", 1))
    with pytest.raises(UnreachableError, match="TEN-510"):
        running.cancel("late")
    assert not pids(running)[:-1]


def pids(engine: Engine) -> list[int]:
    """Give the process ids of an engine's resident ones, the latest last."""
    assert engine._residents is not None
    return engine._residents.pids


def session_of(leader: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found
