"""One provider for many engines at once, and engines or providers that are killed."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2
from store_calls import TENANT, Calls, executable, inputs
from store_servers import Store, wait_until
from store_specs import full_bucket

from pulumi_stacks import Stacks
from tenantry.connection import write_connection
from tenantry.objectstore import resources
from tenantry.objectstore.plugin.server import Served, serve_in_thread
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store as Client

SITES = ("here", "there")


@pytest.fixture
def served() -> Iterator[Served]:
    running = serve_in_thread()
    yield running
    running.stop()


def program(kind: str, name: str, site: str) -> Json:
    def register() -> None:
        for number in range(3):
            bucket = f"{name}-{number}"
            resources.Bucket(bucket, site=site, tenant=name, name=bucket, spec=full_bucket(kind, bucket))

    return register


def test_four_stacks_of_two_sites_share_one_provider(
    store: Store, stacks: Stacks, client: Client, served: Served
) -> None:
    write_connection(replace(store.connection, site="there"))
    names = [f"shared-{number}" for number in range(4)]

    def live(name: str) -> list[Any]:
        site = SITES[int(name[-1]) % 2]
        attached = {"PULUMI_DEBUG_PROVIDERS": served.attachment}
        stack = stacks.stack(name, program(store.kind, name, site), **attached)
        made = stack.up().summary.resource_changes
        again = stack.up().summary.resource_changes
        return [made, again]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(live, names))
    assert results == [[{"create": 4}, {"same": 4}]] * 4
    held = {bucket.get("Name") for bucket in client.s3.list_buckets()["Buckets"]}
    assert {f"{name}-{number}" for name in names for number in range(3)} <= held
    assert "127.0.0.1" not in "".join(path.read_text() for path in (stacks.directory / "state").rglob("*.json"))


def test_a_cancel_of_one_engine_does_not_stop_another(served: Served, calls: Calls) -> None:
    with Calls(served.port) as one, Calls(served.port) as other:
        one.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
        other.stub.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
        one.stub.Cancel(empty_pb2.Empty())
        object_id, state = other.create("Bucket", inputs("Bucket", "after-cancel", {}))
        other.delete("Bucket", object_id, state)


ENGINE = """
import subprocess, sys
plugin = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE)
plugin.stdout.readline()
print(plugin.pid, flush=True)
plugin.wait()
"""


def test_an_engine_that_is_killed_leaves_no_provider_behind() -> None:
    plugin = Path(sys.executable).parent / "pulumi-resource-objectstore"
    command = [sys.executable, "-c", ENGINE, str(plugin)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as engine:
        assert engine.stdout
        provider = psutil.Process(int(engine.stdout.readline()))
        assert provider.is_running()
        engine.kill()
    wait_until("the provider's end", lambda: not provider.is_running() or provider.status() == psutil.STATUS_ZOMBIE)


def wanted(store: Store, bucket: str) -> dict[str, Any]:
    return inputs("Bucket", bucket, full_bucket(store.kind, bucket))


KEY = inputs("AccessKey", "killed", {"user": "killed"})


def make_until_killed(store: Store, engine: Calls, process: subprocess.Popen[bytes], prefix: str) -> list[str]:
    """Make buckets and keys until the provider is killed, at a moment of no one's choosing; name what was begun."""
    begun = [f"{prefix}-0"]
    engine.create("Bucket", wanted(store, begun[0]))
    timer = threading.Timer(random.uniform(0, 0.3), process.kill)
    timer.start()
    try:
        while True:
            begun.append(f"{prefix}-{len(begun)}")
            engine.create("Bucket", wanted(store, begun[-1]))
            if store.kind == "versitygw":
                engine.create("AccessKey", KEY)
    except grpc.RpcError as error:
        if "TEN-" in str(error):
            raise
        return begun
    finally:
        timer.join()


def test_a_provider_killed_at_any_moment_leaves_nothing_that_the_next_does_not_finish(
    store: Store, client: Client, calls: Calls
) -> None:
    if store.kind == "versitygw":
        calls.create("User", inputs("User", "killed", {}))
    for turn in range(10):
        with executable() as (engine, process):
            begun = make_until_killed(store, engine, process, f"killed-{turn}")
        for bucket in begun[-2:]:
            object_id, state = calls.create("Bucket", wanted(store, bucket))
            _, found = calls.read("Bucket", object_id, state)
            assert found == calls.check("Bucket", wanted(store, bucket))[0]
            assert found["tenant"] == TENANT
    if store.kind == "versitygw":
        _, key = calls.create("AccessKey", KEY)
        held = client.iam.list_access_keys(UserName="killed")["AccessKeyMetadata"]
        assert [each["AccessKeyId"] for each in held] == [key["accessKeyId"]]
