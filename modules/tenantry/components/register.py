"""Registers one rendered document as one Pulumi resource.

Types are taken from the document itself, so one class serves every Kubernetes kind: `kubernetes:<group>/<version>:<kind>`
is what pulumi-kubernetes' own classes register, too. Names within a stack come from the document, not from an order,
so a document that stays keeps its resource.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from tenantry.render.manifest import STORE_API, Manifest
from tenantry.render.naming import TENANT_LABEL

STORE_PACKAGE = "objectstore"


class KubernetesObject(pulumi.CustomResource):
    """Any object of Kubernetes, applied by pulumi-kubernetes from its rendered manifest."""

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(kubernetes_type(manifest), name, dict(manifest), opts)


class StoreObject(pulumi.CustomResource):
    """Any object of an object store, applied by tenantry's own provider from its rendered document."""

    access_key_id: pulumi.Output[str]
    secret_access_key: pulumi.Output[str]

    def __init__(self, name: str, document: Manifest, site: str, opts: pulumi.ResourceOptions) -> None:
        metadata = document["metadata"]
        properties = {
            "site": site,
            "tenant": metadata["labels"][TENANT_LABEL],
            "name": metadata["name"],
            "spec": document["spec"],
        }
        if document["kind"] == "AccessKey":
            properties |= {"accessKeyId": None, "secretAccessKey": None}
            opts = pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(additional_secret_outputs=["secretAccessKey"])
            )
        super().__init__(f"{STORE_PACKAGE}:index:{document['kind']}", name, properties, opts)

    def translate_output_property(self, prop: str) -> str:
        """Give the Python name of an output."""
        return {"accessKeyId": "access_key_id", "secretAccessKey": "secret_access_key"}.get(prop, prop)


def kubernetes_type(manifest: Mapping[str, Any]) -> str:
    """Give the Pulumi type of a manifest: the legacy group, which has no name in Kubernetes, is `core` in Pulumi."""
    version = manifest["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"


def resource_name(document: Manifest) -> str:
    """Name a document's resource within its stack: `kind/namespace/name`, unique as Kubernetes' own names are."""
    metadata = document["metadata"]
    place = [metadata["namespace"]] if "namespace" in metadata else []
    prefix = STORE_PACKAGE if document["apiVersion"] == STORE_API else ""
    return "/".join(filter(None, [prefix, document["kind"], *place, metadata["name"]]))
