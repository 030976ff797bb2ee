"""Being a plug-in of Pulumi's engine: a process that it starts, asks over gRPC, and ends."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc


def serve_plugin(server: "grpc.Server", port: int, stop: Callable[[], object]) -> None:
    """Tell the engine the port of a server that has started, then serve until the engine ends the process.

    An engine that was killed ends nothing; its plug-in sees that another process has become its parent, and stops.
    """
    engine = os.getppid()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        while server.wait_for_termination(timeout=1):
            if os.getppid() != engine:
                stop()
    except KeyboardInterrupt:
        sys.exit(0)
