"""The buckets of any tenant, their tags, and the identities that reach them."""

import re
from dataclasses import replace

import pytest
from hypothesis import given

from examples import minimal
from rendering import QUALIFIED, both, rendered, site_of, thorough
from strategies import baseline, completed, tenants
from tenantry.contract.model import Tenant
from tenantry.render import render_tenant


@pytest.mark.parametrize("cost_centre", ["H-1200", "SAP 1200/300", "Kostenstelle (12)", "成本 7", "_x_", "-", "x" * 63])
def test_any_cost_centre_can_be_booked_to(cost_centre: str) -> None:
    request = minimal(template="data", classification="open", costCentre=cost_centre)
    for document in both(completed(request)):
        value = document["metadata"]["labels"]["tenantry.dev/cost-centre"]
        assert value == "" or QUALIFIED.match(value)
        assert document["metadata"]["annotations"]["tenantry.dev/cost-centre"] == cost_centre


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
@given(tenants())
def test_a_bucket_says_its_quota_also_where_the_store_has_none(tenant: Tenant) -> None:
    asked = {f"{tenant.id}-{each.name}": each.quota for each in tenant.spec.buckets}
    documents = rendered(tenant, "bucket.quota").object_store
    assert {d["metadata"]["name"]: d["spec"]["quota"] for d in documents if d["kind"] == "Bucket"} == asked


# Source: S3 bucket tagging, less the tag by which the provider marks each bucket as its tenant's.
MOST_TAGS, LONGEST_KEY, LONGEST_VALUE = 49, 128, 256
MOST_BYTES = 2048
"""Together, so that they fit into every store."""
TAG = re.compile(r"[\w .:/=+@-]*\Z")


def check_tags(tags: dict[str, str]) -> None:
    assert len(tags) <= MOST_TAGS
    assert sum(len(f"{key}{value}".encode()) for key, value in tags.items()) <= MOST_BYTES
    for key, value in tags.items():
        assert 0 < len(key) <= LONGEST_KEY
        assert len(value) <= LONGEST_VALUE
        assert TAG.match(key)
        assert TAG.match(value)


@thorough
@given(tenants())
def test_a_buckets_tags_say_whose_it_is(tenant: Tenant) -> None:
    spec = tenant.spec
    for document in rendered(tenant).object_store:
        if document["kind"] == "Bucket":
            tags = document["spec"]["tags"]
            check_tags(tags)
            assert "tenantry.dev/tenant" not in tags
            assert tenant.metadata.labels.items() <= tags.items()
            assert tags["tenantry.dev/department"] == spec.department
            assert tags["tenantry.dev/environment"] == spec.environment
            assert tags["tenantry.dev/classification"] == spec.classification
            assert tags["tenantry.dev/cost-centre"] == spec.cost_centre
            assert tags["tenantry.dev/owner"] == spec.contacts.owner
            assert tags["tenantry.dev/technical-contact-2"] == spec.contacts.technical[1]
            assert tags["tenantry.dev/security-contact"] == spec.contacts.security
            assert tags["tenantry.dev/finance-contact"] == spec.contacts.finance
            assert ("tenantry.dev/budget" in tags) == (spec.budget is not None)
            assert ("tenantry.dev/lease-ends" in tags) == (spec.lease is not None)


def test_what_does_not_fit_into_a_buckets_tags_is_left_out_least_important_first() -> None:
    mails = [f"o'{'n' * 239}{number}@gov.example" for number in range(10)]
    request = minimal(
        template="data",
        classification="open",
        costCentre="Kostenstelle (12) " + "x" * 45,
        budget={"monthly": 1, "currency": "EUR"},
        contacts={"owner": mails[0], "technical": mails, "security": mails[1], "finance": mails[2]},
        lease={"starts": "2026-12-01", "ends": "2027-05-31", "reason": "Trial."},
    )
    labels = {"team": "a", f"{'p' * 120}.example/team": "b", **{f"z-{number}": "v" * 63 for number in range(18)}}
    request["metadata"] = {"name": "most", "labels": labels}
    tags = rendered(completed(request)).object_store[0]["spec"]["tags"]
    check_tags(tags)
    assert tags["tenantry.dev/owner"] == f"o_{'n' * 239}0@gov.example"
    assert tags["tenantry.dev/cost-centre"] == "Kostenstelle _12_ " + "x" * 45
    assert tags["tenantry.dev/finance-contact"].startswith("o_")
    assert tags["team"] == "a"
    assert "tenantry.dev/technical-contact-10" not in tags
    assert f"{'p' * 120}.example/team" not in tags


def test_a_site_without_an_issuer_gives_keys_whatever_its_store_can_do() -> None:
    tenant = completed(minimal(template="content", classification="open"))
    site = site_of(tenant)
    without = replace(site, spec=replace(site.spec, issuer=None))
    made = render_tenant(tenant, without, baseline())
    assert [each["kind"] for each in rendered(tenant).object_store] == ["Bucket", "Role"]
    assert [each["kind"] for each in made.object_store] == ["Bucket", "User", "AccessKey"]
    assert "Secret" in [each["kind"] for each in made.kubernetes]
