"""What is known of the cluster: namespaces, parameters, custom kinds and limits, from documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenantry.contract.model import NAMESPACE_NAME
from tenantry.policy.admission.match import Labels, Surroundings, read_labels
from tenantry.policy.cel.library.marks import list_marks
from tenantry.policy.documents.model import Binding, Manifest, Policy
from tenantry.policy.kinds.custom import CustomKind, read_definition
from tenantry.policy.kinds.decode import Notes, decode_builtin
from tenantry.policy.kinds.table import find_other_versions, find_resource, find_shape, guess_resource
from tenantry.policy.objects.request import Resource

_CORE = "v1"
_DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_STORAGE_CLASS, _PRIORITY_CLASS = ("storage.k8s.io/v1", "StorageClass"), ("scheduling.k8s.io/v1", "PriorityClass")
_SYSTEM_PRIORITIES: dict[str, Manifest] = {
    "system-cluster-critical": {"value": 2_000_000_000},
    "system-node-critical": {"value": 2_000_001_000},
}
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
ASKED_KINDS = frozenset(
    {
        _DEFINITION,
        _STORAGE_CLASS,
        _PRIORITY_CLASS,
        *((_CORE, kind) for kind in ("Namespace", "LimitRange", "ServiceAccount")),
    }
)
"""The kinds whose documents judging asks for whatever the policies are; the kinds of their parameters come to these."""


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of a binding for a request.

    `error` is the API server's own; `undecidable` what would have to be known.
    """

    values: tuple[Manifest | None, ...] = ()
    error: str = ""
    undecidable: str = ""


NO_PARAMS = Params((None,))


@dataclass(frozen=True)
class Cluster:
    """Documents by their kind, and custom kinds by their name."""

    documents: dict[tuple[str, str], dict[tuple[str, str], Manifest]] = field(default_factory=dict)
    kinds: dict[tuple[str, str], CustomKind] = field(default_factory=dict)
    _decoded: dict[int, Manifest] = field(default_factory=dict)
    _marks: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    def decode(self, document: Manifest) -> Manifest:
        """A document as the API server would show it; each is decoded once."""
        found = self._decoded.get(id(document))
        if found is None:
            shape = find_shape(str(document.get("apiVersion", "")), str(document.get("kind", "")))
            found = document if shape is None else decode_builtin(document, shape, Notes())
            self._decoded[id(document)] = found
        return found

    def find_kind(self, api_version: str, kind: str) -> Resource | None:
        """A kind that is built in, tenantry's own, or defined."""
        custom = self.kinds.get((api_version, kind))
        return custom.resource if custom else find_resource(api_version, kind)

    def name_kind(self, manifest: Manifest) -> Resource:
        """The kind of a manifest, guessed where nothing defines it."""
        api_version, kind = str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))
        found = self.find_kind(api_version, kind)
        if found is not None:
            return found
        namespaced = bool(read_metadata(manifest).get("namespace"))
        return guess_resource(api_version, kind, namespaced=namespaced)

    def name_document(self, manifest: Manifest) -> tuple[tuple[str, str], tuple[str, str]]:
        """Under which kind and name a manifest is found."""
        metadata = read_metadata(manifest)
        kind = (str(manifest.get("apiVersion", "")), str(manifest.get("kind", "")))
        resource = self.find_kind(*kind)
        namespace = "" if resource and not resource.namespaced else str(metadata.get("namespace") or "")
        return kind, (namespace, str(metadata.get("name") or ""))

    def assume(self, manifests: Iterable[Manifest]) -> None:
        """Take manifests for granted, of namespaces that nothing was asked of yet; what is known already holds."""
        for manifest in manifests:
            kind, name = self.name_document(manifest)
            self.documents.setdefault(kind, {}).setdefault(name, manifest)

    def find_namespace(self, name: str) -> Manifest | None:
        """A namespace's document."""
        return self.documents.get((_CORE, "Namespace"), {}).get(("", name))

    def find_labels(self, namespace: str) -> Labels | None:
        """The labels of a namespace, with the one that the API server gives each; None where it isn't known."""
        document = self.find_namespace(namespace)
        return None if document is None else {**read_labels(document), NAMESPACE_NAME: namespace}

    def is_vague(self, namespace: str, reads: Iterable[tuple[str, ...]]) -> bool:
        """Whether any of what is to be read of a namespace's document isn't known; each is the path of a part."""
        if namespace not in self._marks:
            self._marks[namespace] = tuple(list_marks(self.find_namespace(namespace)))
        marks = self._marks[namespace]
        return any(_overlap(mark, read) for mark in marks for read in (reads if marks else ()))

    def find_limit_ranges(self, namespace: str) -> list[Manifest]:
        """The LimitRanges of a namespace, decoded."""
        ranges = self.documents.get((_CORE, "LimitRange"), {})
        return [self.decode(document) for (lies_in, _), document in ranges.items() if lies_in == namespace]

    def find_priorities(self) -> dict[str, Manifest]:
        """The PriorityClasses that are known, by name: those given, and those that each API server makes itself."""
        given = self.documents.get(_PRIORITY_CLASS, {})
        return _SYSTEM_PRIORITIES | {name: one for (_, name), one in given.items()}

    def find_default_class(self) -> str:
        """The name of the storage class that claims get which name none; of several defaults the newest."""
        defaults = [
            (str(read_metadata(one).get("creationTimestamp") or ""), name)
            for (_, name), one in self.documents.get(_STORAGE_CLASS, {}).items()
            if any((read_metadata(one).get("annotations") or {}).get(key) == "true" for key in _DEFAULT_CLASS)
        ]
        # Of those that are as new as each other, the first by name.
        newest = max((made for made, _ in defaults), default="")
        return min((name for made, name in defaults if made == newest), default="")

    def find_equivalents(self, resource: Resource) -> Sequence[Resource]:
        """The other versions in which the API server can show an object."""
        own = self.kinds.get((resource.api_version, resource.kind))
        if own is None:
            return find_other_versions(resource.api_version, resource.kind)
        return [
            other.resource
            for other in self.kinds.values()
            if (other.resource.group, other.resource.kind) == (resource.group, resource.kind)
            and other.resource != resource
        ]

    def can_convert(self, resource: Resource) -> bool:
        """Whether an object of a kind is the same in its other versions, but for their name."""
        own = self.kinds.get((resource.api_version, resource.kind))
        return own is not None and own.converts

    def surround(self) -> Surroundings:
        """What matching asks for."""
        return Surroundings(self.find_labels, self.find_equivalents, self.can_convert)


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one of two paths leads through the other's end."""
    return all(first == second for first, second in zip(one, other, strict=False))


def read_metadata(manifest: Manifest) -> dict[str, Any]:
    """The metadata of a manifest, whatever was written there."""
    metadata = manifest.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def build_cluster(manifests: Iterable[Manifest]) -> Cluster:
    """What documents say of a cluster; of two with the same name the later holds."""
    cluster = Cluster()
    for manifest in manifests:
        kind, name = cluster.name_document(manifest)
        cluster.documents.setdefault(kind, {})[name] = manifest
        if kind == _DEFINITION:
            for custom in read_definition(manifest):
                cluster.kinds[custom.resource.api_version, custom.resource.kind] = custom
    return cluster


def collect_params(cluster: Cluster, policy: Policy, binding: Binding, namespace: str) -> Params:
    """The parameters that a policy is judged with. Source: CollectParams in plugin/policy/generic."""
    kind, reference = policy.param_kind, binding.param_ref
    if kind is None or reference is None:
        return NO_PARAMS
    resource = cluster.find_kind(kind.api_version, kind.kind)
    if resource is None:
        return Params(undecidable=f"the parameters' kind {kind.kind}: give its CustomResourceDefinition")
    if reference.namespace and not resource.namespaced:
        return Params(error="paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    where = ""
    if resource.namespaced:
        where = reference.namespace or namespace
        if not where:
            return Params(
                error="cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
            )
    documents = cluster.documents.get((kind.api_version, kind.kind), {})
    if reference.selector is None:
        named = documents.get((where, reference.name))
        found: tuple[Manifest, ...] = () if named is None else (named,)
    else:
        selector = reference.selector
        found = tuple(
            document
            for (lies_in, _), document in documents.items()
            if lies_in == where and selector.matches(read_labels(document))
        )
    if not found and reference.deny_missing:
        return Params(error="no params found for policy binding with `Deny` parameterNotFoundAction")
    return Params(tuple(cluster.decode(document) for document in found))
