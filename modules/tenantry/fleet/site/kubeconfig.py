"""Kubeconfig files: one context read out of a site's own, whom it trusts, and one file of many for Pulumi's engine."""

import base64
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tenantry.connection import Connection
from tenantry.files import write_atomic
from tenantry.problems import UnreachableError, problem

FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class KubeContext:
    """What a kubeconfig says of one context: its cluster and its user, every path absolute."""

    cluster: Mapping[str, Any]
    user: Mapping[str, Any]


def read_context(connection: Connection) -> KubeContext:
    """Read a connection's context from its kubeconfig. Raises UnreachableError (TEN-501) where it isn't there."""
    file, context = connection.kubernetes.kubeconfig, connection.kubernetes.context
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        chosen = _named(config["contexts"], context)["context"]
        cluster = _named(config["clusters"], chosen["cluster"])["cluster"]
        user = _named(config["users"], chosen["user"])["user"]
        return KubeContext(_absolute(file, cluster), _absolute(file, user))
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, StopIteration) as error:
        what = f"the kubeconfig of site {connection.site} has no usable context {context}: {error!r}"
        fix = "mend the file, or the context that the connection names"
        raise UnreachableError(problem("TEN-501", what, fix, file=str(file))) from error


def write_merged(connections: Mapping[str, Connection], path: Path) -> None:
    """Write one kubeconfig with a context for each site, named as the site is.

    Sites' own files can't be put side by side: two clusters whose users have the same name would get each other's keys.
    """
    contexts = {site: read_context(connection) for site, connection in sorted(connections.items())}
    merged = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": site, "cluster": dict(one.cluster)} for site, one in contexts.items()],
        "users": [{"name": site, "user": dict(one.user)} for site, one in contexts.items()],
        "contexts": [{"name": site, "context": {"cluster": site, "user": site}} for site in contexts],
    }
    write_atomic(path, yaml.safe_dump(merged, sort_keys=False).encode())


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _absolute(file: Path, part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(file.parent / value) if name in FILES else value for name, value in part.items()}


def trust_context(context: KubeContext) -> ssl.SSLContext:
    """Trust the cluster's certificate authority alone, and bring the user's certificate where there is one."""
    cluster, user = context.cluster, context.user
    inline = cluster.get("certificate-authority-data")
    tls = ssl.create_default_context(
        cafile=cluster.get("certificate-authority"), cadata=base64.b64decode(inline).decode() if inline else None
    )
    if "client-certificate" in user:
        tls.load_cert_chain(user["client-certificate"], user["client-key"])
    elif "client-certificate-data" in user:
        _load_inline(tls, user)
    return tls


def _load_inline(tls: ssl.SSLContext, user: Mapping[str, str]) -> None:
    """Load a certificate and key that the kubeconfig holds itself; Python's ssl only reads them from a file."""
    with tempfile.NamedTemporaryFile(prefix="tenantry-") as pair:
        for part in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(user[part]))
        pair.flush()
        tls.load_cert_chain(pair.name)
