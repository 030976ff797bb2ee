"""Completes a request: what it is silent about comes from the baseline, its template, its class and its department.

Order, later wins: baseline.defaults < template < classification < department < request. Maps are merged property by
property; a list that the request gives replaces the default list, and each of its items is completed by itself. Source
of every default: policies/baseline.yaml, except for the few here that are true of any government.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tenantry.contract.model import Baseline, Classification, ClassificationControls, Department, Template
from tenantry.contract.quantity import format_bytes, format_cpu

Raw = dict[str, Any]

_ITEM_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "namespaces": {"share": 1},
    "intents": {"protocol": "TCP"},
    "egress": {"protocol": "TCP"},
    "serviceAccounts": {"apiToken": False, "namespace": "", "buckets": (), "grants": ()},
}
_DEFAULT_BUCKET_QUOTA = "100Gi"
_DEFAULT_GRACE_DAYS = 30


def complete_request(raw: Mapping[str, Any], baseline: Baseline, department: Department | None) -> Raw:
    """Give the request with every default filled in, as plain data that the model's Tenant is built from.

    `raw` has passed the schema. Without a department, its contacts and cost centre are left as the request has them.
    """
    asked: Mapping[str, Any] = raw["spec"]
    spec: Raw = {"baseline": baseline.version}
    for layer in (baseline.spec.defaults, baseline.spec.templates[Template(asked["template"])]):
        spec = merge(spec, layer)
    if department is not None:
        spec = merge(spec, _department_part(department))
    spec = merge({"placement": {}, **spec}, asked)
    _complete_size(spec, asked, baseline)
    _complete_items(spec, asked, baseline.controls(Classification(asked["classification"])))
    return {"metadata": {"labels": {}, **raw["metadata"]}, "spec": spec}


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Raw:
    """Merge two maps, deeply; lists and plain values of `above` replace those of `below`. Neither is changed."""
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[name] = merge(under, value) if both and under is not None else value
    return merged


def _department_part(department: Department) -> Raw:
    spec = department.spec
    contacts = spec.contacts
    return {
        "contacts": {
            "owner": contacts.owner,
            "technical": list(contacts.technical),
            "security": contacts.security,
            "finance": contacts.finance,
        },
        "costCentre": spec.cost_centre,
    }


def _complete_size(spec: Raw, asked: Mapping[str, Any], baseline: Baseline) -> None:
    size = baseline.spec.sizes.get(spec["size"])
    if size is None:
        return
    quota, limits = size.quota, size.limits
    ready_quota = {
        "cpu": format_cpu(quota.cpu),
        "memory": format_bytes(quota.memory),
        "storage": format_bytes(quota.storage),
        "pods": quota.pods,
    }
    ready_limits = {
        "defaultCpu": format_cpu(limits.default_cpu),
        "defaultMemory": format_bytes(limits.default_memory),
        "defaultRequestCpu": format_cpu(limits.default_request_cpu),
        "defaultRequestMemory": format_bytes(limits.default_request_memory),
    }
    spec["quota"] = {**ready_quota, **asked.get("quota", {})}
    spec["limits"] = {**ready_limits, **asked.get("limits", {})}


def _complete_items(spec: Raw, asked: Mapping[str, Any], controls: ClassificationControls) -> None:
    for name, defaults in _ITEM_DEFAULTS.items():
        spec[name] = [{**defaults, **item} for item in spec.get(name, ())]
    spec["buckets"] = [{**_bucket_defaults(controls), **bucket} for bucket in spec.get("buckets", ())]
    spec["serviceAccounts"] = _service_accounts(spec, defaulted="serviceAccounts" not in asked)
    if spec.get("ci") is not None:
        spec["ci"] = {**spec["ci"], "buckets": _whole(spec["ci"].get("buckets", ()))}
    if spec.get("lease") is not None:
        spec["lease"] = {"graceDays": _DEFAULT_GRACE_DAYS, **spec["lease"]}


def _whole(grants: Iterable[Raw]) -> list[Raw]:
    """Complete what may be used: all of a bucket, where no prefix is named."""
    return [{"prefix": "", **grant} for grant in grants]


def _bucket_defaults(controls: ClassificationControls) -> Raw:
    return {
        "publish": False,
        "retentionDays": controls.min_retention_days,
        "versions": controls.versions,
        "lock": controls.lock,
        "quota": _DEFAULT_BUCKET_QUOTA,
    }


def _service_accounts(spec: Raw, *, defaulted: bool) -> list[Raw]:
    """Complete the accounts; a template's own never refer to a namespace or bucket that the request did away with."""
    namespaces = [namespace["name"] for namespace in spec["namespaces"]]
    buckets = {bucket["name"] for bucket in spec["buckets"]}
    accounts = []
    for account in spec["serviceAccounts"]:
        grants = _whole(account["buckets"])
        namespace = account["namespace"] or namespaces[0]
        if defaulted:
            grants = [grant for grant in grants if grant["bucket"] in buckets]
            if namespace not in namespaces:
                continue
        accounts.append({**account, "namespace": namespace, "buckets": grants})
    return accounts
