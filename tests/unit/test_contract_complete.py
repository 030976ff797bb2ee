"""A request is completed by its template, class and department, and what it says itself wins."""

from typing import Any

from hypothesis import HealthCheck, given, settings

from examples import minimal
from strategies import baseline, completed, departments, document, requests, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge
from tenantry.contract.model import Bytes, Tenant
from tenantry.contract.reading.schema import validate


@given(requests())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_valid_request_completes_to_a_tenant_on_a_site(raw: dict[str, Any]) -> None:
    assert validate(document(raw)) == ()
    tenant = completed(raw)
    assert tenant.spec.placement.site in sites()
    asked = raw["spec"]
    if "buckets" in asked:
        assert [bucket.name for bucket in tenant.spec.buckets] == [bucket["name"] for bucket in asked["buckets"]]
    if "namespaces" in asked:
        assert [one.name for one in tenant.spec.namespaces] == [one["name"] for one in asked["namespaces"]]
    namespaces = {namespace.name for namespace in tenant.spec.namespaces}
    buckets = {bucket.name for bucket in tenant.spec.buckets}
    controls = baseline().controls(tenant.spec.classification)
    assert all(account.namespace in namespaces for account in tenant.spec.service_accounts)
    assert all(grant.bucket in buckets for account in tenant.spec.service_accounts for grant in account.buckets)
    assert all(bucket.retention_days >= controls.min_retention_days for bucket in tenant.spec.buckets)
    assert all(bucket.versions >= controls.versions for bucket in tenant.spec.buckets)
    assert all(bucket.lock >= controls.lock for bucket in tenant.spec.buckets)


def test_completing_is_the_same_each_time_and_leaves_the_request_alone() -> None:
    raw = minimal(buckets=[{"name": "records"}])
    before = repr(raw)
    assert completed(raw) == completed(raw)
    assert repr(raw) == before


def test_ten_lines_become_a_whole_tenant() -> None:
    tenant = completed(minimal())
    department = departments()["department-north"].spec
    assert tenant.spec.contacts == department.contacts
    assert tenant.spec.cost_centre == department.cost_centre
    assert tenant.spec.size == "small"
    assert tenant.spec.quota == baseline().spec.sizes["small"].quota
    assert [namespace.name for namespace in tenant.spec.namespaces] == ["main"]
    assert tenant.spec.ingress.hosts == ()
    assert tenant.spec.placement.site == "site-north"


def test_a_request_says_more_than_its_template_property_by_property() -> None:
    spec = completed(minimal(quota={"memory": "12Gi"}, contacts={"owner": "me@gov.example"}, size="large")).spec
    large = baseline().spec.sizes["large"].quota
    assert (spec.quota.cpu, spec.quota.memory) == (large.cpu, Bytes(12 << 30))
    assert spec.contacts.owner == "me@gov.example"
    assert spec.contacts.security == departments()["department-north"].spec.contacts.security


def test_buckets_take_versions_lock_and_retention_from_the_classification() -> None:
    for classification in ("open", "restricted"):
        (bucket,) = completed(minimal(classification=classification, buckets=[{"name": "a"}])).spec.buckets
        controls = baseline().controls(completed(minimal(classification=classification)).spec.classification)
        assert (bucket.versions, bucket.lock) == (controls.versions, controls.lock)
        assert bucket.retention_days == controls.min_retention_days


def test_a_template_never_refers_to_what_the_request_replaced() -> None:
    spec = completed(minimal(template="sensing", namespaces=[{"name": "main"}], buckets=[])).spec
    assert [(account.name, account.buckets) for account in spec.service_accounts] == [("app", ())]


def test_each_template_alone_is_whole() -> None:
    for template in baseline().spec.templates:
        for classification in baseline().spec.classifications:
            assert isinstance(completed(minimal(template=template, classification=classification)), Tenant)


def test_without_departments_and_sites_it_says_what_it_did_not_judge() -> None:
    judgement = judge(Documents(requests=(document(minimal()),)), baseline())
    assert judgement.problems == ()
    assert len(judgement.unjudged) == 2
