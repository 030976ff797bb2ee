"""What users and roles have in common: a path that names the tenant, inline policies, and IAM's way of failing."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from tenantry.objectstore.kinds.documents import compact, meaning, parsed
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import ABSENT, Store, error_code

PREFIX: Final = "/tenantry/"


def tenant_path(tenant: str) -> str:
    """Give the IAM path of a tenant's identities. It is set as they are made, so ownership is never in doubt."""
    return f"{PREFIX}{tenant}/" if tenant else PREFIX


def path_tenant(path: str) -> str:
    """Give the tenant of an IAM path, "" where it names none."""
    return path.removeprefix(PREFIX).strip("/") if path.startswith(PREFIX) else ""


def same_policies(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Compare inline policies by name and meaning."""
    return {name: meaning(p) for name, p in one.items()} == {name: meaning(p) for name, p in other.items()}


def absent_as_none(call: Callable[[], Any]) -> Json:
    """Make a call; None where the store says that there is no such thing. Raises ClientError."""
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if error_code(error) in ABSENT:
            return None
        raise


class InlinePolicies:
    """The inline policies of one user or role; `word` is `user` or `role`."""

    def __init__(self, store: Store, word: str, name: str) -> None:
        self._iam: Any = store.iam
        self._store, self._word, self._name = store, word, name
        self._who = {f"{word.capitalize()}Name": name}

    def read(self) -> dict[str, Any]:
        """Read all policies by name."""
        with self._store.doing(f"read the policies of {self._word} {self._name}"):
            names: list[str] = []
            more: dict[str, str] = {}
            while True:
                page = getattr(self._iam, f"list_{self._word}_policies")(**self._who, **more)
                names += page.get("PolicyNames", [])
                if not page.get("IsTruncated"):
                    break
                more = {"Marker": page["Marker"]}
            get = getattr(self._iam, f"get_{self._word}_policy")
            return {name: parsed(get(**self._who, PolicyName=name)["PolicyDocument"]) for name in names}

    def converge(self, wanted: Mapping[str, Any], held: Mapping[str, Any]) -> None:
        """Put what differs, remove what isn't wanted."""
        with self._store.doing(f"set the policies of {self._word} {self._name}"):
            for name, document in sorted(wanted.items()):
                if name not in held or meaning(held[name]) != meaning(document):
                    put = getattr(self._iam, f"put_{self._word}_policy")
                    put(**self._who, PolicyName=name, PolicyDocument=compact(document))
            remove = getattr(self._iam, f"delete_{self._word}_policy")
            for name in sorted(set(held) - set(wanted)):
                absent_as_none(partial(remove, **self._who, PolicyName=name))
