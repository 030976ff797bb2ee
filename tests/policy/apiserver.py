"""A real API server, asked what it says of objects and policies."""

import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any

import orjson
import urllib3

from tenantry.connection import Connection
from tenantry.fleet.site.kubeconfig import read_context, trust_context
from tenantry.policy.kinds.table import find_resource

Manifest = dict[str, Any]
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
_FAILED = re.compile(
    r"Validation failed for ValidatingAdmissionPolicy '([^']*)' with binding '([^']*)': (.*)", re.DOTALL
)


@dataclass(frozen=True)
class Answer:
    """What the server said; `audit_id` is the name of its entry in the audit log."""

    status: int
    body: Manifest
    warnings: tuple[str, ...]
    audit_id: str

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))

    def failures(self) -> list[tuple[str, str, str]]:
        """Policy, binding and message of each validation that failed with a warning."""
        found = [_FAILED.fullmatch(warning) for warning in self.warnings]
        return [(match[1], match[2], match[3]) for match in found if match]


class ApiServer:
    """An API server as its administrator reaches it."""

    def __init__(self, connection: Connection) -> None:
        context = read_context(connection)
        self.url = context.cluster["server"]
        self.headers = {"Authorization": f"Bearer {context.user['token']}"} if "token" in context.user else {}
        self.pool = urllib3.PoolManager(ssl_context=trust_context(context), retries=False, timeout=30)

    def act_as(self, user: str) -> "ApiServer":
        """The same server, asked by somebody else who may do everything."""
        other = copy(self)
        other.headers = self.headers | {"Impersonate-User": user, "Impersonate-Group": "system:masters"}
        return other

    def request(self, method: str, path: str, body: object = None, **query: str) -> Answer:
        headers = self.headers | {"Content-Type": "application/json", "Accept": "application/json"}
        data = None if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        url = self.url + path + ("?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else "")
        answer = self.pool.request(method, url, body=data, headers=headers)
        found = (_WARNING.match(value) for value in answer.headers.getlist("Warning"))
        warnings = tuple(_unescape(match[1]) for match in found if match)
        return Answer(answer.status, orjson.loads(answer.data or b"{}"), warnings, answer.headers.get("Audit-Id", ""))

    def path(self, manifest: Mapping[str, Any], *, name: bool) -> str:
        version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
        resource = find_resource(version, kind)
        assert resource is not None, kind
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if resource.namespaced:
            root += f"/namespaces/{metadata.get('namespace', 'default')}"
        return f"{root}/{resource.plural}" + (f"/{metadata['name']}" if name else "")

    def create(self, manifest: Mapping[str, Any], **query: str) -> Answer:
        return self.request("POST", self.path(manifest, name=False), manifest, **query)

    def try_create(self, manifest: Mapping[str, Any], **query: str) -> Answer:
        return self.create(manifest, dryRun="All", **query)

    def try_update(self, manifest: Mapping[str, Any]) -> Answer:
        return self.request("PUT", self.path(manifest, name=True), manifest, dryRun="All")

    def try_delete(self, manifest: Mapping[str, Any]) -> Answer:
        return self.request("DELETE", self.path(manifest, name=True), dryRun="All")

    def delete(self, manifest: Mapping[str, Any]) -> None:
        self.request("DELETE", self.path(manifest, name=True), gracePeriodSeconds="0")

    @contextmanager
    def hold(self, *manifests: Manifest) -> Iterator[None]:
        """Have objects there for a while; policies among them are in force once this begins."""
        made = []
        try:
            for manifest in (*manifests, *self._sentinel(manifests)):
                answer = self.create(manifest)
                assert answer.status in (200, 201), f"{manifest['kind']}: {answer.status} {answer.message}"
                made.append(manifest)
            if any(manifest["kind"].startswith("ValidatingAdmission") for manifest in manifests):
                self._await(made[-1]["metadata"]["name"])
            yield
        finally:
            for manifest in reversed(made):
                self.delete(manifest)

    def _sentinel(self, manifests: tuple[Manifest, ...]) -> list[Manifest]:
        """A policy that is made last, and so tells when all are in force."""
        if not any(manifest["kind"].startswith("ValidatingAdmission") for manifest in manifests):
            return []
        name = f"sentinel-{uuid.uuid4().hex[:8]}"
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
        spec = {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": f"object.metadata.name != '{name}'", "message": "in force"}],
        }
        kinds = ("ValidatingAdmissionPolicy", spec), ("ValidatingAdmissionPolicyBinding", bind(name))
        return [make(kind, name, body) for kind, body in kinds]

    def _await(self, name: str) -> None:
        probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
        for _ in range(200):
            if any(policy == name for policy, _, _ in self.try_create(probe).failures()):
                return
            time.sleep(0.1)
        raise AssertionError("policies didn't come into force within 20 s")


def _unescape(text: str) -> str:
    """A warning's text: headers are read as Latin-1, and the server writes UTF-8."""
    return re.sub(r"\\(.)", r"\1", text).encode("latin-1").decode()


def bind(policy: str, **spec: object) -> dict[str, Any]:
    return {"policyName": policy, "validationActions": ["Warn"], **spec}


def make(kind: str, name: str, spec: Mapping[str, Any]) -> Manifest:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": dict(spec),
    }


def keep_params(server: ApiServer) -> None:
    """Leave a policy with ConfigMaps as parameters in place, for nothing.

    When the last policy with a kind of parameters goes, an API server stops watching them, and never starts again:
    it would find no new ones by a selector (ensureParamsForPolicyLocked in plugin/policy/generic/policy_source.go).
    """
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    nothing = {"resourceRules": [rule | {"resourceNames": ["tenantry-tests-nothing"]}]}
    spec = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": nothing,
        "validations": [{"expression": "true"}],
    }
    reference = {"selector": {}, "parameterNotFoundAction": "Allow"}
    binding = bind("tenantry-tests-keep-params", paramRef=reference)
    for document in (
        make("ValidatingAdmissionPolicy", "tenantry-tests-keep-params", spec),
        make("ValidatingAdmissionPolicyBinding", "tenantry-tests-keep-params", binding),
    ):
        answer = server.create(document)
        assert answer.status in (201, 409), answer.message
