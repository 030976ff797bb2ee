"""Makes the plans anew: `python -m tests.unit.plans.renew`, with Pulumi and its Kubernetes provider on the PATH.

The provider renders into a folder, so that no cluster is needed. The bucket is in the preview only: its site isn't
known there, and so nobody asks its store.
"""

import os
import subprocess
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pulumi
from pulumi import automation

from tenantry.components.register import KubernetesObject
from tenantry.objectstore.resources import Bucket

HERE = Path(__file__).parent
SHOWN = "/example"


def run(folder: Path, *, planned: bool) -> None:
    """Ask for what the tests look for: a privileged pod, values that aren't known yet, a secret, an open bucket."""
    provider = pulumi.ProviderResource("kubernetes", "out", {"renderYamlToDirectory": f"{folder}/yaml"})
    options = pulumi.ResourceOptions(provider=provider)

    def make(kind: str, name: str, namespace: Any = "main", **more: Any) -> KubernetesObject:  # noqa: ANN401
        version = "apps/v1" if kind == "Deployment" else "v1"
        metadata = {"name": name, "namespace": namespace}
        return KubernetesObject(name, {"apiVersion": version, "kind": kind, "metadata": metadata, **more}, options)

    first = make("ConfigMap", "first", data={"a": "1"})
    container = {"name": "app", "image": "nginx:1", "securityContext": {"privileged": True}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    make("Deployment", "web", spec={"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template})
    image = pulumi.Output.concat("registry.gov.example/", first.id)
    make("Pod", "waits", first.id.apply(lambda _: "main"), spec={"containers": [{"name": "app", "image": image}]})
    make("Secret", "key", stringData={"password": pulumi.Output.secret("hunter2")})
    if planned:
        read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::t-0-files/*"}
        spec = {"policy": {"Version": "2012-10-17", "Statement": [read]}, "tags": {"team": "records"}}
        Bucket("files", site=first.id.apply(lambda _: "onprem"), tenant="t-0", name="t-0-files", spec=spec)


def renew(folder: Path) -> None:
    """Write both."""
    state = f"file://{folder}/state"
    (folder / "state").mkdir()
    os.environ |= {"PULUMI_CONFIG_PASSPHRASE": "-", "PULUMI_BACKEND_URL": state, "PULUMI_HOME": f"{folder}/home"}
    settings = automation.ProjectSettings("example", "python", backend=automation.ProjectBackend(state))
    options = automation.LocalWorkspaceOptions(project_settings=settings)
    preview, export = (
        automation.create_stack(name, "example", program=partial(run, folder, planned=name == "preview"), opts=options)
        for name in ("preview", "export")
    )
    write("preview.json", preview.preview(json=True).stdout, folder)
    export.up()
    command = ["pulumi", "stack", "export", "--stack", "export", "--cwd", export.workspace.work_dir]
    write("export.json", subprocess.run(command, check=True, capture_output=True, text=True).stdout, folder)


def write(name: str, text: str, folder: Path) -> None:
    """Write a plan without the folders of the machine that made it."""
    for place in (str(folder), str(HERE), os.environ["HOME"], f"/../{HERE.parents[2].name}"):
        text = text.replace(place, SHOWN)
    (HERE / name).write_text(text)


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        renew(Path(made))
