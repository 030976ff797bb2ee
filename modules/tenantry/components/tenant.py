"""A tenant as Pulumi components: one for each namespace, one for its object storage."""

from collections.abc import Sequence

import pulumi

from tenantry.components.register import TIMEOUTS, KubernetesObject, resource_name
from tenantry.objectstore.resources import AccessKey, Role, StoreObject, register, register_key
from tenantry.render.manifest import Manifest, Rendered
from tenantry.render.naming import FILLED_BY
from tenantry.render.store.injection import CREDENTIALS_KEY, ROLE_KEY


class TenantStorage(pulumi.ComponentResource):
    """A tenant's buckets, and the identities that may use them.

    `generation` is that of the identities' access keys, from 1; `keys` are those keys by the identities' names, and
    `roles` the roles. The generation before it is kept, for workloads that haven't read the new one yet.
    """

    def __init__(
        self,
        name: str,
        documents: Sequence[Manifest],
        site: str,
        generation: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tenantry:tenant:Storage", name, {}, opts)
        self.keys: dict[str, AccessKey] = {}
        self.roles: dict[str, Role] = {}
        users: dict[str, StoreObject] = {}
        for document in documents:
            name = document["metadata"]["name"]
            if document["kind"] == "AccessKey":
                self.keys[name] = self._register_keys(document, site, generation, users[document["spec"]["user"]])
                continue
            resource = register(document, site, pulumi.ResourceOptions(parent=self))
            if document["kind"] == "User":
                users[name] = resource
            if isinstance(resource, Role):
                self.roles[name] = resource
        self.register_outputs({})

    def _register_keys(self, document: Manifest, site: str, generation: int, user: StoreObject) -> AccessKey:
        """Register a key of this generation and one of that before it; give the newer.

        They have two resources in turn, so that a new generation takes the place of the one before last, which goes
        first: a store may allow a user two keys. A key needs its user, and is deleted before it.
        """
        options = pulumi.ResourceOptions(parent=self, depends_on=[user], delete_before_replace=True)
        made = [register_key(document, site, each, options) for each in (generation - 1, generation) if each >= 1]
        return made[-1]


class TenantNamespace(pulumi.ComponentResource):
    """A namespace with its quota, limits, access and network boundary."""

    def __init__(
        self,
        name: str,
        manifests: Sequence[Manifest],
        storage: TenantStorage,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tenantry:tenant:Namespace", name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self, custom_timeouts=TIMEOUTS)
        for manifest in manifests:
            resource = KubernetesObject(resource_name(manifest), _filled(manifest, storage), inside)
            if manifest["kind"] == "Namespace":
                # Everything else in a namespace needs it, and goes with it: when the namespace is deleted, nothing in
                # it has to be deleted one by one.
                inside = pulumi.ResourceOptions.merge(
                    inside, pulumi.ResourceOptions(depends_on=[resource], deleted_with=resource)
                )
        self.register_outputs({})


class TenantEnvironment:
    """All of a rendered tenant, registered in the stack that is running; `generation` is that of its access keys."""

    def __init__(self, rendered: Rendered, site: str, kubernetes: pulumi.ProviderResource, *, generation: int) -> None:
        storage = TenantStorage(f"{rendered.tenant}-storage", rendered.object_store, site, generation)
        for namespace in rendered.namespaces:
            manifests = [manifest for manifest in rendered.kubernetes if _namespace_of(manifest) == namespace]
            TenantNamespace(namespace, manifests, storage, pulumi.ResourceOptions(providers=[kubernetes]))


def _namespace_of(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return str(metadata.get("namespace", metadata["name"]))


def _filled(manifest: Manifest, storage: TenantStorage) -> Manifest:
    """Complete a Secret that waits for an access key, whose values are secret in plan and state, or roles' ARNs."""
    filled_by = manifest["metadata"]["annotations"].get(FILLED_BY)
    if not filled_by:
        return manifest
    if manifest["kind"] == "Secret":
        return {**manifest, "stringData": _key_data(storage.keys[filled_by.removeprefix("AccessKey/")])}
    names = [each.removeprefix("Role/") for each in filled_by.split()]
    arns = {f"{ROLE_KEY}{name.rpartition('.')[2]}": storage.roles[name].arn for name in names}
    return {**manifest, "data": {**manifest["data"], **arns}}


def _key_data(key: AccessKey) -> dict[str, pulumi.Output[str]]:
    """Give a key as variables of an environment, and as the file that SDKs read, which a pod sees change."""
    head, between = "[default]\naws_access_key_id = ", "\naws_secret_access_key = "
    credentials = pulumi.Output.concat(head, key.access_key_id, between, key.secret_access_key, "\n")
    return {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        CREDENTIALS_KEY: credentials,
    }
