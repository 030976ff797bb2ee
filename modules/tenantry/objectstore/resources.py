"""The store's objects as a Pulumi program registers them: one class a kind, all with the same four inputs."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pulumi

from tenantry.objectstore.spec import TENANT_LABEL


class StoreObject(pulumi.CustomResource):
    """An object of a site's store. See `tenantry.objectstore.spec` for what each kind's spec says."""

    KIND: ClassVar[str]
    OUTPUTS: ClassVar[tuple[str, ...]] = ("arn",)

    def __init__(
        self,
        resource_name: str,
        *,
        site: pulumi.Input[str],
        name: pulumi.Input[str],
        spec: pulumi.Input[Mapping[str, Any]],
        tenant: pulumi.Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {"site": site, "tenant": tenant, "name": name, "spec": spec, **dict.fromkeys(self.OUTPUTS)}
        super().__init__(f"objectstore:index:{self.KIND}", resource_name, properties, opts)


class Bucket(StoreObject):
    """An S3 bucket."""

    KIND = "Bucket"
    arn: pulumi.Output[str]


class User(StoreObject):
    """An IAM user."""

    KIND = "User"
    arn: pulumi.Output[str]


class Role(StoreObject):
    """An IAM role."""

    KIND = "Role"
    arn: pulumi.Output[str]


class OidcProvider(StoreObject):
    """An issuer of tokens that the store trusts."""

    KIND = "OidcProvider"
    arn: pulumi.Output[str]


class AccessKey(StoreObject):
    """A key of an IAM user; depends on its user only where the user's name is taken from its outputs."""

    KIND = "AccessKey"
    OUTPUTS = ("accessKeyId", "secretAccessKey")

    @property
    def access_key_id(self) -> pulumi.Output[str]:
        """The key's id, which isn't secret."""
        return self.__dict__["accessKeyId"]  # type: ignore[no-any-return]

    @property
    def secret_access_key(self) -> pulumi.Output[str]:
        """The key's secret; the engine encrypts it in state and hides it in output."""
        return self.__dict__["secretAccessKey"]  # type: ignore[no-any-return]


CLASSES: Final[Mapping[str, type[StoreObject]]] = {
    cls.KIND: cls for cls in (Bucket, User, AccessKey, Role, OidcProvider)
}


def register(document: Mapping[str, Any], site: str, opts: pulumi.ResourceOptions | None = None) -> StoreObject:
    """Register a rendered document of the group `tenantry.dev/v1` as the resource of its kind."""
    kind = document["kind"]
    return CLASSES[kind](f"{kind}/{document['metadata']['name']}", opts=opts, **_inputs(document, site))


def register_key(
    document: Mapping[str, Any], site: str, generation: int, opts: pulumi.ResourceOptions | None = None
) -> AccessKey:
    """Register one generation of a rendered access key; that of every other generation is the same resource."""
    slot = "" if generation % 2 else "/even"
    inputs = _inputs(document, site)
    spec = {**inputs.pop("spec"), "generation": generation}
    return AccessKey(f"AccessKey/{document['metadata']['name']}{slot}", spec=spec, opts=opts, **inputs)


def _inputs(document: Mapping[str, Any], site: str) -> dict[str, Any]:
    metadata = document["metadata"]
    tenant = metadata.get("labels", {}).get(TENANT_LABEL, "")
    return {"site": site, "name": metadata["name"], "tenant": tenant, "spec": document.get("spec", {})}
