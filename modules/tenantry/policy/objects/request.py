"""What is judged: a request to the API server, with all that policies may ask of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tenantry.policy.cel.library.authorization import Subject
from tenantry.policy.documents.model import NOWHERE, Manifest, Source


@dataclass(frozen=True, slots=True)
class Resource:
    """A group, a version and what a kind is called there."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def is_namespace(self) -> bool:
        """Whether it is Kubernetes' own Namespace, which the API server treats as lying in itself."""
        return not self.group and self.plural == "namespaces"


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One operation on one object.

    `object` is None for a deletion, `old` for a creation. `subject` None means that who asks isn't known, and what
    hangs on it is undecidable.
    """

    operation: str
    resource: Resource
    object: Manifest | None
    old: Manifest | None = None
    name: str = ""
    namespace: str = ""
    subresource: str = ""
    subject: Subject | None = None
    dry_run: bool = False
    source: Source = NOWHERE
    # Where in the object the judged part lies, for pods within workloads.
    path: str = ""
    # Whether parts of the object aren't known yet.
    unknown: bool = False
    owner: Manifest | None = field(default=None)

    @property
    def shown(self) -> Manifest:
        """The object that a verdict is about."""
        shown = self.owner or self.object or self.old
        assert shown is not None
        return shown


def build_request_value(request: Request, matched: Resource) -> Manifest:
    """The value of `request`, as the API server makes it of an AdmissionRequest; empty fields are left out."""

    def kind_of(resource: Resource) -> Manifest:
        return {"group": resource.group, "version": resource.version, "kind": resource.kind}

    def resource_of(resource: Resource) -> Manifest:
        return {"group": resource.group, "version": resource.version, "resource": resource.plural}

    value: Manifest = {
        "uid": "",
        "kind": kind_of(matched),
        "resource": resource_of(matched),
        "requestKind": kind_of(request.resource),
        "requestResource": resource_of(request.resource),
        "operation": request.operation,
        "userInfo": build_user_value(request.subject) if request.subject else {},
        "object": None,
        "oldObject": None,
        "dryRun": request.dry_run,
        "options": _build_options(request),
    }
    optional = {
        "subResource": request.subresource,
        "requestSubResource": request.subresource,
        "name": request.name,
        "namespace": request.namespace,
    }
    return value | {key: text for key, text in optional.items() if text}


_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


def _build_options(request: Request) -> Manifest | None:
    kind = _OPTIONS.get(request.operation)
    if kind is None:
        return None
    options: Manifest = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    return options | {"dryRun": ["All"]} if request.dry_run else options


def build_user_value(subject: Subject) -> dict[str, Any]:
    """The value of `request.userInfo`."""
    value: dict[str, Any] = {}
    if subject.username:
        value["username"] = subject.username
    if subject.uid:
        value["uid"] = subject.uid
    if subject.groups:
        value["groups"] = list(subject.groups)
    if subject.extra:
        value["extra"] = {key: list(values) for key, values in subject.extra.items()}
    return value
