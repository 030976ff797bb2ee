"""Pods as a tenant's workload makes them, and what a kubelet would give them: their environment and their files."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sites import Sandbox

# What an application does that was written for no store in particular: an SDK finds everything by itself.
WORKLOAD = """
import sys, boto3
from botocore.config import Config
s3 = boto3.client("s3", config=Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"}))
s3.put_object(Bucket=sys.argv[1], Key=sys.argv[2], Body=b"from a pod")
print(s3.get_object(Bucket=sys.argv[1], Key=sys.argv[2])["Body"].read().decode())
"""


def pod(namespace: str, account: str | None = "app", **spec: object) -> dict[str, Any]:
    """Make a pod as strict as any class asks, run by a service account; `spec` is what it says besides."""
    container = {
        "name": "app",
        "image": "registry.gov.example/app@sha256:" + "0" * 64,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "10m", "memory": "16Mi"}},
    }
    usual: dict[str, Any] = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        **({"serviceAccountName": account} if account else {}),
        **spec,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "app-", "namespace": namespace},
        "spec": usual,
    }


def create(sandbox: Sandbox, site: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """Have a site make a pod, and give it as it is then; it's deleted again."""
    done = sandbox.kubectl(site, "create", "-f", "-", "-o", "json", stdin=json.dumps(manifest))
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    metadata = made["metadata"]
    sandbox.kubectl(site, "-n", metadata["namespace"], "delete", "pod", metadata["name"], "--now")
    return made


def environment(made: dict[str, Any]) -> dict[str, str]:
    """Give the variables of a pod's first container."""
    return {one["name"]: one["value"] for one in made["spec"]["containers"][0].get("env", ())}


class Kubelet:
    """Does for a pod what a node does: its projected volumes as files below a folder, and its process."""

    def __init__(self, sandbox: Sandbox, site: str, root: Path) -> None:
        self._sandbox, self._site, self._root = sandbox, site, root

    def project(self, made: dict[str, Any]) -> None:
        """Write, or renew, the files of every projected volume that the first container mounts."""
        volumes = {one["name"]: one["projected"]["sources"] for one in made["spec"]["volumes"] if "projected" in one}
        for mount in made["spec"]["containers"][0]["volumeMounts"]:
            folder = self._root / mount["mountPath"].lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in self._files(made, volumes[mount["name"]]):
                (folder / name).write_bytes(content)

    def _files(self, made: dict[str, Any], sources: Iterable[dict[str, Any]]) -> Iterable[tuple[str, bytes]]:
        namespace = made["metadata"]["namespace"]
        for source in sources:
            if token := source.get("serviceAccountToken"):
                seconds = f"--duration={token['expirationSeconds']}s"
                account = made["spec"]["serviceAccountName"]
                words = ("create", "token", account, f"--audience={token['audience']}", seconds)
                yield token["path"], self._ask(namespace, *words).strip().encode()
                continue
            kind = "secret" if "secret" in source else "configMap"
            found = json.loads(self._ask(namespace, "get", kind.lower(), source[kind]["name"], "-o", "json"))["data"]
            for item in source[kind]["items"]:
                value = found[item["key"]]
                yield item["path"], base64.b64decode(value) if kind == "secret" else value.encode()

    def _ask(self, namespace: str, *words: str) -> str:
        done = self._sandbox.kubectl(self._site, "-n", namespace, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, made: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the workload with the pod's environment, and nothing else but a path and a home."""
        inside = {name: self._place(value) for name, value in environment(made).items()}
        around = {"PATH": os.environ["PATH"], "HOME": str(self._root), "NO_PROXY": "127.0.0.1"}
        command = [sys.executable, "-c", WORKLOAD, *arguments]
        return subprocess.run(command, env={**around, **inside}, capture_output=True, text=True, check=False)

    def _place(self, value: str) -> str:
        return f"{self._root}{value}" if value.startswith("/var/run/") else value
