"""The rules that a schema can't say: each refuses with its code at its place, and lets the sound request through."""

from dataclasses import replace
from typing import Any

import pytest

from examples import minimal
from judging import OPEN, codes, judged
from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete, judge
from tenantry.contract.model import Bytes, Location, Site
from tenantry.contract.reading.document import Document
from tenantry.contract.reading.reader import read_text
from tenantry.contract.reading.schema import load_schema, validate
from tenantry.problems import InputError

LEASE = {"starts": "2026-12-01", "ends": "2026-12-01", "reason": "Trial."}
LINK = {"direction": "to", "port": 443, "reason": "Asks."}


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"department": "nobody"}, "TEN-133"),
        ({"placement": {"site": "nowhere"}}, "TEN-134"),
        ({"baseline": "1999.1"}, "TEN-135"),
        ({"size": "enormous"}, "TEN-148"),
        ({"serviceAccounts": [{"name": "app", "namespace": "other"}]}, "TEN-136"),
        ({"serviceAccounts": [{"name": "app", "buckets": [{"bucket": "b", "access": "read"}]}]}, "TEN-137"),
        ({"lease": LEASE}, "TEN-138"),
        ({"intents": [{**LINK, "tenant": "t-unknown1"}]}, "TEN-139"),
        ({"intents": [{**LINK, "tenant": "t-4f9x2k7q"}]}, "TEN-139"),
        ({"buckets": [{"name": "a", "retentionDays": 2554}]}, "TEN-140"),
        ({**OPEN, "buckets": [{"name": "a", "lock": True}]}, "TEN-140"),
        ({"buckets": [{"name": "a", "versions": False}]}, "TEN-141"),
        ({"buckets": [{"name": "a", "lock": False}]}, "TEN-142"),
        ({"buckets": [{"name": "a", "publish": True}]}, "TEN-143"),
        ({"placement": {"site": "site-south"}}, "TEN-144"),
        ({"placement": {"region": "south"}}, "TEN-145"),
        ({"namespaces": [{"name": "main"}, {"name": "main"}]}, "TEN-147"),
        ({"buckets": [{"name": "a"}, {"name": "a"}]}, "TEN-147"),
        ({"serviceAccounts": [{"name": "a"}, {"name": "a", "namespace": "main"}]}, "TEN-147"),
        ({"egress": [{"cidr": "169.254.169.254/32", "port": 80, "reason": "Asks."}]}, "TEN-149"),
        ({"egress": [{"cidr": "fd00:ec2::254/128", "port": 80, "reason": "Asks."}]}, "TEN-149"),
        ({"intents": [{**LINK, "cidr": "0.0.0.0/0"}]}, "TEN-149"),
        ({"egress": [{"cidr": "::ffff:169.254.169.254/128", "port": 80, "reason": "Asks."}]}, "TEN-149"),
        ({"intents": [{**LINK, "cidr": "::ffff:0:0/96"}]}, "TEN-149"),
        ({"placement": {"site": "site-north"}, "intents": [{**LINK, "cidr": "10.96.0.0/16"}]}, "TEN-149"),
        ({**OPEN, "egress": [{"cidr": "10.244.9.0/24", "port": 80, "reason": "Asks."}]}, "TEN-145"),
        ({"ingress": {"hosts": ["a.example"]}}, "TEN-152"),
        ({"intents": [{**LINK, "direction": "from", "host": "a.example"}]}, "TEN-155"),
        ({"limits": {"defaultCpu": "10m", "defaultRequestCpu": "11m"}}, "TEN-156"),
        ({"limits": {"defaultMemory": "1Mi"}}, "TEN-156"),
    ],
)
def test_a_rule_refuses_with_its_code(spec: dict[str, Any], code: str) -> None:
    assert code in codes(judged(minimal(**spec)))


def test_the_sound_request_passes_every_rule() -> None:
    judgement = judged(minimal())
    assert (judgement.problems, judgement.unjudged) == ((), ())


def test_ids_and_names_have_one_owner() -> None:
    one, other = minimal(), minimal(name="other")
    assert codes(judged(one, other)) == ["TEN-130"]
    assert codes(judged(one, minimal(id="t-other111"))) == ["TEN-131"]
    assert codes(judged(one, minimal(id="t-other111", department="department-south"))) == []


@pytest.mark.parametrize(
    ("mine", "theirs", "clash"),
    [
        ("a.example", "a.example", True),
        ("a.example", "b.example", False),
        ("*.gov.example", "a.gov.example", True),
        ("*.gov.example", "a.b.gov.example", True),
        ("*.gov.example", "gov.example", False),
        ("*.gov.example", "*.a.gov.example", True),
        ("*.gov.example", "*.gov.example", True),
        ("*.a.example", "*.b.example", False),
        ("*.gov.example", "agov.example", False),
    ],
)
def test_a_host_has_one_owner_whoever_asks_first(mine: str, theirs: str, clash: bool) -> None:
    for first, second in ((mine, theirs), (theirs, mine)):
        owner = minimal(**OPEN, ingress={"hosts": [first]})
        late = minimal(name="late", **OPEN, id="t-other111", ingress={"hosts": [second]})
        found = judged(owner, late).problems
        assert [problem.code for problem in found] == (["TEN-132"] if clash else [])
        assert all("vaccine-records" in problem.message for problem in found)


def test_one_tenant_may_own_a_host_and_its_wildcard() -> None:
    assert codes(judged(minimal(**OPEN, ingress={"hosts": ["a.gov.example", "*.gov.example"]}))) == []


def test_quotas_stay_within_the_ceiling_alone_and_together() -> None:
    department = departments()["department-north"]
    spec = replace(department.spec, ceiling=replace(department.spec.ceiling, memory=Bytes(10 << 30)))
    world = {"departments": {"department-north": replace(department, spec=spec)}}
    alone = judged(minimal(quota={"memory": "11Gi"}), **world)
    assert [problem.message for problem in alone.problems] == [
        "quota.memory is 11Gi, above the department's ceiling of 10Gi"
    ]
    pair = [minimal(name=f"n{n}", id=f"t-aaaaaaa{n}", quota={"memory": "4Gi"}) for n in range(3)]
    assert codes(judged(*pair[:2], **world)) == []
    assert codes(judged(*pair, **world)) == ["TEN-104"]


def test_a_tenant_is_told_of_its_departments_ceiling_where_others_have_passed_it_before() -> None:
    department = departments()["department-north"]
    spec = replace(department.spec, ceiling=replace(department.spec.ceiling, memory=Bytes(10 << 30)))
    raws = [minimal(name=f"n{n}", id=f"t-aaaaaaa{n}", quota={"memory": "6Gi"}) for n in range(4)]
    requests = [replace(document(raw), file=f"{number}.yaml") for number, raw in enumerate(raws)]
    known: dict[str, Any] = {"sites": sites(), "departments": {department.name: replace(department, spec=spec)}}
    around = frozenset({"0.yaml", "1.yaml"})
    problems = judge(Documents(requests=tuple(requests), context_files=around, **known), baseline()).problems
    assert [(problem.code, problem.file) for problem in problems] == [("TEN-104", "1.yaml"), ("TEN-104", "2.yaml")]


def test_a_group_is_one_that_the_department_names_where_it_names_any() -> None:
    department = departments()["department-north"]
    named = replace(department, spec=replace(department.spec, groups=("north-developers", "auditors")))
    access = [{"group": group, "role": "developer"} for group in ("auditors", "north-developer")]
    raw = minimal(access=access)
    assert codes(judged(raw)) == []
    (found,) = judged(raw, departments={"department-north": named}).problems
    assert (found.code, "north-developer isn't" in found.message) == ("TEN-176", True)
    assert found.fix.startswith("write north-developers, or")


def broken(raw: dict[str, Any]) -> Document:
    """Give a document with a problem of its own, as `read_documents` would."""
    found = replace(document({**raw, "spec": {**raw["spec"], "unheard-of": 1}}), file="broken.yaml")
    assert validate(found)
    return found


def test_what_is_only_broken_is_not_called_unknown() -> None:
    example = load_schema("Department")["examples"][0]
    department = broken({**example, "metadata": {"name": "department-west"}})
    (found,) = judged(minimal(department="department-west"), broken=(department,)).problems
    assert found.code == "TEN-133"
    assert "the document of the department department-west has problems of its own, in broken.yaml:" in found.message

    site = broken({**load_schema("Site")["examples"][0], "metadata": {"name": "site-west"}})
    (found,) = judged(minimal(placement={"site": "site-west"}), broken=(site,)).problems
    assert (found.code, "broken.yaml" in found.message) == ("TEN-134", True)
    (found,) = judged(minimal(placement={"region": "west"}), broken=(site,)).problems
    assert (found.code, "the document of site-west has problems of its own" in found.message) == ("TEN-145", True)
    judgement = judged(minimal(), broken=(site,), sites={})
    assert any("because no Site was sound" in one for one in judgement.unjudged)

    peer = broken(minimal(name="peer", id="t-other111"))
    assert codes(judged(minimal(intents=[{**LINK, "tenant": "t-other111"}]), broken=(peer,))) == []


def test_a_broken_request_still_claims_its_id_its_name_and_its_hosts() -> None:
    mine = minimal(**OPEN, ingress={"hosts": ["a.example", "*.b.example"]})
    theirs = minimal(**OPEN, ingress={"hosts": [7, "a.example", "x.b.example", "c.example"]})
    found = judged(mine, broken=(broken(theirs),)).problems
    assert [problem.code for problem in found] == ["TEN-130", "TEN-131"]
    theirs = minimal(**OPEN, id=["none"], ingress={"hosts": [7, "a.example", "x.b.example", "c.example"]})
    found = judged(mine, broken=(broken({**theirs, "metadata": 1}),)).problems
    assert [(problem.code, problem.file) for problem in found] == [("TEN-132", "broken.yaml")] * 2
    for nothing in ({"spec": {"ingress": {"hosts": "a.example"}}}, {"spec": {"ingress": []}}, {"spec": {}}):
        assert codes(judged(mine, broken=(broken({**theirs, **nothing}),))) == []


def test_known_peers_may_be_named() -> None:
    peer = minimal(name="peer", id="t-other111")
    assert codes(judged(minimal(intents=[{**LINK, "tenant": "t-other111"}]), peer)) == []


def site(**changes: Any) -> dict[str, Site]:  # noqa: ANN401
    known = sites()["site-north"]
    return {"site-north": replace(known, spec=replace(known.spec, **changes))}


@pytest.mark.parametrize(
    ("lacks", "spec", "code"),
    [
        ("bucket.versions", {"buckets": [{"name": "a"}]}, "TEN-144"),
        ("bucket.objectLock", {"buckets": [{"name": "a"}]}, "TEN-144"),
        ("bucket.policy", {"buckets": [{"name": "a"}]}, "TEN-144"),
        ("network.fqdn", {"egress": [{"host": "a.example", "port": 443, "reason": "Asks."}]}, "TEN-146"),
        ("network.fqdn", {"intents": [{**LINK, "host": "a.example"}]}, "TEN-146"),
    ],
)
def test_a_site_that_lacks_a_capability_is_refused_with_its_name(lacks: str, spec: dict[str, Any], code: str) -> None:
    able = sites()["site-north"].spec.capabilities
    lacking = {"sites": site(capabilities=tuple(one for one in able if one != lacks))}
    named = judged(minimal(**spec, placement={"site": "site-north"}), **lacking)
    assert codes(named) == [code]
    assert lacks in named.problems[0].message
    unnamed = judged(minimal(**spec), **lacking)
    assert codes(unnamed) == ["TEN-145"]
    assert lacks in unnamed.problems[0].message


@pytest.mark.parametrize(
    ("capabilities", "fits"),
    [
        ((), False),
        (("store.diskEncryption",), False),
        (("store.ownKey",), False),
        (("store.diskEncryption", "store.ownKey"), True),
        (("bucket.encryption",), True),
    ],
)
def test_restricted_data_needs_a_key_of_its_own(capabilities: tuple[str, ...], fits: bool) -> None:
    assert codes(judged(minimal(), sites=site(capabilities=capabilities))) == ([] if fits else ["TEN-145"])


@pytest.mark.parametrize(
    "change",
    [{"location": Location.HOSTED}, {"node_pools": {}}, {"classifications": ("open",)}, {"region": "south"}],
)
def test_restricted_data_stays_on_premises_in_its_region_on_its_own_nodes(change: dict[str, Any]) -> None:
    assert codes(judged(minimal(), sites=site(**change))) == ["TEN-145"]


def test_the_site_of_the_region_comes_first_and_the_choice_is_always_the_same() -> None:
    for _ in range(3):
        (tenant,) = judged(minimal(**OPEN)).tenants
        assert tenant.spec.placement.site == "site-north"
    (elsewhere,) = judged(minimal(**OPEN, department="department-south")).tenants
    assert elsewhere.spec.placement.site == "site-south"


def test_placing_says_why_not_each_site() -> None:
    (found,) = judged(minimal(), sites={**site(node_pools={}), "site-south": sites()["site-south"]}).problems
    assert (found.code, "site-north has no node pool" in found.message) == ("TEN-145", True)
    assert "site-south isn't in north, the department's region" in found.message


def test_complete_refuses_all_at_once_and_unknown_departments_too() -> None:
    bad = [minimal(size="enormous"), minimal(name="b", id="t-other111", department="nobody")]
    with pytest.raises(InputError) as refused:
        complete(Documents(requests=tuple(document(raw) for raw in bad)), baseline())
    assert {problem.code for problem in refused.value.problems} >= {"TEN-148", "TEN-133"}


def test_a_tenant_that_is_looked_at_alone_may_have_peers_and_is_not_its_own() -> None:
    raw = minimal(intents=[{**LINK, "tenant": "t-unknown1"}])
    documents = Documents(requests=(document(raw),), sites=sites(), departments=departments())
    (alone,) = complete(documents, baseline(), assume_peers=True)
    assert alone.id == "t-4f9x2k7q"
    with pytest.raises(InputError, match="TEN-139"):
        complete(documents, baseline())
    itself = replace(documents, requests=(document(minimal(intents=[{**LINK, "tenant": "t-4f9x2k7q"}])),))
    with pytest.raises(InputError, match="TEN-139"):
        complete(itself, baseline(), assume_peers=True)


def test_a_problem_stands_at_the_property_it_is_about() -> None:
    text = (
        "apiVersion: tenantry.dev/v1\nkind: Tenant\nmetadata: {name: a}\nspec:\n  id: t-4f9x2k7q\n"
        "  department: department-north\n  template: service\n  environment: prod\n  classification: open\n"
        "  buckets:\n    - name: x\n    - name: y\n      versions: false\n"
    )
    (request,), _ = read_text(text, "x.yaml")
    documents = Documents(requests=(request,), sites=sites(), departments=departments())
    (found,) = judge(documents, baseline()).problems
    assert (found.code, found.file, found.line, found.column) == ("TEN-141", "x.yaml", 13, 17)
