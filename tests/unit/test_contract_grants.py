"""What a grant may open, to whom, for how long and by whose approval; and that one which opens nothing is told of."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from granting import (
    DATASET,
    FIRST,
    GIVER,
    IDENTITY,
    LAST,
    OTHER,
    PARTY,
    SERVICE,
    TAKER,
    giver,
    make_grant,
    taker,
    write_grant,
)
from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import Judgement, judge
from tenantry.contract.model import Classification
from tenantry.contract.reading.document import Document
from tenantry.contract.reading.schema import validate

BORDER = "border-certificates"
OWNER = {"by": "owner@north.example", "role": "owner", "on": "2026-11-02", "reference": "N-1"}
LEGAL = {"by": "legal@south.example", "role": "legal", "on": "2026-11-03", "reference": "S-1"}
SECURITY = {"by": "ciso@south.example", "role": "security", "on": "2026-11-03", "reference": "S-2"}


def judged(
    *requests: dict[str, Any],
    day: str = FIRST,
    at: dict[str, Any] | None = None,
    **spec: Any,  # noqa: ANN401
) -> Judgement:
    """Judge one grant among requests on a day; `at` is what the giver's site has otherwise."""
    found = dict(sites())
    north = found["site-north"]
    found["site-north"] = replace(north, spec=replace(north.spec, **(at or {})))
    sources: dict[tuple[str, str], Document] = {("Grant", BORDER): document(write_grant(**spec))}
    documents = Documents(
        requests=tuple(map(document, requests)),
        grants={BORDER: make_grant(**spec)},
        sources=sources,
        sites=found,
        departments=departments(),
    )
    return judge(documents, baseline(), day=date.fromisoformat(day))


def codes(*requests: dict[str, Any], **spec: Any) -> list[str]:  # noqa: ANN401
    return [problem.code for problem in judged(*requests, **spec).problems]


def idle(*requests: dict[str, Any], **spec: Any) -> list[str]:  # noqa: ANN401
    judgement = judged(*requests, **spec)
    assert judgement.problems == ()
    return [problem.code for problem in judgement.idle]


@pytest.mark.parametrize(
    ("held", "ceiling", "consumer", "approvals", "found"),
    [
        ("shared", "shared", {"tenant": TAKER}, [OWNER, LEGAL], []),
        ("shared", "restricted", {"department": "department-south"}, [OWNER, LEGAL], []),
        ("shared", "open", {"tenant": TAKER}, [OWNER, LEGAL], ["TEN-161"]),
        ("market", "shared", {"tenant": TAKER}, [OWNER, LEGAL], ["TEN-161"]),
        ("market", "market", {"party": "acme"}, [OWNER, LEGAL], []),
        ("market", "market", {"party": "acme"}, [OWNER, SECURITY], ["TEN-163"]),
        ("shared", "shared", {"party": "acme"}, [OWNER, LEGAL], ["TEN-162"]),
        ("restricted", "restricted", {"tenant": TAKER}, [OWNER, SECURITY], ["TEN-162"]),
        ("restricted", "restricted", {"department": "department-north"}, [OWNER, SECURITY], []),
        ("restricted", "restricted", {"department": "department-north"}, [OWNER, LEGAL], ["TEN-163"]),
        ("open", "open", {"party": "acme"}, [OWNER, SECURITY], []),
    ],
)
def test_the_class_of_the_data_says_who_may_have_it(
    held: str, ceiling: str, consumer: dict[str, str], approvals: list[dict[str, str]], found: list[str]
) -> None:
    long = [{"name": "records", "retentionDays": 3650}]
    provider = giver(classification=held, ingress={}, buckets=long)
    assert codes(provider, taker(), ceiling=ceiling, consumer=consumer, approvals=approvals) == found


def test_a_grant_is_not_for_its_own_provider_nor_over_before_it_was_agreed() -> None:
    assert codes(giver(), taker(), consumer={"tenant": GIVER}) == ["TEN-164"]
    late = {**OWNER, "on": "2027-12-01"}
    assert codes(giver(), taker(BORDER), approvals=[late, LEGAL]) == ["TEN-138"]


def test_what_was_granted_is_not_granted_on_so_that_there_is_no_circle() -> None:
    """A grant is of its provider's own bucket: what a tenant has by a grant, it can't share, nor give back."""
    consumer = {**taker(BORDER), "spec": {**taker(BORDER)["spec"], "buckets": [{"name": "own", "retentionDays": 3650}]}}
    assert codes(giver(), consumer) == []
    for bucket in ("records", "t-4f9x2k7q-records"):
        onward = {"provider": TAKER, "consumer": {"tenant": GIVER}, "dataset": {**DATASET, "bucket": bucket}}
        assert "TEN-157" in codes(giver(), consumer, **onward)


def test_an_account_uses_only_grants_that_are_for_its_tenant() -> None:
    assert codes(giver(), taker("no-such-grant")) == ["TEN-165"]
    assert codes(giver(), taker(BORDER), consumer={"department": "department-north"}) == ["TEN-165"]
    assert codes(giver(), taker(BORDER), service=SERVICE) == ["TEN-165"]
    assert codes(giver(), taker(BORDER), consumer={"department": "department-south"}) == []


@pytest.mark.parametrize("ceiling", Classification)
@pytest.mark.parametrize("held", Classification)
def test_of_a_department_only_tenants_that_protect_data_as_the_ceiling_asks_use_its_grants(
    held: Classification, ceiling: Classification
) -> None:
    department = {"department": "department-south"}
    weak = list(Classification).index(held) < list(Classification).index(ceiling)
    consumer = taker(BORDER, classification=held.value)
    problems = judged(giver(classification="open"), consumer, consumer=department, ceiling=ceiling.value).problems
    fixes = [one.fix for one in problems if one.code == "TEN-165"]
    assert fixes == ([f"remove it, or ask for classification {ceiling}"] if weak else [])


def test_a_grant_to_a_department_is_not_for_the_tenant_that_gives_it() -> None:
    own = giver(serviceAccounts=[{"name": "app", "grants": [BORDER]}])
    problems = judged(own, taker(), consumer={"department": "department-north"}).problems
    assert [(one.code, one.fix) for one in problems] == [("TEN-165", "name the bucket under buckets here")]


def test_all_of_a_grant_is_told_at_once_with_its_place() -> None:
    problems = judged(
        giver(), ceiling="open", consumer={"party": "acme"}, dataset={**DATASET, "bucket": "none"}
    ).problems
    assert [(one.code, one.fix != "") for one in problems] == [("TEN-157", True), ("TEN-161", True), ("TEN-162", True)]


def test_a_grant_that_opens_nothing_is_told() -> None:
    assert idle(giver(), taker(BORDER)) == []
    assert idle(giver(), taker()) == ["TEN-158"]
    assert idle(giver(), taker(), service=SERVICE) == []
    assert idle(giver(), taker(BORDER), day=LAST) == []
    assert idle(giver(), taker(BORDER), day="2027-12-01") == ["TEN-166"]
    assert idle(giver(), taker(BORDER), day="2027-03-01", withdrawn="2027-03-02") == []
    assert idle(giver(), taker(BORDER), day="2027-03-02", withdrawn="2027-03-02") == ["TEN-166"]
    assert idle(giver(), taker(BORDER, placement={"site": "site-south"})) == ["TEN-159"]


def test_of_a_department_one_tenant_that_uses_it_is_enough() -> None:
    other = taker(name="other-checks", id=OTHER, placement={"site": "site-south"})
    assert idle(giver(), taker(BORDER), other, consumer={"department": "department-south"}) == []


OPEN_TO_PARTY = {"ceiling": "open", "approvals": [OWNER, LEGAL]}
KNOWN = {**PARTY, "identity": IDENTITY}


@pytest.mark.parametrize(
    ("consumer", "capabilities", "found"),
    [
        (PARTY, ("iam.users",), []),
        (PARTY, ("sts.webIdentity", "iam.users"), []),
        (KNOWN, ("sts.webIdentity",), []),
        (KNOWN, ("iam.users",), []),
        (PARTY, ("sts.webIdentity",), ["add identity, with issuer, subject and audience of its tokens"]),
        (KNOWN, (), ["share from a tenant on a site with sts.webIdentity or iam.users"]),
    ],
)
def test_a_party_without_a_way_to_the_store_is_told(
    consumer: dict[str, Any], capabilities: tuple[str, ...], found: list[str]
) -> None:
    plain = set(sites()["site-north"].spec.capabilities) - {"sts.webIdentity", "iam.users"}
    at = {"capabilities": (*sorted(plain), *capabilities)}
    judgement = judged(giver(classification="open"), at=at, consumer=consumer, **OPEN_TO_PARTY)
    assert judgement.problems == ()
    assert [one.fix for one in judgement.idle if one.code == "TEN-170"] == found
    assert len(judgement.idle) == len(found)
    over = judged(giver(classification="open"), at=at, day="2027-12-01", consumer=consumer, **OPEN_TO_PARTY)
    assert [one.code for one in over.idle] == ["TEN-166"]


def test_a_party_does_not_come_by_the_tokens_of_a_sites_own_accounts() -> None:
    """Else a tenant's account would use a dataset that nobody granted its tenant."""
    at = {"issuer": "https://oidc.north.example/cluster"}
    for issuer in ("https://oidc.north.example/cluster", "https://oidc.north.example/cluster/"):
        consumer = {**PARTY, "identity": {**IDENTITY, "issuer": issuer}}
        (found,) = judged(giver(classification="open"), at=at, consumer=consumer, **OPEN_TO_PARTY).problems
        assert found.code == "TEN-171"
        assert "party acme-analytics, by tokens of site site-north's own issuer" in found.message
    assert judged(giver(classification="open"), at=at, consumer=KNOWN, **OPEN_TO_PARTY).problems == ()


def test_a_service_is_not_granted_by_a_stores_tokens() -> None:
    provider = giver(classification="open")
    (found,) = judged(provider, consumer=KNOWN, service=SERVICE, **OPEN_TO_PARTY).problems
    assert found.code == "TEN-172"
    assert judged(provider, consumer=PARTY, service=SERVICE, **OPEN_TO_PARTY).problems == ()


@pytest.mark.parametrize(
    "identity",
    [
        {key: value for key, value in IDENTITY.items() if key != "subject"},
        {**IDENTITY, "subject": "*"},
        {**IDENTITY, "subject": "reader*"},
        {**IDENTITY, "subject": "${aws:userid}"},
        {**IDENTITY, "audience": "sts.north.example?"},
        {**IDENTITY, "issuer": "http://login.acme.example"},
        {**IDENTITY, "issuer": "https://*.acme.example"},
    ],
)
def test_tokens_are_said_in_full_and_without_a_pattern(identity: dict[str, str]) -> None:
    raw = write_grant()
    for consumer in ({**PARTY, "identity": identity}, {"tenant": TAKER, "identity": IDENTITY}):
        wrong = {**raw, "spec": {**raw["spec"], "consumer": consumer}}
        assert validate(document(wrong)) != ()
