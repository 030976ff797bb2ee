"""An update reaches its engine though another one, at the same address, has just ended."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from pulumi.runtime.settings import Settings

from tenantry.fleet.engine.stacks import separate_channels


class Listening(engine_pb2_grpc.EngineServicer):
    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: ANN401
        return empty_pb2.Empty()


def serve(port: int = 0) -> tuple[grpc.Server, int]:
    server = grpc.server(ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(Listening(), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port


def log(settings: Settings) -> None:
    settings.engine.Log(engine_pb2.LogRequest(message="said"))


def test_an_engine_that_got_the_port_of_one_that_ended_is_reached() -> None:
    separate_channels()
    ended, port = serve()
    first = Settings("p", "s", engine=f"127.0.0.1:{port}")
    log(first)
    ended.stop(0).wait()
    with pytest.raises(grpc.RpcError):
        log(first)
    running, same = serve(port)
    try:
        assert same == port
        log(Settings("p", "s", engine=f"127.0.0.1:{port}"))
    finally:
        running.stop(0).wait()
