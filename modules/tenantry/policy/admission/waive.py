"""Waivers as conditions in CEL: what the engine excuses, an API server excuses by the same expression."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cel_expr_python import cel

from tenantry.contract.model import ObjectSelector, Waiver, join_name
from tenantry.contract.reading.schema import API_VERSION, HOST_FACTS
from tenantry.policy.admission.activate import REQUEST_NAMES, bind_names
from tenantry.policy.admission.verdict import Finding
from tenantry.policy.cel.engine import Engine, run_program
from tenantry.policy.documents.model import Manifest
from tenantry.policy.documents.read import POLICY_KIND
from tenantry.policy.objects.cluster import Cluster
from tenantry.policy.objects.prepare import TEMPLATES
from tenantry.policy.objects.request import Request

CONDITION = "tenantry.dev/waivers"
"""The name of the match condition that holds a policy's waivers in an API server."""

# What makes pods, and what makes what makes pods: all are excused with the object that a waiver names.
_OWNERS = frozenset(kind for _, kind in TEMPLATES)
_NAME = "o.metadata.?name.orValue('')"
_HASH = "o.metadata.?labels[?'pod-template-hash'].orValue('')"


def write_condition(waivers: Iterable[Waiver]) -> str:
    """Write the match condition that keeps a policy from all objects that its waivers are for."""
    return f"!({' || '.join(map(write_excuse, waivers))})"


def write_excuse(waiver: Waiver) -> str:
    """Write the expression that is true of an object which a waiver is for, and of what the object makes.

    Pods of a Deployment belong to a ReplicaSet of its own, named after it and the hash of its template; those of a
    CronJob to a Job named after it and the time. Source: Kubernetes' deployment and cronjob controllers.
    """
    chosen = " || ".join(f"({' && '.join(_write_selector(one))})" for one in waiver.spec.objects)
    return f"[object == null ? oldObject : object].exists(o, {chosen})"


def _write_selector(selector: ObjectSelector) -> Iterator[str]:
    if selector.tenant is None:
        yield f"o.apiVersion == '{API_VERSION}' && o.kind == '{HOST_FACTS}' && {_NAME} == '{selector.host}'"
        return
    if selector.namespace is not None:
        yield f"has(request.namespace) && request.namespace == '{join_name(selector.tenant, selector.namespace)}'"
    else:
        own = join_name(selector.tenant, "")
        named = f"o.kind != '{HOST_FACTS}' && {_NAME}.matches('^{selector.tenant}[-.]')"
        whose = f"(o.kind == 'Tenant' ? o.spec.id == '{selector.tenant}' : {named})"
        yield f"(has(request.namespace) ? request.namespace.startsWith('{own}') : {whose})"
    if selector.kind is None and selector.name is None:
        return
    itself = [f"o.kind == '{selector.kind}'"] if selector.kind else []
    itself += [f"{_NAME} == '{selector.name}'"] if selector.name else []
    makers = {selector.kind} & _OWNERS if selector.kind else _OWNERS
    owners = " || ".join(f"({one})" for kind in sorted(makers) for one in _write_owners(kind, selector.name))
    made = f"o.metadata.?ownerReferences.orValue([]).exists(r, r.?controller.orValue(false) && ({owners}))"
    yield f"({' && '.join(itself)}{f' || {made}' if owners else ''})"


def _write_owners(kind: str, name: str | None) -> Iterator[str]:
    """Write what is true of the owner `r` of an object that one of a kind makes, itself or by another in between."""
    yield f"r.kind == '{kind}'" + (f" && r.name == '{name}'" if name else "")
    if kind == "Deployment":
        whole = f"r.name == '{name}-' + {_HASH}" if name else f"r.name.endsWith('-' + {_HASH})"
        yield f"r.kind == 'ReplicaSet' && {_HASH} != '' && {whole}"
    elif kind == "CronJob":
        start = f"^{re.escape(name)}" if name else ""
        yield f"r.kind == 'Job' && r.name.matches(r'{start}-[0-9]+$')"


class Waivers:
    """Waivers in force on an engine; each is made a program when it's first needed."""

    def __init__(self, waivers: Sequence[Waiver], cluster: Cluster, engine: Engine) -> None:
        self._waivers, self._cluster, self._engine = waivers, cluster, engine
        self._planned: dict[str, cel.Expression] = {}

    def excuse(self, request: Request, findings: Sequence[Finding]) -> list[Finding]:
        """Name in each finding the waiver that excuses it: of what expressions say of an object that it is for.

        A binding whose parameters are missing is no expression: an API server denies it whatever the conditions are.
        """
        names = self._find(request, {finding.policy for finding in findings if finding.expression})
        return [
            replace(finding, waiver=names.get(finding.policy, "")) if finding.expression else finding
            for finding in findings
        ]

    def find_all(self, request: Request) -> dict[str, str]:
        """The name of the waiver that excuses an object, by each policy that it's excused from."""
        return self._find(request, {waiver.spec.policy for waiver in self._waivers})

    def _find(self, request: Request, policies: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        wanted = set(policies)
        chosen = [one for one in self._waivers if one.spec.policy in wanted]
        if not chosen:
            return found
        names = bind_names(request, request.resource, None, self._cluster, REQUEST_NAMES, marked=False)
        activation = self._engine.activate(names)
        for waiver in chosen:
            if waiver.spec.policy not in found and run_program(self._plan(waiver), activation) is True:
                found[waiver.spec.policy] = waiver.name
        return found

    def _plan(self, waiver: Waiver) -> cel.Expression:
        if waiver.name not in self._planned:
            from tenantry.policy.admission.compile import compile_condition

            self._planned[waiver.name] = self._engine.plan(compile_condition(write_excuse(waiver)))
        return self._planned[waiver.name]


def add_condition(policy: Manifest, waivers: Sequence[Waiver]) -> Manifest:
    """Give a policy as an API server is to have it while waivers are in force; what is no policy is left as it is."""
    name = policy["metadata"]["name"] if policy["kind"] == POLICY_KIND else ""
    chosen = sorted((one for one in waivers if one.spec.policy == name), key=lambda one: one.name)
    if not chosen:
        return policy
    condition = {"name": CONDITION, "expression": write_condition(chosen)}
    spec = policy["spec"]
    return policy | {"spec": spec | {"matchConditions": [*(spec.get("matchConditions") or ()), condition]}}
