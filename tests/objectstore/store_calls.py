"""The provider's calls, made as an engine makes them, without an engine's memory."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tenantry.objectstore.plugin.values import engine, plain
from tenantry.objectstore.spec import Json

TENANT = "health-0001"


def inputs(kind: str, name: str, spec: Mapping[str, Any], tenant: str = TENANT, site: str = "here") -> dict[str, Any]:
    return {"site": site, "tenant": tenant, "name": name, "spec": dict(spec)}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:s::p::objectstore:index:{kind}::{name}"


class Calls:
    """One engine's connection to a provider."""

    def __init__(self, port: int) -> None:
        # What is half made comes back beside the message; an engine, in Go, takes more than gRPC's Python does.
        options = [("grpc.max_metadata_size", 2**20), ("grpc.absolute_max_metadata_size", 2**20)]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def __enter__(self) -> "Calls":
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def check(self, kind: str, news: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        request = provider_pb2.CheckRequest(urn=urn(kind, "x"), news=struct(news))
        answer = self.stub.Check(request)
        return values(answer.inputs), [f"{failure.property}: {failure.reason}" for failure in answer.failures]

    def preview(self, kind: str, news: Mapping[str, Any]) -> dict[str, Any]:
        """Check, then have a creation previewed."""
        checked, failures = self.check(kind, news)
        assert not failures, failures
        request = provider_pb2.CreateRequest(urn=urn(kind, "x"), properties=struct(checked), preview=True)
        return values(self.stub.Create(request).properties)

    def create(self, kind: str, news: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Check, as an engine does first, then create."""
        checked, failures = self.check(kind, news)
        assert not failures, failures
        answer = self.stub.Create(provider_pb2.CreateRequest(urn=urn(kind, "x"), properties=struct(checked)))
        return answer.id, values(answer.properties)

    def update(self, kind: str, object_id: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        checked, failures = self.check(kind, news)
        assert not failures, failures
        request = provider_pb2.UpdateRequest(urn=urn(kind, "x"), id=object_id, olds=struct(olds), news=struct(checked))
        return values(self.stub.Update(request).properties)

    def diff(self, kind: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Json:
        checked, failures = self.check(kind, news)
        assert not failures, failures
        return self.stub.Diff(provider_pb2.DiffRequest(urn=urn(kind, "x"), olds=struct(olds), news=struct(checked)))

    def read(self, kind: str, object_id: str, known: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        request = provider_pb2.ReadRequest(urn=urn(kind, "x"), id=object_id)
        if known:
            request.properties.CopyFrom(struct(known))
            request.inputs.CopyFrom(struct({key: known[key] for key in ("site", "tenant", "name", "spec")}))
        answer = self.stub.Read(request)
        return answer.id, values(answer.inputs)

    def delete(self, kind: str, object_id: str, olds: Mapping[str, Any]) -> None:
        self.stub.Delete(provider_pb2.DeleteRequest(urn=urn(kind, "x"), id=object_id, properties=struct(olds)))


def struct(properties: Mapping[str, Any]) -> Json:
    return PropertyValue.marshal_map({key: engine(value) for key, value in properties.items()})


def values(properties: Json) -> dict[str, Any]:
    return {key: plain(value) for key, value in PropertyValue.unmarshal_map(properties).items()}


@contextmanager
def executable() -> Iterator[tuple[Calls, subprocess.Popen[bytes]]]:
    """Start the provider's executable as an engine does; the caller may kill it."""
    command = [str(Path(sys.executable).parent / "pulumi-resource-objectstore"), "127.0.0.1:1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    try:
        with Calls(int(process.stdout.readline())) as calls:
            yield calls, process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
