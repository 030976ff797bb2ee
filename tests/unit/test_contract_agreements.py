"""The rules of waivers and grants."""

from typing import Any

import pytest

from examples import minimal
from judging import OPEN, codes, judged
from strategies import document
from tenantry.contract.load import Judgement
from tenantry.contract.model import Grant, Waiver
from tenantry.contract.reading.document import Document
from tenantry.contract.reading.schema import load_schema, validate
from tenantry.contract.structure import structure


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"approver": "records@health.gov.example"}, "TEN-153"),
        ({"expires": "2026-11-02"}, "TEN-138"),
        ({"expires": "2027-05-02"}, "TEN-154"),
        ({"expires": "2027-05-01"}, None),
    ],
)
def test_a_waiver_is_approved_by_another_and_ends(change: dict[str, Any], code: str | None) -> None:
    example = load_schema("Waiver")["examples"][0]
    raw = {**example, "spec": {**example["spec"], **change}}
    waiver = structure(raw, Waiver)
    sources: dict[tuple[str, str], Document] = {("Waiver", waiver.name): document(raw)}
    assert codes(judged(waivers={waiver.name: waiver}, sources=sources)) == ([code] if code else [])


def test_a_grant_ends_after_it_starts_and_is_approved_by_two() -> None:
    example = load_schema("Grant")["examples"][0]
    approval = example["spec"]["approvals"][0]
    for change, code in (({"ends": "2026-12-01"}, "TEN-138"), ({"approvals": [approval, approval]}, "TEN-153")):
        raw = {**example, "spec": {**example["spec"], **change}}
        grant = structure(raw, Grant)
        sources: dict[tuple[str, str], Document] = {("Grant", grant.name): document(raw)}
        assert codes(judged(grants={grant.name: grant}, sources=sources)) == [code]


def agreed(kind: str, requests: list[dict[str, Any]], **spec: Any) -> Judgement:  # noqa: ANN401
    """Judge the example of a waiver or a grant, with another spec, among these requests."""
    example = load_schema(kind)["examples"][0]
    but = spec.pop("but", ())
    raw = {**example, "spec": {**{k: v for k, v in example["spec"].items() if k not in but}, **spec}}
    assert validate(document(raw)) == ()
    value: Any = structure(raw, {"Waiver": Waiver, "Grant": Grant}[kind])
    world = {f"{kind.lower()}s": {value.name: value}, "sources": {(kind, value.name): document(raw)}}
    return judged(*requests, **world)


PROVIDER = minimal(**OPEN, buckets=[{"name": "records"}], ingress={"hosts": ["a.example", "*.b.example"]})
NORTH = {"department": "department-north"}


@pytest.mark.parametrize(
    ("kind", "spec", "codes_found"),
    [
        ("Waiver", {}, []),
        ("Waiver", {"objects": [{"tenant": "t-4f9x2k7q"}, {"tenant": "t-nobody11"}]}, ["TEN-157"]),
        ("Grant", {"consumer": NORTH}, []),
        ("Grant", {"consumer": {"department": "nobody"}}, ["TEN-157"]),
        ("Grant", {"consumer": {"tenant": "t-nobody11"}}, ["TEN-157"]),
        ("Grant", {"consumer": {"party": "some-company"}}, []),
        ("Grant", {"consumer": NORTH, "provider": "t-nobody11"}, ["TEN-157"]),
        ("Grant", {"consumer": NORTH, "dataset": {"bucket": "other", "prefix": "", "access": "read"}}, ["TEN-157"]),
        ("Grant", {"consumer": NORTH, "but": ["dataset"], "service": {"host": "a.example", "port": 443}}, []),
        ("Grant", {"consumer": NORTH, "but": ["dataset"], "service": {"host": "x.b.example", "port": 443}}, []),
        ("Grant", {"consumer": NORTH, "but": ["dataset"], "service": {"host": "b.example", "port": 443}}, ["TEN-157"]),
        ("Grant", {"consumer": NORTH, "but": ["dataset"], "service": {"host": "xa.example", "port": 443}}, ["TEN-157"]),
    ],
)
def test_waivers_and_grants_name_what_is_there(kind: str, spec: dict[str, Any], codes_found: list[str]) -> None:
    judgement = agreed(kind, [PROVIDER], **spec)
    assert (codes(judgement), judgement.unjudged) == (codes_found, ())


def test_without_requests_it_says_that_it_did_not_judge_whom_agreements_name() -> None:
    judgement = agreed("Waiver", [])
    assert codes(judgement) == []
    assert judgement.unjudged == ("the tenants that waivers and grants name, because no request was given (--context)",)
