"""How the provider is reached: as an executable that an engine starts, or inside a process that many engines attach to.

Calls are served by threads. The experimental package's own server runs them all on one event loop, which a blocking
call to a store would hold up for every engine.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from tenantry import __version__
from tenantry.objectstore.kinds.base import IncompleteError
from tenantry.objectstore.plugin.provider import ObjectStoreProvider, outputs_of
from tenantry.objectstore.spec import Json
from tenantry.plugin import serve_plugin
from tenantry.problems import TenantryError

THREADS: Final = 64
"""Calls served at once, of all engines together; each waits for a store most of its time."""

ANSWERED: Final = (
    "GetPluginInfo",
    "GetSchema",
    "CheckConfig",
    "DiffConfig",
    "Configure",
    "Check",
    "Diff",
    "Create",
    "Read",
    "Update",
    "Delete",
)


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The provider's calls, one thread each. It holds no engine's configuration: there is none to hold."""

    def __init__(self) -> None:
        inner = ProviderServicer([], __version__, ObjectStoreProvider(), engine_address="")
        for name in ANSWERED:
            setattr(self, name, _blocking(getattr(inner, name)))

    def Cancel(self, request: object, context: object) -> Json:  # noqa: ARG002
        """Go on: one engine's end isn't another's. What is under way is bounded by the stores' time-outs."""
        return empty_pb2.Empty()

    def Attach(self, request: object, context: object) -> Json:  # noqa: ARG002
        """Take one more engine; nothing is asked of it."""
        return empty_pb2.Empty()


def _blocking(call: Callable[..., Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    """Serve an asynchronous call in the thread that received it; refusals become messages, without a traceback."""

    def serve(request: Json, context: grpc.ServicerContext) -> Json:
        try:
            return asyncio.run(call(request, context))
        except IncompleteError as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _incomplete(request, error)),))
            context.abort(grpc.StatusCode.UNKNOWN, str(error.cause))
        except TenantryError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except Exception as error:
            # Whatever it is, the engine gets its words; a traceback would go to a log with the values in it.
            context.abort(grpc.StatusCode.INTERNAL, f"TEN-413 the provider failed: {type(error).__name__}: {error}")

    return serve


def _incomplete(request: Json, error: IncompleteError) -> bytes:
    """Tell the engine to keep what there is of an object, so that the next run finishes it and a destroy removes it."""
    outputs = PropertyValue.marshal_map(outputs_of(error.made.outputs))
    properties = struct_pb2.Struct()
    properties.CopyFrom(request.properties)
    properties.MergeFrom(outputs)
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.made.id, properties=properties, inputs=request.properties, reasons=[str(error.cause)]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error.cause))
    status.details.add().Pack(detail)
    return bytes(status.SerializeToString())


@dataclass(frozen=True, slots=True)
class Served:
    """A provider that is being served, on a port of loopback."""

    port: int
    _server: grpc.Server

    @property
    def attachment(self) -> str:
        """What PULUMI_DEBUG_PROVIDERS is to say for an engine to attach."""
        return f"objectstore:{self.port}"

    def stop(self) -> None:
        """Stop serving, after the calls under way."""
        self._server.stop(grace=60).wait()


def serve_in_thread() -> Served:
    """Serve the provider from this process to as many engines as attach; stop it with `stop`.

    Raises UnreachableError where no port can be had.
    """
    server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="objectstore"), options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return Served(port, server)


def main() -> None:
    """Serve the provider as an engine's plug-in."""
    served = serve_in_thread()
    serve_plugin(served._server, served.port, served.stop)
