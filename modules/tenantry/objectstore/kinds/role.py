"""IAM roles, which workloads take with their own token."""

import json
import re

from tenantry.objectstore.kinds.base import Found, IncompleteError, Inputs, Made, foreign
from tenantry.objectstore.kinds.documents import compact, meaning, parsed
from tenantry.objectstore.kinds.identity import InlinePolicies, absent_as_none, path_tenant, same_policies, tenant_path
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store
from tenantry.problems import UnreachableError


def trusted_issuer(trust: Json) -> str | None:
    """Give the issuer, with https://, whose tokens a trust takes; None where it takes none, or that isn't known yet."""
    found = re.search(r"oidc-provider/([^\"\\]+)", json.dumps(trust, default=str))
    return f"https://{found[1]}" if found else None


class Role:
    """IAM roles; ids are `site/name`."""

    def same(self, key: str, one: Json, other: Json) -> bool:
        """Compare trust and policies by meaning."""
        match key:
            case "trust":
                return meaning(one) == meaning(other)
            case "policies":
                return same_policies(one, other)
        return bool(one == other)

    def faults(self, inputs: Inputs) -> list[tuple[str, str]]:
        """Bound the sessions as IAM does."""
        seconds = inputs.spec.get("maxSessionSeconds")
        fit = isinstance(seconds, int) and 3600 <= seconds <= 43200
        return [] if fit else [("spec.maxSessionSeconds", "it isn't between 3600 and 43200")]

    def replaces(self, old: Inputs, new: Inputs, can: frozenset[str]) -> set[str]:  # noqa: ARG002
        """Name and path are for ever; so are sessions' lengths, since neither RGW nor versitygw has UpdateRole."""
        fixed = {key for key in ("site", "tenant", "name") if getattr(old, key) != getattr(new, key)}
        changed = old.spec.get("maxSessionSeconds") != new.spec.get("maxSessionSeconds")
        return fixed | ({"spec.maxSessionSeconds"} if changed else set())

    def create(self, store: Store, inputs: Inputs) -> Made:
        """Make a role, or take over the tenant's own."""
        from botocore.exceptions import ClientError

        name, fresh = inputs.name, True
        with store.doing(f"make role {name}"):
            try:
                made = store.iam.create_role(
                    RoleName=name,
                    Path=tenant_path(inputs.tenant),
                    AssumeRolePolicyDocument=compact(inputs.spec["trust"]),
                    MaxSessionDuration=inputs.spec["maxSessionSeconds"],
                )["Role"]
            except ClientError as error:
                if "EntityAlreadyExists" not in str(error.response):
                    raise
                fresh = False
                made = store.iam.get_role(RoleName=name)["Role"]
        if made["Path"] != tenant_path(inputs.tenant):
            raise foreign(store, f"role {name}", path_tenant(made["Path"]))
        result = Made(f"{inputs.site}/{name}", {"arn": made["Arn"]})
        try:
            if fresh:
                InlinePolicies(store, "role", name).converge(inputs.spec["policies"], {})
            else:
                self._converge(store, inputs, made)
        except UnreachableError as error:
            raise IncompleteError(result, error) from error
        return result

    def _converge(self, store: Store, inputs: Inputs, held: Json) -> None:
        if meaning(parsed(held["AssumeRolePolicyDocument"])) != meaning(inputs.spec["trust"]):
            with store.doing(f"set the trust of role {inputs.name}"):
                trust = compact(inputs.spec["trust"])
                store.iam.update_assume_role_policy(RoleName=inputs.name, PolicyDocument=trust)
        policies = InlinePolicies(store, "role", inputs.name)
        policies.converge(inputs.spec["policies"], policies.read())

    def read(self, store: Store, object_id: str, known: Inputs | None) -> Found | None:  # noqa: ARG002
        """Read a role with its trust and policies."""
        name = object_id.partition("/")[2]
        with store.doing(f"read role {name}"):
            answer = absent_as_none(lambda: store.iam.get_role(RoleName=name))
        if answer is None:
            return None
        role = answer["Role"]
        spec = {
            "trust": parsed(role["AssumeRolePolicyDocument"]),
            "policies": InlinePolicies(store, "role", name).read(),
            "maxSessionSeconds": role.get("MaxSessionDuration", 3600),
        }
        return Found(path_tenant(role["Path"]), name, spec, {"arn": role["Arn"]})

    def update(self, store: Store, object_id: str, new: Inputs) -> Made:
        """Bring trust and policies to what they are to be."""
        with store.doing(f"read role {new.name}"):
            role = store.iam.get_role(RoleName=new.name)["Role"]
        self._converge(store, new, role)
        return Made(object_id, {"arn": role["Arn"]})

    def delete(self, store: Store, object_id: str, old: Inputs) -> None:  # noqa: ARG002
        """Delete a role with its policies."""
        name = object_id.partition("/")[2]
        with store.doing(f"delete role {name}"):
            if absent_as_none(lambda: store.iam.get_role(RoleName=name)) is None:
                return
            policies = InlinePolicies(store, "role", name)
            policies.converge({}, policies.read())
            absent_as_none(lambda: store.iam.delete_role(RoleName=name))
