"""What rendering makes: Kubernetes-style documents, in an order that a server can take them, with one digest."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

Manifest = Mapping[str, Any]
"""One document: `apiVersion`, `kind`, `metadata` and what its kind adds. Plain dicts, lists, strings and numbers."""

STORE_API = "tenantry.dev/v1"
"""The API version of object-store documents (Bucket, User, AccessKey, Role), whose kinds Kubernetes doesn't serve."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """All objects of one tenant: those for the site's Kubernetes and those for its object store.

    `grants` maps each grant that opened something in them to its last day, as `YYYY-MM-DD`; where it is `cordoned`,
    nothing new starts.
    """

    tenant: str
    kubernetes: tuple[Manifest, ...]
    object_store: tuple[Manifest, ...]
    grants: Mapping[str, str]
    cordoned: bool

    @property
    def documents(self) -> tuple[Manifest, ...]:
        """Everything, object store first, since Kubernetes Secrets are filled from its keys."""
        return self.object_store + self.kubernetes

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The names of the tenant's namespaces."""
        return tuple(m["metadata"]["name"] for m in self.kubernetes if m["kind"] == "Namespace")

    @property
    def buckets(self) -> tuple[str, ...]:
        """The names of the tenant's buckets, as the store knows them."""
        return tuple(self.retention)

    @property
    def retention(self) -> dict[str, int]:
        """The days for which each bucket's objects are kept, by the bucket's name in the store."""
        return {
            document["metadata"]["name"]: document["spec"]["retentionDays"]
            for document in self.object_store
            if document["kind"] == "Bucket"
        }

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of all documents: equal exactly where the documents are."""
        return hashlib.sha256(orjson.dumps(self.documents, option=orjson.OPT_SORT_KEYS)).hexdigest()


def object_key(manifest: Manifest) -> str:
    """Name an object uniquely in its site: `apiVersion/kind/namespace/name`, the namespace empty where it has none."""
    metadata = manifest["metadata"]
    return f"{manifest['apiVersion']}/{manifest['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"


def to_yaml(documents: Iterable[Manifest]) -> str:
    """Write documents as one YAML stream, the same bytes for the same documents."""
    import yaml

    return "".join(
        "---\n" + yaml.dump(document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=120)
        for document in documents
    )


_NUMBER = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9_]*\.?[0-9_]*([eE][-+]?[0-9_]+)?)\Z")


@cache
def _dumper() -> type[Any]:
    """Make a dumper that also quotes what only other readers take for a number or a truth, such as `1e3` and `y`.

    kubectl reads YAML with go-yaml, whose rules aren't PyYAML's: a tenant named `1e3` would arrive as a number.
    """
    import yaml

    dumper: Any = type("KubernetesDumper", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {})
    dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, "-+.0123456789")
    dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]\Z"), "yYnN")
    # Without anchors each object stands by itself, for readers and for tools that cut a stream apart.
    dumper.ignore_aliases = lambda *_: True
    made: type[Any] = dumper
    return made
