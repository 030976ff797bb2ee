"""What a change takes back of the protection of data, over all pairs of classes and settings, and who has to agree."""

from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import minimal
from judging import codes, judged
from strategies import baseline, completed, sites, tenants
from tenantry.contract.model import Approval, Classification, Encryption, Tenant, Weakening
from tenantry.contract.protection import (
    Change,
    Protection,
    find_changes,
    find_protection,
    list_settings,
    print_approval,
    tell_lacking,
)
from tenantry.contract.structure import structure, unstructure

CHANGE = Change("TEN-560", "classification", "open", "", "", ("spec",))


def protection(tenant: Tenant) -> Protection:
    return find_protection(tenant, sites()[tenant.spec.placement.site or ""], baseline())


def changed(before: Protection, tenant: Tenant) -> dict[str, str]:
    """Give what is taken back, by its code and property, with its value."""
    return {
        f"{one.code} {one.property}": one.value for one in find_changes(before, tenant, protection(tenant), baseline())
    }


def of_class(word: str, **bucket: Any) -> Tenant:  # noqa: ANN401
    return completed(minimal(classification=word, buckets=[{"name": "records", "retentionDays": 3000, **bucket}]))


@given(tenants())
def test_what_stays_as_it_is_takes_nothing_back(tenant: Tenant) -> None:
    assert changed(protection(tenant), tenant) == {}


@given(tenants())
def test_what_a_record_keeps_comes_back_the_same(tenant: Tenant) -> None:
    assert structure(unstructure(protection(tenant)), Protection) == protection(tenant)


@pytest.mark.parametrize(("old", "new"), list(product(Classification, Classification)))
def test_a_class_only_rises_by_itself(old: Classification, new: Classification) -> None:
    held = protection(of_class(old))
    lower = list(Classification).index(new) < list(Classification).index(old)
    unlocked = old is Classification.RESTRICTED and new is not old
    expected = {"TEN-560 classification": new.value} if lower else {}
    expected |= {"TEN-563 buckets.records.lock": "false"} if unlocked else {}
    assert changed(held, of_class(new)) == expected
    assert held.approvals == baseline().controls(old).approvals


@given(
    *(st.fixed_dictionaries({"publish": st.booleans(), "lock": st.booleans(), "retentionDays": st.integers(1, 9)}),) * 2
)
def test_a_bucket_takes_back_exactly_what_gets_weaker(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = changed(protection(of_class("open", **one)), of_class("open", **other))
    expected = {
        "TEN-561 buckets.records.retentionDays": other["retentionDays"] < one["retentionDays"],
        "TEN-562 buckets.records.publish": other["publish"] and not one["publish"],
        "TEN-563 buckets.records.lock": one["lock"] and not other["lock"],
    }
    assert set(found) == {key for key, weaker in expected.items() if weaker}


def test_what_is_not_known_of_a_bucket_is_taken_to_be_protected() -> None:
    held = protection(of_class("open"))
    unknown = replace(held.buckets["records"], publish=None, versions=None, lock=None)
    asked = of_class("open", publish=True, versions=True, lock=False)
    found = changed(replace(held, buckets={"records": unknown}), asked)
    assert set(found) == {"TEN-562 buckets.records.publish", "TEN-563 buckets.records.lock"}


def test_a_weaker_need_of_encryption_and_another_region_are_told() -> None:
    tenant = of_class("shared")
    before = replace(protection(tenant), encryption=Encryption.OWN_KEY, region="elsewhere")
    assert changed(before, tenant) == {"TEN-564 encryption": "needed", "TEN-565 region": "north"}


def approval(role: str, by: str = "", reference: str = "CHG-1") -> Approval:
    return Approval(by=by or f"{role}@gov.example", role=role, on=date(2026, 11, 28), reference=reference)


@pytest.mark.parametrize(
    ("changes", "approvals", "lacking"),
    [
        ((), (approval("owner"), approval("security")), "nobody agreed to it"),
        (("classification=shared",), (approval("owner"), approval("security")), "nobody agreed to it"),
        (("classification=open",), (approval("owner"), approval("security")), ""),
        (("classification=open",), (approval("owner"), approval("legal")), "nobody agreed to it as security"),
        (("classification=open",), (approval("finance"),), "nobody agreed to it as owner and security"),
        (
            ("classification=open",),
            (approval("owner", "A@gov.example"), approval("security", "a@gov.example")),
            "a@gov.example agreed to it in two capacities",
        ),
        (
            ("classification=open",),
            (approval("owner"), approval("security", reference="CHG-0")),
            "nobody agreed to it as security; CHG-0 was in the request at an earlier apply",
        ),
    ],
)
def test_each_capacity_agrees_to_each_change_anew(
    changes: tuple[str, ...], approvals: tuple[Approval, ...], lacking: str
) -> None:
    used = {print_approval(approval("security", "SECURITY@gov.example", reference="CHG-0"))}
    weakening = Weakening(changes, "Published by law.", approvals)
    assert tell_lacking(CHANGE, ("owner", "security"), weakening, used) == lacking


@given(tenants())
def test_a_weakening_says_what_the_request_asks_for(tenant: Tenant) -> None:
    settings = list_settings(tenant, baseline().controls(tenant.spec.classification).encryption)
    assert settings["classification"] == tenant.spec.classification
    assert settings["region"] == sites()[tenant.spec.placement.site or ""].spec.region
    assert len(settings) == 3 + 4 * len(tenant.spec.buckets)


def test_a_weakening_that_says_otherwise_is_refused_at_its_place() -> None:
    agreed = {"reason": "By law.", "approvals": [{**unstructure(approval("owner")), "on": "2026-11-28"}]}
    buckets = [{"name": "records"}]
    sound = ["classification=shared", "encryption=needed", "region=north", "buckets.records.retentionDays=365"]
    asked = {"classification": "shared", "buckets": buckets}
    assert (
        codes(judged(minimal(**asked, weakening={**agreed, "changes": [*sound, "buckets.records.lock=false"]}))) == []
    )
    for wrong in ("classification=open", "region=south", "encryption=storeDefault", "buckets.records.retentionDays=9"):
        assert codes(judged(minimal(**asked, weakening={**agreed, "changes": [wrong]}))) == ["TEN-169"]
    found = judged(minimal(**asked, weakening={**agreed, "changes": ["buckets.none.lock=false"]})).problems
    assert [one.message for one in found] == [
        "the weakening is of buckets.none.lock=false, and the request has no buckets.none"
    ]
