"""Opens what an apply needs: connections of the sites, Pulumi's engine with its providers, and one lock a tenant."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenantry.connection import Connection, read_connection
from tenantry.files import write_atomic
from tenantry.fleet.engine import Backend, Engine
from tenantry.fleet.engine.private import private_folder
from tenantry.fleet.site.kubeconfig import write_merged
from tenantry.locks import held
from tenantry.objectstore.plugin.server import serve_in_thread
from tenantry.paths import connections_dir, state_dir
from tenantry.problems import UnreachableError, problem
from tenantry.toolchain import Progress, ensure

API_SECONDS = 20
"""How long one call of the Kubernetes provider may take before it counts as failed."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open engine, and how each site is reached."""

    engine: Engine
    connections: Mapping[str, Connection]


def engine_environment() -> dict[str, str]:
    """Give the variables by which Pulumi finds the stacks' state and the passphrase of their secrets."""
    return {"PULUMI_BACKEND_URL": state_backend().url, "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase_file())}


def kubeconfig_file() -> Path:
    """Write a kubeconfig with every connected site as a context, and give its path."""
    path = _folder() / "kubeconfig"
    sites = sorted(file.stem for file in connections_dir().glob("*.json") if "." not in file.stem)
    write_merged({site: read_connection(site) for site in sites}, path)
    return path


def state_backend() -> Backend:
    """Give where stacks' state lives: PULUMI_BACKEND_URL, as for Pulumi itself, else a folder of this machine."""
    return Backend(os.environ.get("PULUMI_BACKEND_URL") or f"file://{_folder('state')}")


def passphrase_file() -> Path:
    """Give the file whose content encrypts the secrets in state: PULUMI_CONFIG_PASSPHRASE_FILE, or one made here."""
    given = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if given:
        return Path(given)
    path = _folder() / "passphrase"
    if not path.exists():
        write_atomic(path, secrets.token_urlsafe(32).encode() + b"\n")
    return path


@contextmanager
def open_session(connections: Mapping[str, Connection], building: Progress) -> Iterator[Session]:
    """Start the engine with both providers; `building` hears of toolchain builds, which a first run may need.

    Raises UnreachableError where the toolchain can't be built or the engine can't be run.
    """
    tools = ensure(("pulumi", "pulumi-resource-kubernetes"), building)
    with ExitStack() as stack:
        # One a process: sites come and go between two of them.
        kubeconfig = stack.enter_context(private_folder(_folder())) / "kubeconfig"
        write_merged(connections, kubeconfig)
        served = serve_in_thread()
        stack.callback(served.stop)
        environment = {
            "KUBECONFIG": str(kubeconfig),
            "PULUMI_DEBUG_PROVIDERS": served.attachment,
            "PULUMI_K8S_CLIENT_TIMEOUT": str(API_SECONDS),
        }
        engine = stack.enter_context(
            Engine(
                pulumi_home=_folder("home"),
                backend=state_backend(),
                passphrase_file=passphrase_file(),
                plugins=[tools["pulumi-resource-kubernetes"].parent],
                environment=environment,
                binary=tools["pulumi"],
            )
        )
        yield Session(engine, connections)


def tenant_lock(tenant: str) -> AbstractContextManager[None]:
    """Hold a tenant for this process.

    Raises UnreachableError (TEN-505) where another process holds it.
    """
    what = f"tenant {tenant} is being changed by another tenantry on this machine"
    refusal = UnreachableError(problem("TEN-505", what, "wait until it has ended, then run again"))
    return held(_folder("locks") / f"{tenant}.lock", refusal)


def _folder(name: str = "") -> Path:
    folder = state_dir() / "pulumi" / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
