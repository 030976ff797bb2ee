"""What a real site has before its first tenant: the platform's access, namespaces, storage and priority classes."""

import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from tenantry.sandbox.guards import site_refuses
from tenantry.sandbox.layout import SiteLayout
from tenantry.sandbox.site.settings import ADMINISTRATOR_GROUP, bootstrap_kubeconfig

FIELD_MANAGER = "tenantry-sandbox"
_ATTEMPTS = 3
_CALL_SECONDS = 15
_SECONDS = 60


def furnish(site: SiteLayout, kubectl: Path) -> None:
    """Apply the site's own objects; what is as it should be stays. Raises UnreachableError (TEN-305).

    Tried again, for an API server whose etcd was killed may answer, and yet let a call hang until it is connected anew.
    """
    for _ in range(_ATTEMPTS):
        refusal = _apply(site, kubectl)
        if not refusal:
            return
        time.sleep(1)
    raise site_refuses(site, "kube-apiserver", refusal)


def _apply(site: SiteLayout, kubectl: Path) -> str:
    """Apply once, and say why the server wouldn't; nothing where it did."""
    command: list[str | Path] = [
        kubectl,
        "--kubeconfig",
        bootstrap_kubeconfig(site),
        "apply",
        "--server-side",
        "--force-conflicts",
        f"--request-timeout={_CALL_SECONDS}s",
        f"--field-manager={FIELD_MANAGER}",
        "--filename=-",
    ]
    try:
        done = subprocess.run(
            command,
            input=yaml.safe_dump_all(objects()),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} s"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def objects() -> list[dict[str, Any]]:
    """Return the objects that each site has."""
    return [
        _platform_access(),
        *(_namespace(name) for name in ("ingress-system", "monitoring-system")),
        _storage_class("standard", encrypted=False),
        _storage_class("encrypted", encrypted=True),
        _priority("tenant-low", 1000, "Batch and development work; gives way first."),
        _priority("tenant-default", 10000, "What tenants run unless they say otherwise."),
        _priority("tenant-high", 100000, "Public services in production."),
    ]


def _platform_access() -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ADMINISTRATOR_GROUP},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ADMINISTRATOR_GROUP}],
    }


def _namespace(name: str) -> dict[str, Any]:
    labels = {f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _storage_class(name: str, *, encrypted: bool) -> dict[str, Any]:
    """Make a class that nothing provisions: no pod runs here, but claims and quotas name it as at any site."""
    annotations = {"storageclass.kubernetes.io/is-default-class": str(not encrypted).lower()}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "annotations": annotations,
            "labels": {"tenantry.dev/encrypted": str(encrypted).lower()},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _priority(name: str, value: int, description: str) -> dict[str, Any]:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        "description": description,
        # A tenant's pods wait for room; they never push out another tenant's.
        "preemptionPolicy": "Never",
    }
