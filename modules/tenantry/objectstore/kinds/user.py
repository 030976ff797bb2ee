"""IAM users, for stores that can't federate."""

from functools import partial
from typing import Any

from tenantry.objectstore.kinds.base import RESERVED_TAG, Found, IncompleteError, Inputs, Made, foreign
from tenantry.objectstore.kinds.bucket_parts import tag_list, tag_map
from tenantry.objectstore.kinds.identity import InlinePolicies, absent_as_none, path_tenant, same_policies, tenant_path
from tenantry.objectstore.spec import TENANT_LABEL, Json
from tenantry.objectstore.store import Store
from tenantry.problems import UnreachableError


def desired_tags(inputs: Inputs) -> dict[str, str]:
    """Say which tags a user is to have, besides the record of its keys."""
    return {**inputs.spec["tags"], **({TENANT_LABEL: inputs.tenant} if inputs.tenant else {})}


class User:
    """IAM users; ids are `site/name`."""

    def same(self, key: str, one: Json, other: Json) -> bool:
        """Compare policies by meaning."""
        return same_policies(one, other) if key == "policies" else bool(one == other)

    def faults(self, inputs: Inputs) -> list[tuple[str, str]]:
        """Refuse tags that are the provider's own."""
        tags = inputs.spec.get("tags") or {}
        return [
            (f"spec.tags.{tag}", f"tags below {RESERVED_TAG} are the provider's own")
            for tag in tags
            if tag.startswith(RESERVED_TAG)
        ]

    def replaces(self, old: Inputs, new: Inputs, can: frozenset[str]) -> set[str]:  # noqa: ARG002
        """Name and path are for ever: a rename would change the name in every policy that knows it."""
        return {key for key in ("site", "tenant", "name") if getattr(old, key) != getattr(new, key)}

    def create(self, store: Store, inputs: Inputs) -> Made:
        """Make a user, or take over the tenant's own."""
        from botocore.exceptions import ClientError

        name, fresh = inputs.name, True
        with store.doing(f"make user {name}"):
            try:
                tags: Any = tag_list(desired_tags(inputs))
                made = store.iam.create_user(UserName=name, Path=tenant_path(inputs.tenant), Tags=tags)["User"]
            except ClientError as error:
                if "EntityAlreadyExists" not in str(error.response):
                    raise
                fresh = False
                made = store.iam.get_user(UserName=name)["User"]
        if made["Path"] != tenant_path(inputs.tenant):
            raise foreign(store, f"user {name}", path_tenant(made["Path"]))
        result = Made(f"{inputs.site}/{name}", {"arn": made["Arn"]})
        try:
            if fresh:
                InlinePolicies(store, "user", name).converge(inputs.spec["policies"], {})
            else:
                self._converge(store, inputs)
        except UnreachableError as error:
            raise IncompleteError(result, error) from error
        return result

    def _converge(self, store: Store, inputs: Inputs) -> None:
        policies = InlinePolicies(store, "user", inputs.name)
        policies.converge(inputs.spec["policies"], policies.read())
        wanted, held = desired_tags(inputs), self._tags(store, inputs.name)
        with store.doing(f"set the tags of user {inputs.name}"):
            changed: Any = tag_list({key: value for key, value in wanted.items() if held.get(key) != value})
            if changed:
                store.iam.tag_user(UserName=inputs.name, Tags=changed)
            if gone := sorted(set(held) - set(wanted)):
                store.iam.untag_user(UserName=inputs.name, TagKeys=gone)

    def _tags(self, store: Store, name: str) -> dict[str, str]:
        with store.doing(f"read the tags of user {name}"):
            answer: Any = store.iam.list_user_tags(UserName=name)
        return {key: value for key, value in tag_map(answer["Tags"]).items() if not key.startswith(RESERVED_TAG)}

    def read(self, store: Store, object_id: str, known: Inputs | None) -> Found | None:  # noqa: ARG002
        """Read a user with its policies and tags."""
        name = object_id.partition("/")[2]
        with store.doing(f"read user {name}"):
            answer = absent_as_none(lambda: store.iam.get_user(UserName=name))
        if answer is None:
            return None
        tags = {key: value for key, value in self._tags(store, name).items() if key != TENANT_LABEL}
        spec = {"policies": InlinePolicies(store, "user", name).read(), "tags": tags}
        return Found(path_tenant(answer["User"]["Path"]), name, spec, {"arn": answer["User"]["Arn"]})

    def update(self, store: Store, object_id: str, new: Inputs) -> Made:
        """Bring policies and tags to what they are to be."""
        self._converge(store, new)
        with store.doing(f"read user {new.name}"):
            return Made(object_id, {"arn": store.iam.get_user(UserName=new.name)["User"]["Arn"]})

    def delete(self, store: Store, object_id: str, old: Inputs) -> None:  # noqa: ARG002
        """Delete a user with all that hangs on it, keys that a crash left among them."""
        name = object_id.partition("/")[2]
        with store.doing(f"delete user {name}"):
            keys = absent_as_none(lambda: store.iam.list_access_keys(UserName=name))
            if keys is None:
                return
            for key in keys["AccessKeyMetadata"]:
                absent_as_none(partial(store.iam.delete_access_key, UserName=name, AccessKeyId=key["AccessKeyId"]))
            policies = InlinePolicies(store, "user", name)
            policies.converge({}, policies.read())
            absent_as_none(lambda: store.iam.delete_user(UserName=name))
