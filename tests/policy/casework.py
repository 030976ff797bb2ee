"""Cases in files: policies, requests, and what is found of them, offline and by a real API server alike."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from apiserver import Answer, ApiServer, Manifest, make

from tenantry.policy import Placed, PolicySet, build_policies
from tenantry.policy.admission.judge import Judge
from tenantry.policy.admission.verdict import Judgement, Verdict
from tenantry.policy.cel.library.authorization import Grant, Subject
from tenantry.policy.objects.prepare import Prepared, prepare_request

FOLDER = Path(__file__).with_name("cases")
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
ADMINISTRATOR = Subject("administrator", ["system:masters", "system:authenticated"])
GRANTS = [Grant(groups=["system:masters"], verbs=["*"], api_groups=["*"], resources=["*"], paths=["*"])]
_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
_POLICY, _BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"


@dataclass(frozen=True)
class Request:
    """One request of a case: a creation, or with `old` an update, or without `object` a deletion."""

    object: Manifest | None
    old: Manifest | None
    finds: list[str] | None
    denies: str
    refused: str


@dataclass(frozen=True)
class Case:
    """A file of cases, with names of its own for what it makes in a cluster."""

    name: str
    namespaces: list[Manifest]
    documents: list[Manifest]
    policies: list[Manifest]
    requests: list[Request]
    places: dict[str, str] = field(default_factory=dict)

    def build(self) -> PolicySet:
        system = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("default", "kube-system")
        ]
        return build_policies(map(Placed, self.policies), [*self.namespaces, *system, *self.documents])

    def judge(self) -> Iterator[tuple[Request, Prepared, Judgement]]:
        policies = self.build()
        judge = Judge(policies.policies, policies.cluster, GRANTS)
        for request in self.requests:
            operation = "DELETE" if request.object is None else "UPDATE" if request.old else "CREATE"
            subject = request.old if request.object is None else request.object
            assert subject is not None
            prepared = prepare_request(
                subject,
                policies.cluster,
                operation=operation,
                old=request.old if operation == "UPDATE" else None,
                subject=ADMINISTRATOR,
                dry_run=True,
            )
            yield request, prepared, judge.judge(prepared)

    def ask(self, server: ApiServer) -> Iterator[tuple[Request, Answer]]:
        with server.hold(*self.namespaces), server.hold(*self.documents, *self.policies):
            for request in self.requests:
                if request.old is None:
                    assert request.object is not None
                    yield request, self._try_create(server, request)
                    continue
                with server.hold(request.old):
                    if request.object is None:
                        yield request, server.try_delete(request.old)
                    else:
                        yield request, server.try_update(request.object)

    def _try_create(self, server: ApiServer, request: Request) -> Answer:
        """Create, and again while the server is still making itself acquainted with parameters."""
        assert request.object is not None
        for _ in range(300):
            answer = server.try_create(request.object)
            if "no params found" not in answer.message or "no params found" in request.denies:
                break
            time.sleep(0.1)
        return answer

    def strip(self, policy: str) -> str:
        """A policy's own name, without what makes it this case's."""
        return policy.rsplit("-", 1)[0]


def load_case(name: str) -> Case:
    mark = uuid.uuid4().hex[:6]
    place = f"case-{name}-{mark}"
    data = yaml.safe_load((FOLDER / f"{name}.yaml").read_text().replace("{ns}", place))
    labels = {"pod-security.kubernetes.io/enforce": "privileged"} | next(
        iter(data.get("namespaces", {"": {}}).values())
    )
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place, "labels": labels}}
    return Case(
        name,
        [namespace],
        data.get("documents", []),
        [document for entry in data["policies"] for document in _make_policy(entry, mark)],
        [_read_request(entry, place) for entry in data["requests"]],
    )


def _make_policy(entry: dict[str, Any], mark: str) -> Iterator[Manifest]:
    spec = dict(entry)
    name, binding = f"{spec.pop('name')}-{mark}", spec.pop("binding", {})
    spec.setdefault("matchConstraints", {"resourceRules": [_RULE]})
    spec.setdefault("validations", [{"expression": "false", "message": "matched"}])
    yield make(_POLICY, name, spec)
    yield make(_BINDING, name, {"policyName": name, "validationActions": ["Warn"], **binding})


def _read_request(entry: dict[str, Any], place: str) -> Request:
    def complete(manifest: Manifest | None) -> Manifest | None:
        if manifest is None:
            return None
        metadata = dict(manifest.get("metadata", {}))
        if "generateName" not in metadata:
            metadata.setdefault("name", "subject")
        if manifest.get("kind", "ConfigMap") in ("ConfigMap", "Pod"):
            metadata.setdefault("namespace", entry.get("namespace", place))
        return {"apiVersion": "v1", "kind": "ConfigMap", **manifest, "metadata": metadata}

    finds = entry.get("finds")
    return Request(
        complete(entry.get("object")),
        complete(entry.get("old")),
        None if finds is None else sorted(one if " " in one else f"{one} matched" for one in finds),
        entry.get("denies", ""),
        entry.get("refused", ""),
    )


def summarise(case: Case, judgement: Judgement) -> list[str]:
    """What we find with a warning, as `policy message`; expressions' errors are only counted."""
    return sorted(
        f"{case.strip(finding.policy)} {count_errors(finding.message)}"
        for finding in judgement.findings
        if finding.verdict is Verdict.WARN and finding.binding
    )


def summarise_answer(case: Case, answer: Answer) -> list[str]:
    """The same of a server's warnings."""
    return sorted(f"{case.strip(policy)} {count_errors(message)}" for policy, _, message in answer.failures())


def count_errors(message: str) -> str:
    """How many expressions erred, where any did; else the message."""
    errors = message.count("' resulted in error: ")
    return f"{errors} errors" if errors > 1 else "error" if errors else message
