"""One word of one request, `classification`, is changed: what is rendered, placed and refused is as the design's table.

What each class decides is written here once more, by the design, so that a baseline which says otherwise is noticed.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from examples import minimal
from granting import LAST, TAKER, make_grant, taker, write_grant
from judging import codes, judged
from rendering import rendered
from strategies import baseline, completed, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge
from tenantry.contract.model import Classification, Location, Site
from tenantry.data import example_dir
from tenantry.fleet.judging.verdicts import find_denied
from tenantry.fleet.selection import select
from tenantry.render import Manifest

ALWAYS = {"bucket.policy", "bucket.versions", "bucket.objectLock", "iam.users"}
DISKS, OWN_KEY = "store.diskEncryption", "store.ownKey"
REASON = "Asks the register."


class Row(NamedTuple):
    """A column of the design's table."""

    published: bool
    consumers: set[str]
    own_pool: bool
    hosts: bool
    other_sites: bool
    encryption: tuple[str, ...]
    lock: bool
    days: int
    days_with_a_year_of_contract: int
    anywhere: bool
    approvals: set[str]


TABLE = {
    "open": Row(True, {"department", "tenant", "party"}, False, True, True, (), False, 0, 0, True, {"owner"}),
    "shared": Row(False, {"department", "tenant"}, False, True, True, (DISKS,), False, 365, 365, True, {"owner"}),
    "market": Row(
        False, {"department", "tenant", "party"}, False, True, True, (DISKS,), False, 365, 729, True, {"owner", "legal"}
    ),
    "restricted": Row(
        False, set(), True, False, False, (DISKS, OWN_KEY), True, 2555, 2555, False, {"owner", "security"}
    ),
}
every_class = pytest.mark.parametrize(("word", "row"), TABLE.items(), ids=list(TABLE))


def asked(word: str, **spec: object) -> dict[str, Any]:
    """The one request, in which only the word differs, and what a test asks for beside it."""
    return minimal(classification=word, **{"buckets": [{"name": "records"}], **spec})


def refused(word: str, world: Mapping[str, Any] | None = None, **spec: object) -> list[str]:
    return codes(judged(asked(word, **spec), **(world or {})))


def made(word: str, kind: str) -> list[Manifest]:
    found = [one for one in rendered(completed(asked(word))).documents if one["kind"] == kind]
    assert found
    return found


def only_site(**changed: Any) -> dict[str, Any]:  # noqa: ANN401
    """A world of one site, in the department's region."""
    site = sites()["site-north"]
    return {"sites": {"site-north": replace(site, spec=replace(site.spec, **changed))}}


def test_the_table_is_of_every_class() -> None:
    assert list(TABLE) == list(Classification)


@every_class
def test_who_may_read(word: str, row: Row) -> None:
    assert refused(word, buckets=[{"name": "records", "publish": True}]) == ([] if row.published else ["TEN-143"])
    approvals = [
        {"by": f"{role}@gov.example", "role": role, "on": "2026-11-02", "reference": "N-1"}
        for role in ("owner", "legal", "security")
    ]
    offer = asked(word, buckets=[{"name": "records", "retentionDays": 36500}])
    consumer_of_all = taker(classification="restricted", placement={"site": "site-south"})
    let_in = set()
    for consumer in ({"department": "department-south"}, {"tenant": TAKER}, {"party": "acme"}):
        spec = {"ceiling": "restricted", "consumer": consumer, "approvals": approvals}
        sources = {("Grant", "border-certificates"): document(write_grant(**spec))}
        grants = {"border-certificates": make_grant(**spec)}
        found = codes(judged(offer, consumer_of_all, grants=grants, sources=sources))
        assert found in ([], ["TEN-162"])
        let_in |= set() if found else set(consumer)
    assert let_in == row.consumers


@every_class
def test_pod_security_and_nodes(word: str, row: Row) -> None:
    for namespace in made(word, "Namespace"):
        labels, notes = namespace["metadata"]["labels"], namespace["metadata"]["annotations"]
        assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}
        pool = sites()["site-north"].spec.node_pools[Classification.RESTRICTED]
        chosen = notes.get("scheduler.alpha.kubernetes.io/node-selector")
        assert chosen == (f"{pool.key}={pool.value}" if row.own_pool else None)
    assert refused(word, only_site(node_pools={})) == (["TEN-145"] if row.own_pool else [])


@every_class
def test_the_network_is_closed_but_for_hosts(word: str, row: Row) -> None:
    closed = next(one for one in made(word, "NetworkPolicy") if one["metadata"]["name"] == "tenantry-default-deny")
    assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert "tenantry-gateway" not in {one["metadata"]["name"] for one in made(word, "NetworkPolicy")}
    assert refused(word, ingress={"hosts": ["a.example"]}) == ([] if row.hosts else ["TEN-152"])


@every_class
def test_egress_to_another_site(word: str, row: Row) -> None:
    south = sites()["site-south"]
    network = replace(south.spec.network, cluster_cidrs=("10.9.0.0/16",), object_store_cidrs=("192.0.2.128/28",))
    world = {"sites": {**sites(), "site-south": replace(south, spec=replace(south.spec, network=network))}}
    told = [] if row.other_sites else ["TEN-168"]
    peer = {"port": 443, "reason": REASON}
    for cidr in ("10.9.1.0/24", "10.9.0.0/16", "10.8.0.0/15", "192.0.2.128/32"):
        assert refused(word, world, egress=[{**peer, "cidr": cidr}]) == told
        assert refused(word, world, intents=[{**peer, "cidr": cidr, "direction": "to"}]) == told
        assert refused(word, world, intents=[{**peer, "cidr": cidr, "direction": "from"}]) == []
    assert refused(word, world, egress=[{**peer, "cidr": "10.10.0.0/16"}]) == []
    assert refused(word, world, egress=[{**peer, "cidr": "192.0.2.16/28"}]) == [], "its own store"
    for site, expected in (("site-south", told), ("site-north", [])):
        host = {"hosts": ["*.maps.example"]}
        other = minimal("maps", id="t-maps0000", classification="open", ingress=host, placement={"site": site})
        mine = asked(word, egress=[{**peer, "host": "a.maps.example"}])
        assert codes(judged(mine, other, **world)) == expected


@every_class
def test_encryption_at_rest(word: str, row: Row) -> None:
    (bucket,) = made(word, "Bucket")
    assert (bucket["spec"]["encryption"] is not None) == (row.encryption != ())
    for has in ((), (DISKS,), (DISKS, OWN_KEY)):
        world = only_site(capabilities=(*ALWAYS, *has))
        assert refused(word, world) == ([] if set(row.encryption) <= set(has) else ["TEN-145"])


@every_class
def test_versions_and_lock(word: str, row: Row) -> None:
    (bucket,) = made(word, "Bucket")
    assert bucket["spec"]["versions"]
    lock = {"mode": "COMPLIANCE", "days": row.days} if row.lock else None
    assert bucket["spec"]["lock"] == lock
    assert "TEN-141" in refused(word, buckets=[{"name": "records", "versions": False}])
    assert refused(word, buckets=[{"name": "records", "lock": False}]) == (["TEN-142"] if row.lock else [])


@every_class
def test_retention(word: str, row: Row) -> None:
    (bucket,) = made(word, "Bucket")
    assert bucket["spec"]["retentionDays"] == row.days
    assert refused(word, buckets=[{"name": "records", "retentionDays": row.days}]) == []
    if row.days:
        assert refused(word, buckets=[{"name": "records", "retentionDays": row.days - 1}]) == ["TEN-140"]


@every_class
def test_retention_goes_on_after_a_contract(word: str, row: Row) -> None:
    def told(days: int, day: str = LAST, **spec: object) -> list[str]:
        grant = make_grant(**{"consumer": {"party": "acme"}, **spec})
        request = document(asked(word, buckets=[{"name": "records", "retentionDays": days}]))
        documents = Documents(
            requests=(request,),
            grants={grant.name: grant},
            sources={("Grant", grant.name): document(write_grant())},
            sites=sites(),
            departments=departments(),
        )
        found = judge(documents, baseline(), day=date.fromisoformat(day)).problems
        return [one.code for one in found if one.code == "TEN-167"]

    needed = row.days_with_a_year_of_contract
    assert told(needed) == []
    if needed > row.days:
        assert told(needed - 1) == ["TEN-167"]
        assert told(needed - 1, "2028-11-29") == ["TEN-167"], "a year after the contract"
        assert told(needed - 1, "2028-11-30") == []
        assert told(needed - 1, withdrawn="2027-11-29") == []
        assert told(needed - 1, consumer={"tenant": TAKER}) == []
        assert told(needed - 1, dataset={"bucket": "others", "prefix": "", "access": "read"}) == []


@every_class
def test_sites(word: str, row: Row) -> None:
    told = [] if row.anywhere else ["TEN-144"]
    assert refused(word, placement={"site": "site-south"}) == told
    away = {"sites": {**sites(), "site-north": hosted(sites()["site-north"])}}
    assert refused(word, away, placement={"site": "site-north"}) == told
    others = tuple(one for one in Classification if one != word)
    assert refused(word, only_site(classifications=others)) == ["TEN-145"]


@every_class
def test_approvals(word: str, row: Row, tmp_path: Path) -> None:
    lacking: dict[str, set[str]] = {}
    for number, without in enumerate(("", *sorted(row.approvals))):
        request = asked(word, id=f"t-appr000{number}", department="laa", approvals=approved(row.approvals - {without}))
        request["metadata"]["name"] = f"without-{without or 'nobody'}"
        (tmp_path / f"{number}.json").write_text(json.dumps(request), encoding="utf-8")
        lacking[f"t-appr000{number}"] = {without} - {""}
    selection = select([str(tmp_path)], example_dir())
    found = find_denied(selection.planned, selection)
    assert {tenant for tenant, roles in lacking.items() if roles} == set(found)
    for tenant, problems in found.items():
        (told,) = problems
        assert f"must be approved by {' and '.join(lacking[tenant])}" in told.message


def approved(roles: set[str]) -> list[dict[str, str]]:
    return [{"by": f"{role}@gov.example", "role": role, "on": "2026-11-02", "reference": "N-1"} for role in roles]


def hosted(site: Site) -> Site:
    return replace(site, spec=replace(site.spec, location=Location.HOSTED))
