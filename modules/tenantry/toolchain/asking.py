"""Asking a program for its version."""

import os
import re
import signal
import subprocess
from pathlib import Path
from threading import Timer

# How each binary tells its version; `--version` where nothing is said.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "etcdutl": ("version",),
    "kubectl": ("version", "--client"),
    "pulumi": ("version",),
}
_ABOUT = "/pulumirpc.ResourceProvider/GetPluginInfo"
_SECONDS = 10


def ask_version(path: Path) -> str | None:
    """Ask a program for its version; empty where it tells none, None where it can't be run or is too slow to say."""
    try:
        said = _ask_provider(path) if path.name.startswith("pulumi-resource-") else _ask_command(path)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", said)
    return found[1] if found else ""


def _ask_command(path: Path) -> str:
    done = subprocess.run(
        [path, *_ARGUMENTS.get(path.name, ("--version",))],
        env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    return done.stdout


def _ask_provider(path: Path) -> str:
    """Ask as the engine does, for a provider has no flag for it: it is started, says its port, and is called there.

    Source: Pulumi's provider.proto; the request is empty, and the answer's one field is the version.
    """
    import grpc

    # It calls the engine, here an address where nobody is, only for what is asked later.
    command: list[str | Path] = [path, "127.0.0.1:1"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        late = Timer(_SECONDS, process.kill)
        late.start()
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            if not port.isdigit():
                if process.wait() == -signal.SIGKILL:
                    raise subprocess.TimeoutExpired(command, _SECONDS)
                return ""
            with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
                ask = channel.unary_unary(_ABOUT, request_serializer=bytes, response_deserializer=bytes)
                return ask(b"", timeout=_SECONDS).decode(errors="replace")
        except grpc.RpcError as error:
            raise subprocess.SubprocessError(str(error)) from error
        finally:
            late.cancel()
            process.kill()
