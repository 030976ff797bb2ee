"""What a grant opens, on each of its days, and that it is all that it opens."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from granting import DATASET, FIRST, GIVER, LAST, OTHER, SERVICE, TAKER, giver, make_grant, taker
from rendering import thorough
from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge
from tenantry.contract.model import Grant, Tenant
from tenantry.contract.sharing import find_sharing
from tenantry.reach import any_pod, build_world, find_openings
from tenantry.reach.ways import tell_ways
from tenantry.render import Rendered, render_tenant

SITE = sites()["site-north"]
FEDERATING = "sts.webIdentity"


def complete(*requests: dict[str, Any]) -> tuple[Tenant, ...]:
    found = judge(
        Documents(requests=tuple(map(document, requests)), sites=sites(), departments=departments()), baseline()
    )
    return found.tenants


def render(tenant: Tenant, *grants: Grant, day: str = FIRST, capabilities: tuple[str, ...] = ()) -> Rendered:
    site = replace(SITE, spec=replace(SITE.spec, capabilities=(*capabilities, "bucket.policy")))
    return render_tenant(tenant, site, baseline(), find_sharing(tenant, grants, date.fromisoformat(day)))


def openings(*grants: Grant, day: str = FIRST, other: dict[str, Any] | None = None) -> set[tuple[str, str, str]]:
    """What is open between three tenants: from whom, to whom, what. The third is of the taker's department."""
    tenants = complete(giver(), taker(), other or taker(name="other-checks", id=OTHER))
    objects = [one for tenant in tenants for one in render(tenant, *grants, day=day).kubernetes]
    world = build_world(objects, SITE.spec.network.cluster_cidrs)
    groups = [group for namespace in world.namespaces for group in any_pod(world, namespace)]
    ids = [tenant.id for tenant in tenants]
    assert {group.tenant for group in groups} == set(ids)
    return {
        (way.tenant, way.peer.tenant or "", str(way.ports))
        for way in tell_ways(find_openings(world, groups, groups), ids)
        if way.direction == "to" and way.peer.tenant not in (way.tenant, None, "")
    }


def test_a_service_is_open_to_its_consumer_on_its_port_and_on_its_days() -> None:
    grant = make_grant(service=SERVICE)
    opened = {(TAKER, GIVER, "TCP 8443")}
    assert openings(grant) == openings(grant, day=LAST) == opened
    withdrawn = make_grant(service=SERVICE, withdrawn="2027-03-02")
    assert openings(withdrawn, day="2027-03-01") == opened
    assert openings(withdrawn, day="2027-03-02") == set()
    assert openings(grant, day="2026-11-30") == openings(grant, day="2027-12-01") == openings() == set()


def test_a_department_is_each_of_its_tenants_and_never_the_provider() -> None:
    grant = make_grant(service=SERVICE, consumer={"department": "department-south"})
    assert openings(grant) == {(TAKER, GIVER, "TCP 8443"), (OTHER, GIVER, "TCP 8443")}
    own = make_grant(service=SERVICE, consumer={"department": "department-north"})
    assert openings(own) == set()
    (provider,) = complete(giver())
    assert find_sharing(provider, [own], date.fromisoformat(FIRST)).taken == ()


def test_who_asks_for_the_service_of_a_grant_without_having_it_does_not_get_in() -> None:
    intent = {"direction": "to", "tenant": GIVER, "port": SERVICE["port"], "reason": "Asks anyway."}
    stranger = taker(name="stranger", id=OTHER, department="department-north", intents=[intent])
    for consumer in ({"tenant": TAKER}, {"department": "department-south"}):
        grant = make_grant(service=SERVICE, consumer=consumer)
        assert openings(grant, other=stranger) == {(TAKER, GIVER, "TCP 8443")}


def test_a_tenant_of_the_department_that_protects_data_less_than_the_ceiling_does_not_get_in() -> None:
    grant = make_grant(service=SERVICE, consumer={"department": "department-south"}, ceiling="shared")
    intent = {"direction": "to", "tenant": GIVER, "port": SERVICE["port"], "reason": "Asks anyway."}
    for intents in ([], [intent]):
        weak = taker(name="other-checks", id=OTHER, classification="open", intents=intents)
        assert openings(grant, other=weak) == {(TAKER, GIVER, "TCP 8443")}


def test_neither_side_of_a_service_is_open_without_the_other() -> None:
    grant = make_grant(service=SERVICE)
    provider, consumer = complete(giver(), taker())
    for known in ((provider, grant), (consumer, grant)):
        objects = [
            one for each in (provider, consumer) for one in render(each, *known[1:][: each is known[0]]).kubernetes
        ]
        world = build_world(objects, SITE.spec.network.cluster_cidrs)
        groups = [group for namespace in world.namespaces for group in any_pod(world, namespace)]
        ways = tell_ways(find_openings(world, groups, groups), [provider.id, consumer.id])
        assert not [way for way in ways if way.peer.tenant not in (way.tenant, None, "")]


def test_each_rule_says_which_grant_it_comes_from() -> None:
    for tenant in complete(giver(), taker()):
        rules = [
            one["metadata"]["annotations"]["tenantry.dev/reason"]
            for one in render(tenant, make_grant(service=SERVICE)).kubernetes
            if "-grant-" in one["metadata"]["name"]
        ]
        assert rules == ["Grant border-certificates: Checks vaccination certificates at the border."]


def test_where_names_are_known_a_service_is_reached_by_its_host() -> None:
    (consumer,) = complete(taker())
    kinds = [
        one["spec"]["egress"][0]["toFQDNs"]
        for one in render(consumer, make_grant(service=SERVICE), capabilities=("network.fqdn",)).kubernetes
        if one["kind"] == "CiliumNetworkPolicy" and "-grant-" in one["metadata"]["name"]
    ]
    assert kinds == [[{"matchName": SERVICE["host"]}]]


@pytest.mark.parametrize("capabilities", [(), (FEDERATING,)])
@pytest.mark.parametrize(
    ("access", "actions"),
    [
        ("read", {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}),
        ("write", {"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}),
    ],
)
def test_a_dataset_is_open_to_the_account_that_uses_it(
    capabilities: tuple[str, ...], access: str, actions: set[str]
) -> None:
    (consumer,) = complete(taker("border-certificates"))
    grant = make_grant(dataset={**DATASET, "access": access})
    (identity,) = (one for one in render(consumer, grant, capabilities=capabilities).object_store if has_rights(one))
    statements = identity["spec"]["policies"]["buckets"]["Statement"]
    assert {action for one in statements for action in one["Action"]} == actions
    bucket = f"arn:aws:s3:::{GIVER}-records"
    assert {each for one in statements for each in one["Resource"]} <= {bucket, f"{bucket}/published/*"}
    for one in statements:
        if "s3:ListBucket" in one["Action"]:
            assert one["Condition"] == {"StringLike": {"s3:prefix": ["published/*"]}}
    assert not [one for one in render(consumer, grant, day="2027-12-01").object_store if has_rights(one)]
    assert not [one for one in render(complete(taker())[0], grant).object_store if has_rights(one)]


def test_a_dataset_is_closed_to_the_accounts_that_do_not_use_it() -> None:
    accounts = [
        {"name": "app", "grants": ["border-certificates"]},
        {"name": "web"},
        {"name": "stats", "grants": ["statistics"]},
    ]
    (consumer,) = complete(taker(serviceAccounts=accounts))
    statistics = make_grant("statistics", dataset={**DATASET, "bucket": "statistics"})
    made = render(consumer, make_grant(), statistics)
    opened = {
        one["metadata"]["name"].rpartition(".")[2]: {
            each for each in rights_of(one) if each.startswith(f"arn:aws:s3:::{GIVER}-records")
        }
        for one in made.object_store
        if has_rights(one)
    }
    bucket = f"arn:aws:s3:::{GIVER}-records"
    assert opened == {"app": {bucket, f"{bucket}/published/*"}, "stats": set()}
    assert made.grants == {"border-certificates": LAST, "statistics": LAST}
    assert render(complete(taker())[0], make_grant()).grants == {}


def rights_of(document: Any) -> set[str]:  # noqa: ANN401
    return {each for one in document["spec"]["policies"]["buckets"]["Statement"] for each in one["Resource"]}


def has_rights(document: Any) -> bool:  # noqa: ANN401
    return document["kind"] in ("Role", "User")


@thorough
@given(st.integers(-3, 3), st.integers(0, 60), st.sampled_from(["first", "agreed", "last"]))
def test_a_grant_opens_nothing_before_it_is_agreed_nor_after_its_last_day(offset: int, late: int, near: str) -> None:
    first, last = date.fromisoformat(FIRST), date.fromisoformat(LAST)
    agreed = first + timedelta(days=late)
    approvals = [
        {"by": f"{who}@gov.example", "role": "owner", "on": on.isoformat(), "reference": "X-1"}
        for who, on in (("a", first), ("b", agreed))
    ]
    grant = make_grant(service=SERVICE, approvals=approvals)
    day = {"first": first, "agreed": agreed, "last": last}[near] + timedelta(days=offset)
    (provider,) = complete(giver())
    found = find_sharing(provider, [grant], day)
    assert bool(found.given) == (agreed <= day <= last)
