"""Where a sandbox keeps its things: one folder a site, one state file with the ports that were chosen at first."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tenantry.files import write_atomic
from tenantry.paths import connections_dir, state_dir
from tenantry.problems import UnreachableError, problem
from tenantry.sandbox.ports import LOOPBACK, chosen

SITES = ("onprem", "hosted")

# What listens at a site; most servers have one port, etcd and the IAM server two.
LISTENERS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "s3", "iam", "iam-private")

REGION = "us-east-1"


@dataclass(frozen=True)
class SiteLayout:
    """One site's folders and ports."""

    site: str
    root: Path
    ports: dict[str, int]

    @property
    def pki(self) -> Path:
        """Return the folder of the site's own certificates and keys."""
        return self.root / "pki"

    @property
    def conf(self) -> Path:
        """Return the folder of the site's configuration files and credentials."""
        return self.root / "conf"

    @property
    def kubeconfig(self) -> Path:
        """Return the kubeconfig of the user `tenantry`."""
        return self.conf / "tenantry.kubeconfig"

    @property
    def credentials(self) -> Path:
        """Return the AWS shared credentials file of the object store's administrator; the profile is the site."""
        return self.conf / "aws-credentials"

    def data(self, name: str) -> Path:
        """Return a server's data folder."""
        return self.root / "data" / name

    def log(self, name: str) -> Path:
        """Return a server's log file."""
        return self.root / "log" / f"{name}.log"

    def record(self, name: str) -> Path:
        """Return the file that says which process a server is."""
        return self.root / "run" / f"{name}.json"

    def url(self, listener: str) -> str:
        """Return a listener's address, without a path."""
        return f"https://{LOOPBACK}:{self.ports[listener]}"


@dataclass(frozen=True)
class Layout:
    """A sandbox's folder. `state` None means the user's own state folder."""

    state: Path | None = None

    @cached_property
    def root(self) -> Path:
        """Return the folder that holds all of the sandbox."""
        return (self.state.resolve() if self.state else state_dir()) / "sandbox"

    @property
    def connections(self) -> Path:
        """Return the folder in which the sandbox tells the rest of tenantry how to reach its sites."""
        return self.state.resolve() / "connections" if self.state else connections_dir()

    @property
    def ca(self) -> Path:
        """Return the certificate that all server certificates of the sandbox descend from."""
        return self.root / "pki" / "ca.crt"

    @property
    def state_file(self) -> Path:
        """Return the file with the ports, and whether the sandbox should be running."""
        return self.root / "state.json"

    def exists(self) -> bool:
        """Say whether the sandbox was ever started here."""
        return self.state_file.is_file()

    def wanted(self) -> bool:
        """Say whether the sandbox should be running: it was started and not taken down since."""
        return self.exists() and bool(self._read().get("wanted"))

    def started(self) -> bool:
        """Say whether an `up` came as far as starting servers; before, there are ports and perhaps half of the keys."""
        return self.exists() and "wanted" in self._read()

    def want(self, wanted: bool) -> None:
        """Record whether the sandbox should be running."""
        self._write({**self._read(), "wanted": wanted})

    def sites(self) -> tuple[SiteLayout, ...]:
        """Return the sites with the ports that were chosen; empty where the sandbox was never started."""
        if not self.exists():
            return ()
        ports = self._read()["ports"]
        return tuple(SiteLayout(site, self.root / site, ports[site]) for site in SITES)

    def choose(self) -> tuple[SiteLayout, ...]:
        """Return the sites, choosing ports where that is yet to be done."""
        if not self.exists():
            with chosen(self.state_file, len(SITES) * len(LISTENERS)) as numbers:
                left = iter(numbers)
                self._write({"ports": {site: {name: next(left) for name in LISTENERS} for site in SITES}})
        return self.sites()

    def _read(self) -> dict[str, Any]:
        try:
            state = json.loads(self.state_file.read_text(encoding="utf-8"))
            if set(state["ports"]) != set(SITES) or any(set(p) != set(LISTENERS) for p in state["ports"].values()):
                raise ValueError("it names other sites or servers")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"the sandbox's state can't be read: {error!r}"
            fix = "run `tenantry sandbox down --delete`, which removes the sandbox with its data"
            raise UnreachableError(problem("TEN-306", what, fix, file=str(self.state_file))) from error
        else:
            return dict(state)

    def _write(self, state: dict[str, Any]) -> None:
        write_atomic(self.state_file, json.dumps(state, indent=1).encode())
