"""Where a store can't federate, workloads get new keys every day, and never one that doesn't work."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operators import Operator, keys_of, request
from sites import Sandbox


@pytest.fixture
def wanted(operator: Operator) -> dict[str, Any]:
    """Apply a tenant whose workload uses a bucket."""
    asked = request(namespaces=[{"name": "main"}])
    operator.ask(asked)
    operator.apply()
    return asked


def sync(operator: Operator, *words: str) -> list[str]:
    done = operator.run("sync", ".", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    return [one["action"] for one in json.loads(done.stdout)]


def works(sandbox: Sandbox, wanted: dict[str, Any], keys: tuple[str, str]) -> bool:
    store = sandbox.client("onprem", "s3", keys)
    try:
        store.put_object(Bucket=f"{wanted['spec']['id']}-documents", Key="one", Body=b"1")
    except ClientError:
        return False
    return True


def held(sandbox: Sandbox, wanted: dict[str, Any]) -> set[str]:
    """The ids of all keys that the store knows of the workload's user."""
    user = f"{wanted['spec']['id']}.main.app"
    listed = sandbox.client("onprem", "iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
    return {key["AccessKeyId"] for key in listed}


@contextmanager
def working(sandbox: Sandbox, wanted: dict[str, Any]) -> Iterator[list[str]]:
    """Let a workload write all the time, which looks for its keys once a second; give what failed."""
    failed: list[str] = []
    done, stop = Event(), Event()
    bucket = f"{wanted['spec']['id']}-documents"

    def work() -> None:
        while not stop.is_set():
            store, until = sandbox.client("onprem", "s3", keys_of(sandbox, wanted)), time.monotonic() + 1
            while time.monotonic() < until and not stop.is_set():
                try:
                    store.put_object(Bucket=bucket, Key="log", Body=b"line")
                    done.set()
                except ClientError as error:
                    failed.append(str(error))

    worker = Thread(target=work)
    worker.start()
    try:
        assert done.wait(30), failed
        yield failed
    finally:
        stop.set()
        worker.join()


def test_a_workload_never_fails_while_its_keys_are_changed(
    sandbox: Sandbox, wanted: dict[str, Any], operator: Operator
) -> None:
    first = keys_of(sandbox, wanted)
    with working(sandbox, wanted) as failed:
        assert sync(operator, "--new-keys") == ["changed"]
        second = keys_of(sandbox, wanted)
        assert held(sandbox, wanted) == {first[0], second[0]}
        assert works(sandbox, wanted, first)
        assert works(sandbox, wanted, second)
        # The workload has the second by now, as a pod has long before the next day.
        time.sleep(2)
        assert sync(operator, "--new-keys") == ["changed"]
        third = keys_of(sandbox, wanted)
        time.sleep(2)
    assert failed == []
    assert held(sandbox, wanted) == {second[0], third[0]}
    assert not works(sandbox, wanted, first)
    assert works(sandbox, wanted, second)
    assert works(sandbox, wanted, third)
    assert operator.status() == {wanted["spec"]["id"]: "as asked"}
    # What is applied for another reason keeps the keys.
    wanted["spec"]["size"] = "medium"
    operator.ask(wanted)
    operator.apply()
    assert keys_of(sandbox, wanted) == third
    assert held(sandbox, wanted) == {second[0], third[0]}


def age(sandbox: Sandbox, wanted: dict[str, Any], days: int | None) -> None:
    """Let the record say that the keys are older than they are, or say nothing, as one of an older version."""
    keys = None
    if days is not None:
        since = datetime.now(UTC).date() - timedelta(days=days)
        keys = json.dumps({"generation": 1, "since": since.isoformat()})
    patch = json.dumps({"data": {"keys": keys}})
    done = sandbox.kubectl(
        "onprem", "-n", "tenantry-system", "patch", "configmap", wanted["spec"]["id"], "--type=merge", "-p", patch
    )
    assert done.returncode == 0, done.stderr


def test_keys_are_changed_on_the_day_that_they_are_due(
    sandbox: Sandbox, wanted: dict[str, Any], operator: Operator
) -> None:
    first = keys_of(sandbox, wanted)
    assert sync(operator) == ["unchanged"]
    age(sandbox, wanted, 1)
    assert "TEN-675" not in operator.run("status", ".").stderr
    age(sandbox, wanted, 2)
    assert "TEN-675" in operator.run("status", ".").stderr
    assert operator.run("drift", ".").returncode == 1
    assert sync(operator) == ["changed"]
    assert keys_of(sandbox, wanted)[0] != first[0]
    assert sync(operator) == ["unchanged"]
    assert operator.run("drift", ".").returncode == 0


def test_keys_of_an_unknown_age_are_changed(sandbox: Sandbox, wanted: dict[str, Any], operator: Operator) -> None:
    first = keys_of(sandbox, wanted)
    age(sandbox, wanted, None)
    assert "are of an unknown day, and are to be changed every day" in operator.run("status", ".").stderr
    assert sync(operator) == ["changed"]
    assert keys_of(sandbox, wanted)[0] != first[0]
    assert works(sandbox, wanted, first)


@pytest.mark.parametrize("after", [0.5, 1.5, 2.5])
def test_a_killed_sync_is_finished_by_the_next(
    sandbox: Sandbox, wanted: dict[str, Any], operator: Operator, after: float
) -> None:
    sync(operator, "--new-keys")
    with operator.start("sync", ".", "--new-keys") as killed:
        time.sleep(after)
        killed.send_signal(signal.SIGKILL)
    assert works(sandbox, wanted, keys_of(sandbox, wanted))
    sync(operator, "--new-keys")
    assert works(sandbox, wanted, keys_of(sandbox, wanted))
    assert len(held(sandbox, wanted)) == 2
    assert operator.status() == {wanted["spec"]["id"]: "as asked"}
