"""Manifests into requests: what the API server makes of an object before it asks its policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import NamedTuple

from tenantry.policy.cel.library.authorization import Subject
from tenantry.policy.documents.model import NOWHERE, Manifest, Source
from tenantry.policy.kinds.custom import complete_custom
from tenantry.policy.kinds.decode import Notes, decode_builtin, drop_nulls, fill_defaults, is_too_deep, make_empty
from tenantry.policy.kinds.pods import admit_claim, admit_pod
from tenantry.policy.kinds.table import find_resource, find_shape
from tenantry.policy.kinds.whole import OBJECT_DEFAULTS
from tenantry.policy.objects.cluster import Cluster, read_metadata
from tenantry.policy.objects.request import Request, Resource

_POD, _CLAIM = "core/v1.Pod", "core/v1.PersistentVolumeClaim"
# A server overwrites these of a new object, whatever a client says: FillObjectMetaSystemFields and BeforeCreate.
_SERVER_ONLY = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
# Where each kind of workload keeps the template of its pods.
TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("", "ReplicationController"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}


class Prepared(NamedTuple):
    """A request, and what the API server would say of the object by itself.

    `refused` are values of a wrong type, with which no object is made; `dropped` are fields that it doesn't know.
    """

    request: Request
    refused: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()


def _decode(manifest: Manifest, resource: Resource, cluster: Cluster, notes: Notes) -> Manifest:
    shape = find_shape(resource.api_version, resource.kind)
    if shape is not None:
        return decode_builtin(manifest, shape, notes)
    if is_too_deep(manifest):
        notes.refused.append(("", "is nested too deep to be read"))
        return {}
    custom = cluster.kinds.get((resource.api_version, resource.kind))
    if custom is not None and custom.schema is not None:
        return complete_custom(manifest, custom.schema, notes.dropped)
    cleaned = drop_nulls(manifest)
    assert isinstance(cleaned, dict)
    return cleaned


def _default(decoded: Manifest, resource: Resource, cluster: Cluster, *, create: bool) -> None:
    shape = find_shape(resource.api_version, resource.kind)
    if create:
        for key in _SERVER_ONLY:
            decoded["metadata"].pop(key, None)
    if create and "status" in decoded:
        # A client can't set it; what the server sets itself is among the defaults.
        decoded["status"] = {} if shape is None else make_empty(shape)["status"]
    change = OBJECT_DEFAULTS.get(shape or "")
    if change is not None:
        fill_defaults(change, decoded)
    if shape == _POD and create:
        fill_defaults(_choose_admission(cluster, decoded), decoded)
    if shape == _CLAIM and create:
        fill_defaults(partial(admit_claim, default_class=cluster.find_default_class()), decoded)


def _choose_admission(cluster: Cluster, pod: Manifest) -> Callable[[Manifest], None]:
    """What admission does to a pod, as far as documents of its namespace tell."""
    namespace = str(read_metadata(pod).get("namespace") or "")
    name = pod["spec"].get("serviceAccountName") or "default"
    account = cluster.documents.get(("v1", "ServiceAccount"), {}).get((namespace, name), {})
    wants = account.get("automountServiceAccountToken") is not False
    annotations = read_metadata(cluster.find_namespace(namespace) or {}).get("annotations") or {}
    ranges = cluster.find_limit_ranges(namespace)
    priorities = cluster.find_priorities()
    return partial(admit_pod, mounts_token=wants, ranges=ranges, annotations=annotations, priorities=priorities)


def prepare_request(
    manifest: Manifest,
    cluster: Cluster,
    *,
    operation: str = "CREATE",
    old: Manifest | None = None,
    namespace: str = "default",
    subject: Subject | None = None,
    source: Source = NOWHERE,
    dry_run: bool = False,
    unknown: bool = False,
) -> Prepared:
    """The request that sends a manifest to an API server.

    Args:
        manifest: The object; the one that is deleted, for a DELETE.
        cluster: What is known of the cluster.
        operation: CREATE, UPDATE or DELETE.
        old: The object as it was, for an UPDATE.
        namespace: Where an object goes that names no namespace.
        subject: Who asks, where that is known.
        source: Where the manifest stands.
        dry_run: What `request.dryRun` says.
        unknown: Whether parts of the object aren't known yet, and are marked so (`mark_unknown`).
    """
    resource = cluster.name_kind(manifest)
    notes = Notes()
    create = operation == "CREATE"
    new = None if operation == "DELETE" else _complete(manifest, resource, cluster, namespace, notes, create=create)
    before = manifest if operation == "DELETE" else old
    previous = None if before is None else _complete(before, resource, cluster, namespace, Notes(), create=False)
    shown = read_metadata(new or previous or {})
    request = Request(
        operation,
        resource,
        new,
        previous,
        name=str(shown.get("name") or ""),
        namespace=_place(resource, shown),
        subject=subject,
        dry_run=dry_run,
        source=source,
        unknown=unknown,
    )
    return Prepared(request, tuple(notes.refused), tuple(notes.dropped))


def _place(resource: Resource, metadata: Manifest) -> str:
    """The namespace of a request; for a Namespace it is the namespace's own name, as the API server has it."""
    if resource.is_namespace:
        return str(metadata.get("name") or "")
    return str(metadata.get("namespace") or "") if resource.namespaced else ""


def _complete(
    manifest: Manifest, resource: Resource, cluster: Cluster, namespace: str, notes: Notes, *, create: bool
) -> Manifest:
    decoded = _decode(manifest, resource, cluster, notes)
    if not isinstance(decoded.get("metadata"), dict):
        decoded["metadata"] = {}
    if resource.namespaced:
        decoded["metadata"].setdefault("namespace", namespace)
    else:
        decoded["metadata"].pop("namespace", None)
    owners = decoded["metadata"].get("ownerReferences")
    if isinstance(owners, list) and len(owners) > 1:
        decoded["metadata"]["ownerReferences"] = _drop_repeated(owners)
    if not notes.refused:
        _default(decoded, resource, cluster, create=create)
    return decoded


def _drop_repeated(owners: list[object]) -> list[object]:
    """Keep each owner once, as an API server does before any policy sees them; those that differ in anything stay."""
    kept: dict[str, object] = {}
    for one in owners:
        kept.setdefault(json.dumps(one, sort_keys=True, default=str), one)
    return list(kept.values())


def extract_template(request: Request, cluster: Cluster) -> Request | None:
    """The pod that a workload's template would become, as a request of its own."""
    path = TEMPLATES.get((request.resource.group, request.resource.kind))
    pods = find_resource("v1", "Pod")
    assert pods is not None
    if path is None or request.object is None:
        return None
    template: object = request.object
    for key in path:
        template = template.get(key) if isinstance(template, dict) else None
    if not isinstance(template, dict):
        return None
    return Request(
        request.operation,
        pods,
        _build_pod(template, request, cluster),
        None if request.old is None else _build_old(request, path, cluster),
        namespace=request.namespace,
        subject=request.subject,
        source=request.source,
        path=".".join(path),
        unknown=request.unknown,
        owner=request.object,
    )


def _build_pod(template: Manifest, request: Request, cluster: Cluster) -> Manifest:
    """A pod from a template that was decoded with its workload; what the server changes of it is copied before."""
    metadata = {**(template.get("metadata") or {}), "namespace": request.namespace}
    if "annotations" in metadata:
        metadata["annotations"] = dict(metadata["annotations"])
    metadata.setdefault("generateName", f"{request.name}-")
    spec = dict(template.get("spec") or make_empty(_POD)["spec"])
    for key in ("containers", "initContainers"):
        if spec.get(key):
            spec[key] = [container | {"resources": dict(container["resources"])} for container in spec[key]]
    for key in ("affinity", "topologySpreadConstraints", "resources"):
        if key in spec:
            spec[key] = deepcopy(spec[key])
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    fill_defaults(OBJECT_DEFAULTS[_POD], pod)
    fill_defaults(_choose_admission(cluster, pod), pod)
    return pod


def _build_old(request: Request, path: tuple[str, ...], cluster: Cluster) -> Manifest | None:
    template: object = request.old
    for key in path:
        template = template.get(key) if isinstance(template, dict) else None
    return _build_pod(template, request, cluster) if isinstance(template, dict) else None


def iterate_subjects(request: Request, cluster: Cluster, *, templates: bool) -> Iterator[Request]:
    """A request, and the pods within it where policies want them."""
    yield request
    if templates:
        pod = extract_template(request, cluster)
        if pod is not None:
            yield pod
