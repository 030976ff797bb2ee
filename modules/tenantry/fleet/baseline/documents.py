"""What a site is to have of a baseline: the policies on Kubernetes objects, their bindings, the waivers in force."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tenantry.check.judging import read_policy_documents
from tenantry.contract.model import Waiver
from tenantry.fleet.site.waivers import WAIVERS_NOTE
from tenantry.policy.admission.waive import add_condition
from tenantry.policy.documents.model import Manifest, read_layer
from tenantry.policy.documents.read import BINDING_KIND, POLICY_KIND
from tenantry.policy.policies import is_policy_document
from tenantry.render.naming import BASELINE_NOTE, MANAGED_BY_LABEL, MANAGER
from tenantry.render.store.injection import FIRST_MINOR, render_injection


def make_documents(folder: Path | None, waivers: Sequence[Waiver], version: str) -> list[Manifest]:
    """Give the policies and bindings of the baseline that a site is to have, policies first.

    Policies of other layers judge documents that no API server has. Each policy names its waivers, with the last day
    of each: a policy has no clock, so that whoever looks at it sees which have lapsed.
    """
    documents = [one.manifest for one in read_policy_documents(folder) if is_policy_document(one.manifest)]
    policies = [one for one in documents if one["kind"] == POLICY_KIND and _read_layer(one) == "workload"]
    names = {one["metadata"]["name"] for one in policies}
    bindings = [one for one in documents if one["kind"] == BINDING_KIND and one["spec"]["policyName"] in names]
    noted = [_note_waivers(add_condition(one, waivers), waivers) for one in policies]
    return [_mark(one, version) for one in (*noted, *bindings)]


def make_injection(version: str, minor: int) -> list[Manifest]:
    """Give the policy by which pods come to their store, and its binding: none for Kubernetes that hasn't such."""
    return [_mark(one, version) for one in render_injection()] if minor >= FIRST_MINOR else []


def _read_layer(policy: Manifest) -> str:
    return read_layer(policy["metadata"].get("annotations") or {})


def _mark(document: Mapping[str, Any], version: str) -> Manifest:
    labels = {MANAGED_BY_LABEL: MANAGER}
    return _with_metadata(document, {"labels": labels, "annotations": {BASELINE_NOTE: version}})


def _note_waivers(policy: Manifest, waivers: Iterable[Waiver]) -> Manifest:
    name = policy["metadata"]["name"]
    noted = sorted(f"{one.name}={one.spec.expires}" for one in waivers if one.spec.policy == name)
    return _with_metadata(policy, {"annotations": {WAIVERS_NOTE: " ".join(noted)}})


def _with_metadata(document: Mapping[str, Any], more: Mapping[str, Mapping[str, str]]) -> Manifest:
    metadata: dict[str, Any] = dict(document["metadata"])
    for key, values in more.items():
        metadata[key] = {**(metadata.get(key) or {}), **values}
    return {**document, "metadata": metadata}
