"""Access keys of users: two generations may overlap, and no key is ever left that nobody knows."""

import threading
from collections import defaultdict
from typing import Any

from tenantry.objectstore.kinds.base import RESERVED_TAG, Found, Inputs, Made
from tenantry.objectstore.kinds.bucket_parts import tag_map
from tenantry.objectstore.kinds.identity import absent_as_none
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store
from tenantry.problems import UnreachableError, problem

_locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)


def orphans(keys: list[str], record: dict[str, str], generation: int) -> list[str]:
    """Name the keys whose secret nobody has: those unrecorded, and one recorded for the generation that is being made.

    A run that was stopped after the store's answer and before the state's write leaves either.
    """
    known = {key for tag, key in record.items() if tag != f"{RESERVED_TAG}{generation}"}
    return [key for key in keys if key not in known]


class AccessKey:
    """Keys; ids are `site/user/key`. The secret is told once, when a key is made."""

    def same(self, key: str, one: Json, other: Json) -> bool:  # noqa: ARG002
        """Compare as they are."""
        return bool(one == other)

    def faults(self, inputs: Inputs) -> list[tuple[str, str]]:
        """A generation counts from 1."""
        generation = inputs.spec.get("generation")
        wrong = not isinstance(generation, int) or generation < 1
        return [("spec.generation", "it isn't a whole number from 1")] if wrong else []

    def replaces(self, old: Inputs, new: Inputs, can: frozenset[str]) -> set[str]:  # noqa: ARG002
        """Any change is another key, made before the old one goes: that is the overlap."""
        changed = {"site"} if old.site != new.site else set()
        return changed | {f"spec.{key}" for key in ("user", "generation") if old.spec.get(key) != new.spec.get(key)}

    def create(self, store: Store, inputs: Inputs) -> Made:
        """Make a key, after removing what an interrupted run left of the same generation."""
        user, generation = inputs.spec["user"], inputs.spec["generation"]
        with _locks[store.site, user], store.doing(f"make a key of user {user}"):
            held = [key["AccessKeyId"] for key in store.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]
            for key_id in orphans(held, self._record(store, user), generation):
                store.iam.delete_access_key(UserName=user, AccessKeyId=key_id)
            made = store.iam.create_access_key(UserName=user)["AccessKey"]
            tag: Any = {"Key": f"{RESERVED_TAG}{generation}", "Value": made["AccessKeyId"]}
            store.iam.tag_user(UserName=user, Tags=[tag])
        secret = {"accessKeyId": made["AccessKeyId"], "secretAccessKey": made["SecretAccessKey"]}
        return Made(f"{inputs.site}/{user}/{made['AccessKeyId']}", secret)

    def _record(self, store: Store, user: str) -> dict[str, str]:
        answer: Any = store.iam.list_user_tags(UserName=user)
        return {key: value for key, value in tag_map(answer["Tags"]).items() if key.startswith(RESERVED_TAG)}

    def read(self, store: Store, object_id: str, known: Inputs | None) -> Found | None:
        """See whether a key is there. Raises UnreachableError (TEN-412) at an import: its secret is told only once."""
        _, user, key_id = object_id.split("/", 2)
        if known is None:
            fix = "make a new generation of the key"
            what = f"site {store.site}: key {key_id} can't be imported, for no store tells a key's secret twice"
            raise UnreachableError(problem("TEN-412", what, fix))
        with store.doing(f"read the keys of user {user}"):
            answer = absent_as_none(lambda: store.iam.list_access_keys(UserName=user))
        active = [k["AccessKeyId"] for k in (answer or {}).get("AccessKeyMetadata", []) if k["Status"] == "Active"]
        return Found(known.tenant, known.name, known.spec) if key_id in active else None

    def update(self, store: Store, object_id: str, new: Inputs) -> Made:  # noqa: ARG002
        """Nothing of a key can change; a change of its tenant or name touches state alone."""
        return Made(object_id)

    def delete(self, store: Store, object_id: str, old: Inputs) -> None:
        """Delete a key and its record."""
        _, user, key_id = object_id.split("/", 2)
        with _locks[store.site, user], store.doing(f"delete key {key_id} of user {user}"):
            absent_as_none(lambda: store.iam.delete_access_key(UserName=user, AccessKeyId=key_id))
            tag = f"{RESERVED_TAG}{old.spec['generation']}"
            record = absent_as_none(lambda: self._record(store, user)) or {}
            if record.get(tag) == key_id:
                absent_as_none(lambda: store.iam.untag_user(UserName=user, TagKeys=[tag]))
