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
    kind, metadata = document["kind"], document["metadata"]
    tenant = metadata.get("labels", {}).get(TENANT_LABEL, "")
    name = metadata["name"]
    return CLASSES[kind](
        f"{kind}/{name}", site=site, name=name, tenant=tenant, spec=document.get("spec", {}), opts=opts
    )
