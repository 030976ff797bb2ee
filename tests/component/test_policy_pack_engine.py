"""A stack that Pulumi previews or updates with the policy pack is gated as `tenantry apply` is; on the real engine."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation as auto

from pulumi_stacks import Stacks
from sites import Sandbox
from tenantry.components.register import KubernetesObject, resource_name
from tenantry.data import example_dir, policy_dir
from tenantry.fleet.engine.program import tenant_program
from tenantry.fleet.engine.session import kubeconfig_file
from tenantry.fleet.selection import select
from tenantry.objectstore.resources import Bucket
from tenantry.toolchain import binary

SITE = "onprem"
NAMESPACE = "policy-pack"
SECRET = "a-secret-that-must-not-show"
IMAGE = "registry.gov.example/web@sha256:" + "0" * 64
Program = Callable[[], None]


def pod(name: str, image: pulumi.Input[str] = IMAGE, *, privileged: bool = False) -> dict[str, Any]:
    """Make a Pod that all policies allow, unless it is privileged; a value of its environment is secret."""
    rights = {"privileged": True} if privileged else {"allowPrivilegeEscalation": False}
    container = {
        "name": "web",
        "image": image,
        "env": [{"name": "KEY", "value": pulumi.Output.secret(SECRET)}],
        "securityContext": {**rights, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "resources": {"limits": {"cpu": "10m", "memory": "10Mi"}, "requests": {"cpu": "10m", "memory": "10Mi"}},
        "livenessProbe": {"exec": {"command": ["true"]}},
        "readinessProbe": {"exec": {"command": ["true"]}},
    }
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/name": "web"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}}


def register(*manifests: dict[str, Any]) -> list[KubernetesObject]:
    provider = pulumi.ProviderResource("kubernetes", "site", {"context": SITE})
    options = pulumi.ResourceOptions(provider=provider, version="4.25.0")
    return [KubernetesObject(resource_name(one), one, options) for one in manifests]


class Gate:
    """Runs programs through the pack, and keeps what it said."""

    def __init__(self, folder: Path) -> None:
        self.levels, self.stacks = folder / "levels.json", Stacks(folder)
        self.said: dict[str, auto.events.PolicyEvent] = {}
        self.output: list[str] = []

    def stack(self, program: Program) -> auto.Stack:
        # As on a user's PATH: the commands of the installed package, the engine, and its provider.
        tools = [Path(sys.executable).parent]
        tools += [binary(name).parent for name in ("pulumi", "pulumi-resource-kubernetes")]
        path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
        return self.stacks.stack("gate", program, PATH=path, KUBECONFIG=str(kubeconfig_file()))

    def passes(self, operation: Callable[..., object], **levels: str) -> bool:
        """Run an operation of a stack; `levels` are Pulumi's own configuration of the pack."""
        self.said.clear()
        self.output.clear()
        self.levels.write_text(json.dumps(levels))
        try:
            operation(
                policy_packs=[str(policy_dir())],
                policy_pack_configs=[str(self.levels)],
                on_event=self._hear,
                on_output=self.output.append,
            )
        except auto.CommandError:
            if not self.said:
                raise
            return False
        return True

    def _hear(self, event: auto.events.EngineEvent) -> None:
        self.output.append(str(vars(event)))
        if event.policy_event:
            self.said[event.policy_event.policy_name] = event.policy_event


@pytest.fixture(scope="module")
def namespace(sandbox: Sandbox) -> Iterator[str]:
    sandbox.kubectl(SITE, "create", "namespace", NAMESPACE)
    yield NAMESPACE
    sandbox.kubectl(SITE, "delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def gate(namespace: str, tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_a_preview_fails_with_what_is_wrong_and_where(gate: Gate) -> None:
    stack = gate.stack(lambda: register(pod("good"), pod("bad", privileged=True)) and None)
    assert not gate.passes(stack.preview)
    event = gate.said["pod-privileged"]
    assert (event.enforcement_level, event.policy_pack_name) == ("mandatory", "tenantry")
    assert (event.resource_urn or "").endswith(f"::Pod/{NAMESPACE}/bad")
    for told in ("must not set securityContext.privileged", "TEN-610", "cis-kubernetes-1.12/5.2.2", "Fix: remove"):
        assert told in event.message
    assert {str(one.resource_urn).rpartition("/")[2] for one in gate.said.values()} == {"bad"}
    assert "pod-privileged" in "".join(gate.output)
    assert SECRET not in "".join(gate.output)


def test_levels_are_set_as_pulumi_sets_them(gate: Gate) -> None:
    stack = gate.stack(lambda: register(pod("bad", privileged=True)) and None)
    levels = {"pod-privileged": "advisory", "pod-privilege-escalation": "disabled"}
    assert gate.passes(stack.preview, **levels)
    assert {name: one.enforcement_level for name, one in gate.said.items()} == {"pod-privileged": "advisory"}


def test_what_tenantry_renders_passes_with_its_buckets(gate: Gate) -> None:
    (planned,) = select(["laa-portal"], example_dir()).planned
    assert planned.rendered.buckets
    assert planned.site.name == SITE
    assert gate.passes(gate.stack(tenant_program(planned.rendered, SITE, planned.keys.generation)).preview)
    assert gate.said == {}


def test_a_bucket_that_its_class_forbids_fails_the_preview(gate: Gate) -> None:
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::t-0-a/*"}
    tags = {"tenantry.dev/classification": "restricted", "tenantry.dev/baseline": "2026.1"}
    spec = {"policy": {"Version": "2012-10-17", "Statement": [everyone]}, "tags": tags}
    stack = gate.stack(lambda: Bucket("open", site=SITE, tenant="t-0", name="t-0-a", spec=spec) and None)
    assert not gate.passes(stack.preview)
    assert "a bucket of class restricted must not be open to everyone" in gate.said["bucket-public"].message
    assert {"bucket-lock", "bucket-tls", "bucket-owner"} <= gate.said.keys()


def test_an_unknown_value_is_no_pass_and_denied_before_it_is_made(gate: Gate, sandbox: Sandbox) -> None:
    """What a preview can't decide is decided in the update, also where nobody previewed."""

    def program() -> None:
        (first,) = register(config_map("first"))
        image = first.id.apply(lambda made: f"elsewhere.test/{made}")
        options = pulumi.ResourceOptions(provider=first._provider, version="4.25.0")
        KubernetesObject("later", pod("later", image), options)

    stack = gate.stack(program)
    assert not gate.passes(stack.preview)
    assert {one.enforcement_level for one in gate.said.values()} == {"mandatory"}
    assert "spec.containers[0].image, which isn't known yet" in gate.said["image-registry"].message
    try:
        assert not gate.passes(stack.up)
        assert SECRET not in "".join(gate.output)
        assert "must take the image from one of" in gate.said["image-registry"].message
        assert sandbox.kubectl(SITE, "-n", NAMESPACE, "get", "configmap", "first").returncode == 0
        assert sandbox.kubectl(SITE, "-n", NAMESPACE, "get", "pods", "-o", "name").stdout == ""
    finally:
        stack.destroy()
