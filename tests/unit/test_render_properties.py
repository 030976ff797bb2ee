"""What holds of the objects of any valid request."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from boundary import too_open
from examples import minimal
from strategies import baseline, completed, requests, sites, tenants
from tenantry.contract.model import Metadata, Site, Tenant
from tenantry.contract.quantity import format_bytes, format_cpu
from tenantry.render import Manifest, Rendered, object_key, render_tenant, to_yaml

# A drawn request is large; how long it takes to draw one says nothing about what is tested.
thorough = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
BUCKET = re.compile(r"[a-z0-9][-a-z0-9]{1,61}[a-z0-9]\Z")
IAM = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}\Z")
PATH_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[^/%]{1,253}\Z")
QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
NAMES = {
    "Namespace": DNS_LABEL,
    "Bucket": BUCKET,
    "User": IAM,
    "Role": IAM,
    "AccessKey": IAM,
    "rbac": PATH_SEGMENT,
}


def site_of(tenant: Tenant) -> Site:
    return sites()[tenant.spec.placement.site or ""]


def rendered(tenant: Tenant, *without: str) -> Rendered:
    """Render a tenant on its site, or on one like it that lacks some capabilities."""
    site = site_of(tenant)
    kept = tuple(capability for capability in site.spec.capabilities if capability not in without)
    return render_tenant(tenant, replace(site, spec=replace(site.spec, capabilities=kept)), baseline())


def both(tenant: Tenant) -> Iterator[Manifest]:
    """Give the objects on a site whose store federates, and on one where it can't."""
    yield from rendered(tenant).documents
    yield from rendered(tenant, "sts.webIdentity").documents


def owned(tenant: Tenant) -> set[tuple[str, str]]:
    """Give what must be one tenant's alone, as the site or the store knows it."""
    return {
        (document["kind"], document["metadata"]["name"])
        for document in both(tenant)
        if "namespace" not in document["metadata"]
    }


@thorough
@given(tenants())
def test_every_name_is_valid_where_it_is_used(tenant: Tenant) -> None:
    for document in both(tenant):
        name, kind = document["metadata"]["name"], document["kind"]
        rule = NAMES["rbac"] if document["apiVersion"].startswith("rbac.") else NAMES.get(kind, DNS_SUBDOMAIN)
        assert rule.match(name), object_key(document)
        assert DNS_LABEL.match(document["metadata"].get("namespace", "a")), object_key(document)
    keys = [object_key(document) for document in rendered(tenant).documents]
    assert len(keys) == len(set(keys))


@thorough
@given(tenants())
def test_every_label_and_annotation_is_one_that_kubernetes_takes(tenant: Tenant) -> None:
    for document in both(tenant):
        metadata = document["metadata"]
        for key in (*metadata["labels"], *metadata["annotations"]):
            prefix, _, name = key.rpartition("/")
            assert QUALIFIED.match(name), key
            assert not prefix or DNS_SUBDOMAIN.match(prefix), key
        for value in metadata["labels"].values():
            assert value == "" or QUALIFIED.match(value), value
        assert all(isinstance(value, str) for value in metadata["annotations"].values())
        assert sum(len(f"{key}{value}".encode()) for key, value in metadata["annotations"].items()) < 256 * 1024


@thorough
@given(requests(), requests())
def test_two_tenants_share_no_namespace_bucket_or_identity(one: dict[str, Any], other: dict[str, Any]) -> None:
    assume(one["spec"]["id"] != other["spec"]["id"])
    assert not owned(completed(one)) & owned(completed(other))


@thorough
@given(requests(), st.from_regex(r"t-[a-z0-9]{8}", fullmatch=True))
def test_a_twin_with_another_id_shares_nothing(request: dict[str, Any], other: str) -> None:
    """Two requests that differ in nothing but their id are the nearest that two tenants can come."""
    peers = {intent.get("tenant") for intent in request["spec"].get("intents", ())}
    assume(other != request["spec"]["id"] and other not in peers)
    twin = {**request, "spec": {**request["spec"], "id": other}}
    assert not owned(completed(request)) & owned(completed(twin))


@thorough
@given(tenants())
def test_the_namespaces_quotas_are_the_tenants(tenant: Tenant) -> None:
    hard = [d["spec"]["hard"] for d in rendered(tenant).kubernetes if d["metadata"]["name"] == "tenantry-quota"]
    quota = tenant.spec.quota
    assert len(hard) == len(tenant.spec.namespaces)
    assert sum(milli(each["requests.cpu"]) for each in hard) == quota.cpu
    assert sum(whole(each["requests.memory"]) for each in hard) == quota.memory
    assert sum(whole(each["requests.storage"]) for each in hard) == quota.storage
    assert sum(int(each["pods"]) for each in hard) == quota.pods


def milli(quantity: str) -> int:
    return int(quantity[:-1]) if quantity.endswith("m") else int(quantity) * 1000


def whole(quantity: str) -> int:
    for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1):
        if quantity.endswith(suffix):
            return int(quantity.removesuffix(suffix)) * 1024**power
    return int(quantity)


@thorough
@given(tenants())
def test_container_limits_are_ones_that_kubernetes_takes(tenant: Tenant) -> None:
    """A LimitRange is refused unless the default request is within the default limit, and that within the maximum."""
    for document in rendered(tenant).kubernetes:
        if document["kind"] == "LimitRange":
            (limit,) = document["spec"]["limits"]
            for read, what in ((milli, "cpu"), (whole, "memory")):
                assert read(limit["defaultRequest"][what]) <= read(limit["default"][what]) <= read(limit["max"][what])


@thorough
@given(tenants())
def test_every_object_says_whose_it_is(tenant: Tenant) -> None:
    spec = tenant.spec
    for document in both(tenant):
        labels, notes = document["metadata"]["labels"], document["metadata"]["annotations"]
        assert tenant.metadata.labels.items() <= labels.items()
        assert labels["app.kubernetes.io/managed-by"] == "tenantry"
        assert labels["tenantry.dev/tenant"] == tenant.id
        assert labels["tenantry.dev/department"] == spec.department
        assert labels["tenantry.dev/environment"] == spec.environment
        assert labels["tenantry.dev/classification"] == spec.classification
        assert "tenantry.dev/cost-centre" in labels
        assert notes["tenantry.dev/cost-centre"] == spec.cost_centre
        assert notes["tenantry.dev/owner"] == spec.contacts.owner
        assert notes["tenantry.dev/technical-contacts"].split() == list(spec.contacts.technical)
        assert notes["tenantry.dev/security-contact"] == spec.contacts.security
        assert notes["tenantry.dev/finance-contact"] == spec.contacts.finance
        assert ("tenantry.dev/budget" in notes) == (spec.budget is not None)
        assert ("tenantry.dev/lease-ends" in notes) == (spec.lease is not None)


@pytest.mark.parametrize("cost_centre", ["H-1200", "SAP 1200/300", "Kostenstelle (12)", "成本 7", "_x_", "-", "x" * 63])
def test_any_cost_centre_can_be_booked_to(cost_centre: str) -> None:
    request = minimal(template="data", classification="open", costCentre=cost_centre)
    for document in both(completed(request)):
        value = document["metadata"]["labels"]["tenantry.dev/cost-centre"]
        assert value == "" or QUALIFIED.match(value)
        assert document["metadata"]["annotations"]["tenantry.dev/cost-centre"] == cost_centre


@thorough
@given(tenants())
def test_no_policy_opens_more_than_was_declared(tenant: Tenant) -> None:
    site = site_of(tenant)
    for policy in rendered(tenant).kubernetes:
        if policy["kind"] == "NetworkPolicy":
            assert policy["metadata"]["annotations"]["tenantry.dev/reason"]
            assert list(too_open(policy, tenant, site)) == []


@thorough
@given(tenants())
def test_every_namespace_denies_by_default_and_opens_each_intent_by_itself(tenant: Tenant) -> None:
    for namespace in rendered(tenant).namespaces:
        policies = [
            document
            for document in rendered(tenant).kubernetes
            if document["kind"] == "NetworkPolicy" and document["metadata"]["namespace"] == namespace
        ]
        closed = [each["spec"] for each in policies if each["metadata"]["name"] == "tenantry-default-deny"]
        assert closed == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]
        reasons = {
            each["metadata"]["name"]: each["metadata"]["annotations"]["tenantry.dev/reason"]
            for each in policies
            if each["metadata"]["name"].startswith(("tenantry-intent-", "tenantry-egress-"))
        }
        declared = [*tenant.spec.intents, *(each for each in tenant.spec.egress if each.cidr)]
        assert len(reasons) == len({replace(each, reason="") for each in declared})
        assert all(any(each.reason in reason for reason in reasons.values()) for each in declared)


def test_a_connection_that_is_declared_twice_is_one_policy_with_both_reasons() -> None:
    link = {"direction": "to", "cidr": "10.20.0.0/24", "port": 5432}
    intents = [{**link, "reason": "Asks."}, {**link, "reason": "Asks again."}, {**link, "reason": "Asks."}]
    objects = rendered(completed(minimal(intents=intents))).kubernetes
    notes = [each["metadata"]["annotations"] for each in objects if "-intent-" in each["metadata"]["name"]]
    assert [each["tenantry.dev/reason"] for each in notes] == ["Asks.; Asks again."]


FORBIDDEN_VERBS = {"*", "escalate", "bind", "impersonate", "approve", "sign"}
FORBIDDEN_RESOURCES = {
    "*",
    "serviceaccounts/token",
    "pods/attach",
    "nodes",
    "nodes/proxy",
    "pods/proxy",
    "services/proxy",
}
BOUNDARY = {
    "resourcequotas",
    "limitranges",
    "networkpolicies",
    "roles",
    "rolebindings",
    "serviceaccounts",
    "namespaces",
}


@thorough
@given(tenants())
def test_no_role_can_escalate(tenant: Tenant) -> None:
    for document in rendered(tenant).kubernetes:
        assert document["kind"] not in {"ClusterRole", "ClusterRoleBinding"}
        for rule in document.get("rules", ()):
            verbs, resources = set(rule["verbs"]), set(rule["resources"])
            assert not verbs & FORBIDDEN_VERBS
            assert not resources & FORBIDDEN_RESOURCES
            assert "*" not in rule["apiGroups"]
            assert not resources & BOUNDARY or verbs <= {"get", "list", "watch"}
        if document["kind"] == "RoleBinding":
            assert document["roleRef"]["kind"] == "Role"
            assert all(subject["kind"] != "ServiceAccount" for subject in document["subjects"])
            assert not any(subject["name"].startswith("system:") for subject in document["subjects"])


@thorough
@given(tenants())
def test_tokens_are_off_unless_asked_for(tenant: Tenant) -> None:
    asked = {(f"{tenant.id}-{each.namespace}", each.name) for each in tenant.spec.service_accounts if each.api_token}
    accounts = [document for document in rendered(tenant).kubernetes if document["kind"] == "ServiceAccount"]
    with_token = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in accounts
        if each["automountServiceAccountToken"] is not False
    }
    default = {each["metadata"]["namespace"] for each in accounts if each["metadata"]["name"] == "default"}
    # A request may name the default account itself; whether it then gets a token is what it says.
    assert with_token == asked
    assert default == set(rendered(tenant).namespaces)


@thorough
@given(tenants())
def test_an_identity_reaches_its_own_tenants_buckets_only(tenant: Tenant) -> None:
    mine = tuple(f"arn:aws:s3:::{name}" for name in rendered(tenant).buckets)
    for document in both(tenant):
        for policy in document.get("spec", {}).get("policies", {}).values() if document["kind"] != "Bucket" else ():
            for statement in policy["Statement"]:
                assert statement["Effect"] == "Allow"
                assert not any("*" in action for action in statement["Action"])
                for resource in statement["Resource"]:
                    assert resource.partition("/")[0] in mine


@thorough
@given(tenants())
def test_a_bucket_is_kept_as_its_class_demands(tenant: Tenant) -> None:
    controls = baseline().controls(tenant.spec.classification)
    asked = {f"{tenant.id}-{each.name}": each for each in tenant.spec.buckets}
    buckets = {d["metadata"]["name"]: d["spec"] for d in rendered(tenant).object_store if d["kind"] == "Bucket"}
    assert buckets.keys() == asked.keys()
    for name, spec in buckets.items():
        statements = {statement["Sid"]: statement for statement in spec["policy"]["Statement"]}
        assert statements["TlsOnly"]["Effect"] == "Deny"
        assert statements["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statements.keys() == ({"TlsOnly", "Published"} if asked[name].publish else {"TlsOnly"})
        assert spec["publicAccessBlock"] is not asked[name].publish
        assert spec["retentionDays"] >= controls.min_retention_days
        assert spec["versions"] >= controls.versions
        assert (spec["lock"] is not None) >= controls.lock
        if spec["lock"]:
            assert spec["lock"] == {"mode": "COMPLIANCE", "days": spec["retentionDays"]}
        assert spec["quota"] == asked[name].quota


@thorough
@given(tenants(), st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True))
def test_a_renamed_tenant_keeps_its_objects(tenant: Tenant, name: str) -> None:
    renamed = replace(tenant, metadata=Metadata(name=name, labels=tenant.metadata.labels))
    before, after = rendered(tenant).documents, rendered(renamed).documents
    assert [object_key(document) for document in before] == [object_key(document) for document in after]
    for old, new in zip(before, after, strict=True):
        notes = {**old["metadata"]["annotations"], "tenantry.dev/name": name}
        assert new == {**old, "metadata": {**old["metadata"], "annotations": notes}}


@thorough
@given(tenants())
def test_the_same_request_gives_the_same_bytes_and_yaml_loses_nothing(tenant: Tenant) -> None:
    documents = rendered(tenant).documents
    text = to_yaml(documents)
    assert text == to_yaml(rendered(tenant).documents)
    assert rendered(tenant).digest == rendered(tenant).digest
    assert list(yaml.safe_load_all(text)) == json.loads(json.dumps(documents))


RENDER_ALL = """
import sys
from pathlib import Path
from tenantry.data import example_dir
from tenantry.fleet.selection import select
from tenantry.render import to_yaml
for one in select([str(example_dir())]).planned:
    sys.stdout.write(one.rendered.digest + to_yaml(one.rendered.documents))
"""


def test_another_process_gives_the_same_bytes() -> None:
    outputs = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", RENDER_ALL], env=environment, capture_output=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop()) > 100_000


def test_quantities_are_read_back_as_they_were_written() -> None:
    """`milli` and `whole` above are what the sums rest on."""
    for amount in (0, 1, 999, 1000, 1024, 1536, 1024**2, 5 * 1024**4 + 1):
        assert milli(format_cpu(amount)) == amount  # type: ignore[arg-type]
        assert whole(format_bytes(amount)) == amount  # type: ignore[arg-type]
