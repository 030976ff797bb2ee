"""How this machine reaches a site: paths and addresses, never a key.

A connection is one JSON file a site in the connections folder (`tenantry.paths.connections_dir`), mode 0600. The
sandbox writes one for each of its sites; platform engineers write one for each real site. Keys stay in the kubeconfig
and in the AWS shared credentials file that a connection names.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tenantry.files import write_atomic
from tenantry.paths import connections_dir
from tenantry.problems import UnreachableError, problem


@dataclass(frozen=True, slots=True)
class KubernetesConnection:
    """A context of a kubeconfig file."""

    kubeconfig: Path
    context: str


@dataclass(frozen=True, slots=True)
class ObjectStoreConnection:
    """An S3 endpoint with its IAM and STS endpoints, where it has them, and a profile of an AWS credentials file."""

    endpoint: str
    iam_endpoint: str | None
    sts_endpoint: str | None
    region: str
    ca_file: Path | None
    credentials_file: Path
    profile: str


@dataclass(frozen=True, slots=True)
class Connection:
    """One site's two ends."""

    site: str
    kubernetes: KubernetesConnection
    object_store: ObjectStoreConnection


def read_connection(site: str) -> Connection:
    """Read how to reach a site.

    Raises UnreachableError (TEN-500) where there is no connection file, or it isn't one.
    """
    path = connections_dir() / f"{site}.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        kube, store = raw["kubernetes"], raw["objectStore"]
        return Connection(
            site=site,
            kubernetes=KubernetesConnection(kubeconfig=Path(kube["kubeconfig"]), context=kube["context"]),
            object_store=ObjectStoreConnection(
                endpoint=store["endpoint"],
                iam_endpoint=store.get("iamEndpoint"),
                sts_endpoint=store.get("stsEndpoint"),
                region=store["region"],
                ca_file=Path(store["caFile"]) if store.get("caFile") else None,
                credentials_file=Path(store["credentialsFile"]),
                profile=store["profile"],
            ),
        )
    except FileNotFoundError:
        what, fix = f"site {site} has no connection", "start the sandbox (`tenantry sandbox up`), or write the file"
        raise UnreachableError(problem("TEN-500", what, fix, file=str(path))) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"the connection of site {site} can't be read: {error!r}"
        raise UnreachableError(problem("TEN-500", what, "mend or remove the file", file=str(path))) from error


def write_connection(connection: Connection, folder: Path | None = None) -> Path:
    """Write or replace a site's connection file, in the connections folder unless another is said; return its path."""
    kube, store = connection.kubernetes, connection.object_store
    raw = {
        "site": connection.site,
        "kubernetes": {"kubeconfig": str(kube.kubeconfig), "context": kube.context},
        "objectStore": {
            "endpoint": store.endpoint,
            "iamEndpoint": store.iam_endpoint,
            "stsEndpoint": store.sts_endpoint,
            "region": store.region,
            "caFile": str(store.ca_file) if store.ca_file else None,
            "credentialsFile": str(store.credentials_file),
            "profile": store.profile,
        },
    }
    path = (folder or connections_dir()) / f"{connection.site}.json"
    write_atomic(path, json.dumps(raw, indent=2).encode() + b"\n")
    return path
