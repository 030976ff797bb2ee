"""Decisions as findings: what a policy, its binding and the API server itself say of an object."""

from __future__ import annotations

from collections.abc import Iterator

from tenantry.policy.admission.evaluate import Decision
from tenantry.policy.admission.verdict import Finding, Verdict
from tenantry.policy.documents.model import Binding, Manifest, Policy
from tenantry.policy.objects.cluster import read_metadata
from tenantry.policy.objects.prepare import Prepared
from tenantry.policy.objects.request import Request

SERVER = "kubernetes"
"""The name under which findings of the API server's own checks go."""


def report_server(prepared: Prepared) -> Iterator[Finding]:
    """What the API server itself would refuse, or drop."""
    for path, reason in prepared.refused:
        message = f"the API server refuses it: {path or 'the object'} {reason}"
        yield Finding(SERVER, "", Verdict.DENY, message, reason="BadRequest", path=path)
    for path in prepared.dropped:
        message = f"the API server doesn't know {path}: it drops it, or refuses the object under strict validation"
        yield Finding(SERVER, "", Verdict.WARN, message, path=path)


def _weigh(binding: Binding, decision: Decision) -> Verdict:
    if decision.undecidable:
        return Verdict.UNDECIDABLE
    if decision.always_denies or "Deny" in binding.actions:
        return Verdict.DENY
    return Verdict.WARN if "Warn" in binding.actions else Verdict.ALLOW


def make_finding(
    policy: Policy, binding: Binding, request: Request, decision: Decision, params: Manifest | None
) -> Finding:
    """A decision, with the weight that the binding gives it."""
    message = decision.message
    if decision.undecidable:
        message = f"it can't be decided without {_name_unknown(decision.message)}"
    return Finding(
        policy.name,
        binding.name,
        _weigh(binding, decision),
        message,
        decision.reason,
        decision.expression,
        binding.actions,
        policy.controls,
        policy.layer,
        "" if params is None else str(read_metadata(params).get("name") or ""),
        request.path,
        decision.errored,
        decision.index,
    )


_UNKNOWNS = {
    "namespaceObject": "the object's namespace: give its Namespace document",
    "request.userInfo": "who makes the request",
    "authorizer": "who makes the request, and what they may do",
    "authorizer.requestResource": "who makes the request, and what they may do",
}


def _name_unknown(what: str) -> str:
    return _UNKNOWNS.get(what, what)


def find_undecidable(policy: Policy, binding: Binding, request: Request, unknown: str) -> Finding:
    """A policy of which it can't be told whether it's for the request, or with which parameters."""
    decision = Decision(unknown, "", undecidable=True, errored=True)
    return make_finding(policy, binding, request, decision, None)


def report_misconfigured(policy: Policy, binding: Binding, request: Request, error: str) -> Iterator[Finding]:
    """A binding that can't be used denies whatever its actions are, unless the policy ignores failures."""
    if policy.ignore_failure:
        return
    decision = Decision(f"failed to configure binding: {error}", errored=True, always_denies=True)
    yield make_finding(policy, binding, request, decision, None)
