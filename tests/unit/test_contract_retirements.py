"""The end of a tenant is approved, says what becomes of its data, and comes after those who depend on it."""

from datetime import date
from typing import Any

import pytest

from granting import FIRST, GIVER, OTHER, SERVICE, TAKER, giver, make_grant, taker, write_grant
from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge
from tenantry.contract.model import Retirement
from tenantry.contract.reading.schema import validate
from tenantry.contract.structure import structure
from tenantry.problems import Problem

OWNER = {"by": "owner@north.example", "role": "owner", "on": "2026-11-02", "reference": "N-1"}
SECURITY = {"by": "ciso@north.example", "role": "security", "on": "2026-11-03", "reference": "N-2"}
ARCHIVE = {"tenant": TAKER, "bucket": "archive"}


def retirement(name: str = "register", tenant: str = GIVER, **spec: Any) -> dict[str, Any]:  # noqa: ANN401
    usual = {"tenant": tenant, "reason": "It moved.", "approvals": [OWNER]}
    raw = {"apiVersion": "tenantry.dev/v1", "kind": "Retirement", "metadata": {"name": name}, "spec": {**usual, **spec}}
    assert validate(document(raw)) == ()
    return raw


def archive(**spec: Any) -> dict[str, Any]:  # noqa: ANN401
    """Make the request of a tenant that takes what others leave."""
    return taker(serviceAccounts=[], **{"buckets": [{"name": "archive", "retentionDays": 4000}], **spec})


def problems(*requests: dict[str, Any], ends: Any = None, grant: Any = None) -> list[Problem]:  # noqa: ANN401
    """Judge requests with retirements, by default the giver's own, and perhaps a grant."""
    raws = ends or [retirement()]
    sources = {("Retirement", raw["metadata"]["name"]): document(raw) for raw in raws}
    grants = {}
    if grant is not None:
        sources["Grant", "border-certificates"] = document(write_grant(**grant))
        grants = {"border-certificates": make_grant(**grant)}
    documents = Documents(
        requests=tuple(map(document, requests)),
        retirements={raw["metadata"]["name"]: structure(raw, Retirement) for raw in raws},
        grants=grants,
        sources=sources,
        sites=sites(),
        departments=departments(),
    )
    return list(judge(documents, baseline(), day=date.fromisoformat(FIRST)).problems)


def codes(*requests: dict[str, Any], **what: Any) -> list[str]:  # noqa: ANN401
    return [found.code for found in problems(*requests, **what)]


def test_an_approved_end_without_dependants_is_sound_with_and_without_its_request() -> None:
    assert codes(giver(), archive()) == []
    assert codes(archive()) == []


@pytest.mark.parametrize(
    ("held", "approvals", "found"),
    [
        ("restricted", [OWNER], ["TEN-542"]),
        ("restricted", [OWNER, SECURITY], []),
        ("restricted", [OWNER, {**SECURITY, "by": OWNER["by"]}], ["TEN-542"]),
        ("shared", [SECURITY], ["TEN-542"]),
        ("shared", [{**OWNER, "on": "2026-12-02"}], ["TEN-542"]),
    ],
)
def test_the_class_says_who_has_to_approve(held: str, approvals: list[dict[str, str]], found: list[str]) -> None:
    request = giver(classification=held, ingress={"hosts": []}) if held == "restricted" else giver()
    assert codes(request, ends=[retirement(approvals=approvals)]) == found


@pytest.mark.parametrize(
    ("bucket", "found"),
    [
        ({"name": "records", "disposal": "destroy"}, []),
        ({"name": "records", "disposal": "hold", "until": "2030-01-01"}, []),
        ({"name": "records", "disposal": "export", "to": ARCHIVE}, []),
        ({"name": "record", "disposal": "destroy"}, ["TEN-543"]),
        ({"name": "records", "disposal": "export"}, ["TEN-544"]),
        ({"name": "records", "disposal": "hold", "to": ARCHIVE}, ["TEN-544"]),
        ({"name": "records", "disposal": "destroy", "until": "2030-01-01"}, ["TEN-544"]),
        ({"name": "records", "disposal": "export", "to": {"tenant": OTHER, "bucket": "archive"}}, ["TEN-545"]),
        ({"name": "records", "disposal": "export", "to": {"tenant": TAKER, "bucket": "attic"}}, ["TEN-545"]),
        ({"name": "records", "disposal": "export", "to": {"tenant": GIVER, "bucket": "records"}}, ["TEN-545"]),
    ],
)
def test_what_becomes_of_each_bucket_is_said_once_and_can_be_done(bucket: dict[str, Any], found: list[str]) -> None:
    assert codes(giver(), archive(), ends=[retirement(buckets=[bucket])]) == found


def test_what_is_exported_is_kept_as_well_and_as_long() -> None:
    ends = [retirement(buckets=[{"name": "records", "disposal": "export", "to": ARCHIVE}])]
    assert codes(giver(), archive(buckets=[{"name": "archive", "retentionDays": 364}]), ends=ends) == [
        "TEN-140",
        "TEN-546",
    ]
    assert codes(giver(), archive(classification="open"), ends=ends) == ["TEN-546"]


def test_a_bucket_and_a_tenant_are_named_once() -> None:
    twice = [{"name": "records", "disposal": "destroy"}, {"name": "records", "disposal": "hold"}]
    assert codes(giver(), ends=[retirement(buckets=twice)]) == ["TEN-543"]
    assert codes(giver(), ends=[retirement(), retirement(name="again")]) == ["TEN-541"]


@pytest.mark.parametrize("there", [True, False], ids=["being retired", "retired"])
def test_an_intent_to_a_retired_tenant_is_wrong(*, there: bool) -> None:
    intent = {"direction": "to", "tenant": GIVER, "port": 8443, "reason": "Reads the register."}
    asks = taker(serviceAccounts=[], intents=[intent])
    (found,) = problems(*([giver()] if there else []), asks)
    assert found.code == "TEN-540"
    assert "remove the intent" in found.fix


def test_an_intent_to_a_host_of_a_tenant_that_ends_is_wrong() -> None:
    intent = {"direction": "to", "host": SERVICE["host"], "port": 8443, "reason": "Reads the register."}
    assert codes(giver(), taker(serviceAccounts=[], intents=[intent])) == ["TEN-540"]


@pytest.mark.parametrize("ended", [GIVER, TAKER])
def test_a_grant_on_either_side_comes_first(ended: str) -> None:
    both = (giver(), taker("border-certificates"))
    ends = [retirement(tenant=ended)]
    assert codes(*both, ends=ends, grant={}) == ["TEN-547"]
    assert codes(*both, ends=ends, grant={"withdrawn": FIRST}) == []
    assert codes(*both, ends=[*ends, retirement("other", tenant=TAKER if ended == GIVER else GIVER)], grant={}) == []


def test_a_party_is_not_left_without_the_data_that_it_was_granted() -> None:
    party = {"consumer": {"party": "acme"}, "ceiling": "open"}
    both = (giver(classification="open"), taker())
    ends = [retirement(tenant=GIVER)]
    assert codes(*both, ends=ends, grant=party) == ["TEN-547"]
    assert codes(*both, ends=ends, grant={**party, "withdrawn": FIRST}) == []
