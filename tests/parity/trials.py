"""The family `policies`: policies from the grammar, taken or refused, and in force."""

import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import yaml
from apiserver import ApiServer, Manifest, make
from baseline import TENANT
from casework import ADMINISTRATOR, GRANTS
from expressions import POD
from generated import generate
from place import PLAIN, await_account

from parity.audit import AuditLog
from parity.objects import put
from parity.outcome import FOUND, REFUSED, Agreement, Outcome, compare_safely, disagree
from parity.policies import NAMESPACE, Asked, Trial, trials
from parity.said import compare_recorded, compare_said
from tenantry.policy import Placed, PolicySet, build_policies
from tenantry.policy.admission.judge import Judge
from tenantry.policy.objects.prepare import prepare_request
from tenantry.problems import InputError

BATCH = 50
_POLICY, _BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
_TEMPLATE = {
    "metadata": {"labels": {"x": "y"}},
    "spec": {"containers": [{"name": "c", "image": "registry.example/a:1"}]},
}
_CORE, _RBAC = "v1", "rbac.authorization.k8s.io/v1"
POOL: dict[str, Manifest] = {
    "ConfigMap": {"apiVersion": _CORE, "kind": "ConfigMap"},
    "Pod": {key: POD[key] for key in ("apiVersion", "kind", "spec")},
    "Deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"replicas": 0, "selector": {"matchLabels": {"x": "y"}}, "template": _TEMPLATE},
    },
    "Service": {"apiVersion": _CORE, "kind": "Service", "spec": {"ports": [{"port": 80}]}},
    "Namespace": {"apiVersion": _CORE, "kind": "Namespace"},
    "ClusterRole": {"apiVersion": _RBAC, "kind": "ClusterRole", "rules": []},
}
_PARAMS = {"one": {"set": "a"}, "two": {"set": "a"}, "three": {"set": "b"}}


@dataclass(frozen=True)
class Pool:
    """A tenant's namespace with nothing else in force: the ConfigMaps that bindings may choose, objects to change."""

    server: ApiServer
    namespace: Manifest
    params: Sequence[Manifest]
    live: dict[str, Manifest]

    @property
    def name(self) -> str:
        return str(self.namespace["metadata"]["name"])


class Policies:
    """Policies with their bindings, each for objects with a label of its own."""

    def __init__(self, pool: Pool, log: AuditLog) -> None:
        self.pool, self.log, self.mark = pool, log, uuid.uuid4().hex[:4]
        self.server = pool.server.act_as(ADMINISTRATOR.username)
        self.around = [pool.namespace, PLAIN, *pool.params]
        self.strategy = trials()

    def list_examples(self, count: int, seed: int) -> list[Trial]:
        return generate(self.strategy, count, seed)

    def show(self, example: Trial) -> str:
        documents = [{"spec": example.policy}, *({"spec": one} for one in example.bindings)]
        asked = "\n".join(f"# {one}" for one in example.asked)
        return f"{yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True)}{asked}"

    def compare(self, examples: Sequence[Trial]) -> Iterator[Outcome]:
        for start in range(0, len(examples), BATCH):
            yield from self._compare_batch(examples[start : start + BATCH])

    def _compare_batch(self, examples: Sequence[Trial]) -> Iterator[Outcome]:
        outcomes: list[Outcome | PolicySet] = []
        documents: list[list[Manifest]] = []
        for index, example in enumerate(examples):
            documents.append(self._write(example, f"trial-{self.mark}-{index}"))
            outcomes.append(self._compare_taking(documents[-1]))
        in_force = [
            one
            for group, outcome in zip(documents, outcomes, strict=True)
            if isinstance(outcome, PolicySet)
            for one in group
        ]
        with self.server.hold(*in_force):
            for example, group, outcome in zip(examples, documents, outcomes, strict=True):
                if isinstance(outcome, PolicySet):
                    yield self._compare_verdicts(example, group[0]["metadata"]["name"], outcome)
                else:
                    yield outcome

    def _write(self, example: Trial, name: str) -> list[Manifest]:
        """The documents of a trial, limited to what has its label."""
        spec = dict(example.policy)
        matched = dict(spec["matchConstraints"])
        selector = matched.get("objectSelector") or {}
        labels = {**selector.get("matchLabels", {}), "trial": name}
        spec["matchConstraints"] = {**matched, "objectSelector": {**selector, "matchLabels": labels}}
        documents = [make(_POLICY, name, spec)]
        for index, one in enumerate(example.bindings):
            reference = one.get("paramRef")
            placed = {"paramRef": self._place(reference)} if reference else {}
            documents.append(make(_BINDING, f"{name}-{index}", {**one, **placed, "policyName": name}))
        return documents

    def _place(self, reference: Manifest) -> Manifest:
        return {key: self.pool.name if value == NAMESPACE else value for key, value in reference.items()}

    def _compare_taking(self, documents: list[Manifest]) -> Outcome | PolicySet:
        """What comes of documents that aren't taken by both; the policies where they are."""
        for document in documents:
            answer, problems = self.server.try_create(document), find_problems(document)
            if (answer.status == 201) != (not problems):
                return disagree(f"which {document['kind']} is taken", f"{answer.status} {answer.message}", problems)
            if problems:
                return REFUSED
        return build_policies(map(Placed, documents), self.around)

    def _compare_verdicts(self, example: Trial, name: str, policies: PolicySet) -> Outcome:
        judge = Judge(policies.policies, policies.cluster, GRANTS)

        def compare(asked: Asked) -> Outcome:
            return self._compare_verdict(asked, name, policies, judge)

        outcomes = [compare_safely(compare, asked) for asked in example.asked]
        for agreement in (Agreement.DISAGREED, Agreement.UNDECIDABLE):
            for outcome in outcomes:
                if outcome.agreement is agreement:
                    return _KNOWN if outcome.disagrees and _compares_own_types(example.policy) else outcome
        return next((outcome for outcome in outcomes if outcome == FOUND), outcomes[0])

    def _compare_verdict(self, asked: Asked, name: str, policies: PolicySet, judge: Judge) -> Outcome:
        labels = {**asked.labels, "trial": name}
        if asked.updates:
            old = self.server.request("GET", self.server.path(self.pool.live[asked.kind], name=True)).body
            old["metadata"].pop("managedFields", None)
            kept = {**old["metadata"].get("labels", {}), **labels}
            manifest = _set_data({**old, "metadata": {**old["metadata"], "labels": kept}}, asked)
            answer = self.server.try_update(manifest)
        else:
            old = None
            named = {**POOL[asked.kind], "metadata": {"name": asked.name, "labels": labels}}
            manifest = put(_set_data(named, asked), self.pool.name)
            answer = self.server.try_create(manifest)
        prepared = prepare_request(
            manifest,
            policies.cluster,
            operation="UPDATE" if asked.updates else "CREATE",
            old=old,
            subject=ADMINISTRATOR,
            dry_run=True,
        )
        judgement = judge.judge(prepared)
        outcome = compare_said(answer, prepared, judgement)
        if not outcome.agrees or prepared.refused:
            return outcome
        return compare_recorded(self.log.find(answer.audit_id), judgement, policies.policies[0].policy) or outcome


# docs/policy-engine.md, "Where it doesn't agree", says why.
_KNOWN = Outcome(Agreement.NOT_COMPARABLE, "known: a variable of one of Kubernetes' own types is compared with `==`")
# A whole object, too, isn't told from a map: an API server of 1.37 errs where it is compared with anything else.
_OWN_TYPES = re.compile(r"(quantity|ip|cidr|url|semver)\(|authorizer\b|(object|oldObject|params|namespaceObject)$")


def _compares_own_types(policy: Manifest) -> bool:
    names = [one["name"] for one in policy.get("variables", ()) if _OWN_TYPES.match(one["expression"])]
    texts = [one["expression"] for one in (*policy["validations"], *policy.get("variables", ()))]
    return any(re.search(rf"variables\.{name} ==|== variables\.{name}\b", text) for name in names for text in texts)


def _set_data(manifest: Manifest, asked: Asked) -> Manifest:
    return {**manifest, "data": asked.data} if asked.kind == "ConfigMap" else manifest


def find_problems(document: Manifest) -> list[str]:
    """What we would refuse of a policy or a binding."""
    try:
        build_policies([Placed(document)])
    except InputError as error:
        return [str(problem) for problem in error.problems]
    return []


@contextmanager
def open_pool(server: ApiServer) -> Iterator[Pool]:
    """A pool with one live object of each kind."""
    mark = uuid.uuid4().hex[:6]
    labels = {**TENANT["metadata"]["labels"], "pod-security.kubernetes.io/enforce": "privileged"}
    namespace = {**TENANT, "metadata": {**TENANT["metadata"], "name": f"case-pool-{mark}", "labels": labels}}

    def name(manifest: Manifest, name: str, labels: dict[str, str]) -> Manifest:
        return put({**manifest, "metadata": {"name": name, "labels": labels}}, namespace["metadata"]["name"])

    params = [
        {**name(POOL["ConfigMap"], key, labels), "data": {"most": str(len(key) - 2)}} for key, labels in _PARAMS.items()
    ]
    live = {kind: name(manifest, f"pool-{mark}", {"app": "a"}) for kind, manifest in POOL.items()}
    with server.hold(namespace):
        await_account(server, namespace["metadata"]["name"])
        _await_calm(server, live["Pod"])
        with server.hold(*params, *live.values()):
            around = [one for name in (namespace["metadata"]["name"], "default") for one in _list_configs(server, name)]
            yield Pool(server, namespace, around, live)


def _list_configs(server: ApiServer, namespace: str) -> list[Manifest]:
    """List a namespace's ConfigMaps once the control plane has made its own: a binding may choose them all."""
    for _ in range(200):
        items = server.request("GET", f"/api/v1/namespaces/{namespace}/configmaps").body["items"]
        if any(one["metadata"]["name"] == "kube-root-ca.crt" for one in items):
            return [{"apiVersion": "v1", "kind": "ConfigMap", **one} for one in items]
        time.sleep(0.1)
    raise AssertionError(f"{namespace} got no kube-root-ca.crt within 20 s")


def _await_calm(server: ApiServer, pod: Manifest) -> None:
    """Wait until no policy says anything: those of another family go out of force a moment after they're deleted."""
    for _ in range(200):
        answer = server.try_create(pod)
        if answer.status == 201 and not answer.failures():
            return
        time.sleep(0.1)
    raise AssertionError(f"somebody else's policies are in force: {answer.message} {answer.warnings}")
