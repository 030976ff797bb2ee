"""Registers one rendered Kubernetes manifest as one Pulumi resource.

Types are taken from the manifest itself, so one class serves every kind: `kubernetes:<group>/<version>:<kind>` is what
pulumi-kubernetes' own classes register, too. Names within a stack come from the manifest, not from an order,
so a manifest that stays keeps its resource.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from tenantry.render.manifest import Manifest

GONE_SECONDS = 120
"""How long a namespace may take to go, with all that workloads left in it."""
TIMEOUTS = pulumi.CustomTimeouts(create="60s", update="60s", delete=f"{GONE_SECONDS}s")
"""How long an object may take to be as it was asked for, or to be gone. Nothing that is made waits for workloads, so
that what takes longer is a site's trouble; the provider's own ten minutes would let a run hang on it.
"""


class KubernetesObject(pulumi.CustomResource):
    """Any object of Kubernetes, applied by pulumi-kubernetes from its rendered manifest."""

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(kubernetes_type(manifest), name, dict(manifest), opts)


def kubernetes_type(manifest: Mapping[str, Any]) -> str:
    """Give the Pulumi type of a manifest: the legacy group, which has no name in Kubernetes, is `core` in Pulumi."""
    version = manifest["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"


def resource_name(manifest: Manifest) -> str:
    """Name a manifest's resource within its stack: `kind/namespace/name`, unique as Kubernetes' own names are."""
    metadata = manifest["metadata"]
    place = [metadata["namespace"]] if "namespace" in metadata else []
    return "/".join([manifest["kind"], *place, metadata["name"]])
