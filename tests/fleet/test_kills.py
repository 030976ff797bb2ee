"""`kill -9` of anything at any moment of an apply loses nothing: the next apply finishes, and nothing is left over.

Each victim is killed at ten random moments of an apply of ten tenants (`make test-faults`), five while they are made
and five while they are changed. `make test` has one moment for one victim of each sort, and three tenants.
"""

import random
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from operators import Operator, asked_for, keys_of, living, make_operator, outcome_of, request
from sites import Sandbox
from tenantry import sandbox as embedded
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.process import running

MOMENTS, TENANTS, FEW = 10, 10, 3
LEFTOVERS_SECONDS = 30
"""How long the engine of a killed tenantry may take to write its state and end."""


class Round:
    """Some tenants that are made, and a change to each, with something killed in the middle."""

    def __init__(self, sandbox: Sandbox, operator: Operator, tenants: int) -> None:
        self.sandbox, self.operator = sandbox, operator
        self.wanted = [request(name=f"kill-{n}", site=sandbox.sites[n % 2]) for n in range(tenants)]
        self.ids = [one["spec"]["id"] for one in self.wanted]

    def changed(self) -> list[dict[str, Any]]:
        """Ask for a size, a namespace, a bucket and an account more, and for a namespace less."""
        documents, images = {"name": "documents"}, {"name": "images"}
        change: dict[str, Any] = {
            "size": "large",
            "namespaces": [{"name": "main"}, {"name": "batch"}],
            "buckets": [documents, images],
            "serviceAccounts": [
                *self.wanted[0]["spec"]["serviceAccounts"],
                {"name": "b", "namespace": "batch", "buckets": [{"bucket": "images", "access": "read"}]},
            ],
        }
        return [{**one, "spec": {**one["spec"], **change}} for one in self.wanted]

    def apply_and_kill(self, find: Callable[[subprocess.Popen[str]], psutil.Process | None], moment: float) -> None:
        """Kill what `find` finds, so many seconds after it is there; an apply that ends before is nobody's fault."""
        with self.operator.start("apply", ".", "--jobs", "4") as applying:
            victim = _wait_for(lambda: find(applying), applying)
            time.sleep(moment)
            if victim:
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
            _, said = outcome_of(applying)
        assert "Traceback" not in said, said

    def check_whole(self) -> None:
        """See that the next apply finishes everything, once, and that nothing is left but what was asked for."""
        embedded.up(self.sandbox.state)
        self.operator.apply(".", "--jobs", str(len(self.wanted)))
        have, wanted = living(self.sandbox, self.ids), asked_for(self.operator.planned(), self.sandbox.sites)
        assert {site: have[site] - wanted[site] for site in have} == {site: set() for site in have}, "left over"
        assert {site: wanted[site] - have[site] for site in have} == {site: set() for site in have}, "missing"
        assert {one["action"] for one in self.operator.apply().values()} == {"unchanged"}
        self._check_keys()
        for one in self.operator.planned():
            state = self.operator.state_of(one.tenant.id)
            assert not state.get("pending_operations")
            made = {resource["urn"].rpartition("::")[2] for resource in state["resources"]}
            assert len(one.rendered.documents) <= len(made)
        locks = self.operator.checkpoints.parent.parent / "locks"
        assert not [path for path in locks.rglob("*.json") if path.is_file()]

    def _check_keys(self) -> None:
        """See that each identity has one key, the one that its workload holds: a key that nobody knows is a hole."""
        for one in self.wanted:
            site, user = one["spec"]["placement"]["site"], f"{one['spec']['id']}.main.app"
            found = self.sandbox.client(site, "iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
            assert [key["AccessKeyId"] for key in found] == [keys_of(self.sandbox, one, site)[0]]


def _wait_for(find: Callable[[], psutil.Process | None], applying: subprocess.Popen[str]) -> psutil.Process | None:
    while applying.poll() is None:
        found = find()
        if found:
            return found
        time.sleep(0.02)
    return None


def _child(name: str) -> Callable[[subprocess.Popen[str]], psutil.Process | None]:
    def find(applying: subprocess.Popen[str]) -> psutil.Process | None:
        with suppress(psutil.Error):
            for process in psutil.Process(applying.pid).children(recursive=True):
                with suppress(psutil.Error):
                    if process.name() == name[:15]:
                        return process
        return None

    return find


VICTIMS = ("tenantry", "engine", "provider", "kube-apiserver", "etcd", "s3", "iam")
OF_EACH_SORT = ("tenantry", "engine", "kube-apiserver", "s3")
"""We ourselves, what we start, and of a site both what Kubernetes and what the object store answer by."""


def _finder(sandbox: Sandbox, victim: str) -> Callable[[subprocess.Popen[str]], psutil.Process | None]:
    if victim == "tenantry":
        return lambda applying: psutil.Process(applying.pid)
    if victim in ("engine", "provider"):
        return _child({"engine": "pulumi-engine", "provider": "pulumi-resource-kubernetes"}[victim])
    found = running(Layout(sandbox.state).sites(), [victim])
    return lambda _applying: found[sandbox.sites[0], victim]


@pytest.fixture
def whole(sandbox: Sandbox) -> Iterator[None]:
    """Bring the sandbox back, whatever a test did to it."""
    yield
    embedded.up(sandbox.state)


def seconds_of_an_apply(sandbox: Sandbox, folder: Path, tenants: int) -> float:
    """Take how long an apply takes when nothing is killed."""
    undisturbed = Round(sandbox, make_operator(sandbox, folder), tenants)
    undisturbed.operator.ask(*undisturbed.wanted)
    started = time.monotonic()
    undisturbed.operator.apply()
    return time.monotonic() - started


@pytest.fixture(scope="module")
def seconds_of_ten(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> float:
    return seconds_of_an_apply(sandbox, tmp_path_factory.mktemp("undisturbed"), TENANTS)


@pytest.fixture(scope="module")
def seconds_of_few(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> float:
    return seconds_of_an_apply(sandbox, tmp_path_factory.mktemp("undisturbed"), FEW)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("victim", OF_EACH_SORT)
def test_a_kill_loses_nothing(sandbox: Sandbox, operator: Operator, seconds_of_few: float, victim: str) -> None:
    made = Round(sandbox, operator, FEW)
    check_kill(made, made.wanted, victim, random.random() * seconds_of_few)
    check_retired(made)


@pytest.mark.faults
@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("moment", range(0, MOMENTS, 2))
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_kill_at_any_moment_loses_nothing(
    sandbox: Sandbox, operator: Operator, seconds_of_ten: float, victim: str, moment: int
) -> None:
    made = Round(sandbox, operator, TENANTS)
    for tenth, asked in ((moment, made.wanted), (moment + 1, made.changed())):
        # One moment in each tenth of the time that an apply takes, so that ten of them are spread over all of it.
        check_kill(made, asked, victim, (tenth + random.random()) / MOMENTS * seconds_of_ten)
    check_retired(made)


def check_kill(made: Round, asked: Iterable[dict[str, Any]], victim: str, seconds: float) -> None:
    """See that tenants are as asked in the end, though a victim is killed so many seconds after it is there."""
    made.operator.ask(*asked)
    print(f"{victim} is killed {seconds:.3f} s after it was there")  # noqa: T201  (what to try again with)
    made.apply_and_kill(_finder(made.sandbox, victim), seconds)
    made.check_whole()


def check_retired(made: Round) -> None:
    """See that nothing is left once all tenants are retired, and no process of the engineer's either."""
    assert made.operator.run("retire", ".", "--yes", "--jobs", str(TENANTS)).returncode == 0
    assert living(made.sandbox, made.ids) == {site: set() for site in made.sandbox.sites}
    assert not left_of(made.operator.state)


def left_of(state: Path) -> list[str]:
    """Give the processes of an engineer that are left, after those that are ending had their time."""
    deadline = time.monotonic() + LEFTOVERS_SECONDS
    found: list[str] = []
    while time.monotonic() < deadline:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("TENANTRY_STATE") == str(state) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {process.name()}")
        if not found:
            break
        time.sleep(0.2)
    return found
