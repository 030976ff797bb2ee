"""Tenants are placed together: whatever they ask for, no site is over its capacity, and everybody is told why."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from examples import minimal
from judging import OPEN, codes, judged
from strategies import baseline, completed, departments, sites
from tenantry.contract.demand import AMOUNTS, add_up, find_demand
from tenantry.contract.model import Bytes, Millicores, Placement, Quota, Site, Tenant
from tenantry.contract.placement import why_not
from tenantry.contract.placing import Asked, Placed, place_all

SITES = ("east", "north", "west")
World = tuple[list[Asked], dict[str, Site]]


@cache
def some(word: str) -> Tenant:
    return completed(minimal(classification=word, buckets=[{"name": "records", "quota": "3"}]))


def quotas(most: int) -> st.SearchStrategy[Quota]:
    amounts = st.integers(1, most)
    return st.builds(
        lambda cpu, memory, storage, pods: Quota(Millicores(cpu), Bytes(memory), Bytes(storage), pods),
        *(amounts,) * 4,
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Give some tenants and three small sites, of which one may not hold every class."""
    around = {}
    for name in SITES:
        spec = replace(
            sites()["site-north"].spec, capacity=draw(quotas(40)), region="north" if name != "west" else "south"
        )
        around[name] = replace(
            sites()["site-north"], metadata=replace(sites()["site-north"].metadata, name=name), spec=spec
        )
    asked = []
    for number in draw(st.lists(st.integers(0, 99), unique=True, max_size=8)):
        tenant = some(draw(st.sampled_from(["open", "restricted"])))
        placement = Placement(draw(st.none() | st.sampled_from(SITES)), None, None)
        spec = replace(tenant.spec, id=f"t-place0{number:02}", quota=draw(quotas(20)), placement=placement)
        asked.append(Asked(replace(tenant, spec=spec), departments()["department-north"], baseline()))
    return asked, around


def by_id(asked: Sequence[Asked], placed: Sequence[Placed]) -> dict[str, Placed]:
    return {one.tenant.id: found for one, found in zip(asked, placed, strict=True)}


def where(asked: Sequence[Asked], placed: Sequence[Placed]) -> dict[str, str]:
    return {tenant: found.site.name for tenant, found in by_id(asked, placed).items() if found.site is not None}


@given(worlds())
@settings(max_examples=300)
def test_no_site_is_over_its_capacity(world: World) -> None:
    asked, around = world
    homes = where(asked, place_all(asked, around, {}))
    for name, site in around.items():
        taken = add_up(find_demand(one.tenant) for one in asked if homes.get(one.tenant.id) == name)
        assert all(getattr(taken, what) <= getattr(site.spec.capacity, what) for what in AMOUNTS)


@given(worlds(), st.randoms())
@settings(max_examples=200)
def test_the_order_in_which_they_are_read_decides_nothing(world: World, dice: object) -> None:
    asked, around = world
    before = by_id(asked, place_all(asked, around, {}))
    shuffled, turned = list(asked), dict(reversed(around.items()))
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert by_id(shuffled, place_all(shuffled, turned, {})) == before


@given(worlds())
@settings(max_examples=200)
def test_who_names_a_site_gets_it_or_is_told_all_that_stands_against_it(world: World) -> None:
    asked, around = world
    for one, found in zip(asked, place_all(asked, around, {}), strict=True):
        named = one.tenant.spec.placement.site
        if named is None:
            continue
        assert found.site in (None, around[named])
        if found.site is None:
            told = found.reasons[named]
            assert told
            assert set(why_not(one.tenant, around[named], one.department, one.baseline)) <= set(told)


@given(worlds(), worlds())
@settings(max_examples=200)
def test_who_lives_somewhere_stays_whoever_comes(world: World, more: World) -> None:
    asked, around = world
    homes = where(asked, place_all(asked, around, {}))
    ids = {one.tenant.id for one in asked}
    everyone = [one for one in asked if one.tenant.id in homes] + [one for one in more[0] if one.tenant.id not in ids]
    after = where(everyone, place_all(everyone, around, homes))
    assert {tenant: after[tenant] for tenant in homes} == homes


@given(worlds())
@settings(max_examples=200)
def test_where_nothing_is_contested_nobody_depends_on_the_others(world: World) -> None:
    asked, around = world
    placed = place_all(asked, around, {})
    if any(one.contested for one in placed):
        return
    homes = where(asked, placed)
    for one in asked:
        if one.tenant.spec.placement.site is None:
            assert where([one], place_all([one], around, {})).get(one.tenant.id) == homes.get(one.tenant.id)


@given(worlds())
@settings(max_examples=100)
def test_of_each_site_it_is_told_why_or_why_not(world: World) -> None:
    asked, around = world
    for found in place_all(asked, around, {}):
        assert set(found.others) == set(around) - {found.site.name if found.site else ""}
        assert all(found.others.values())
        assert bool(found.why) == (found.site is not None) or found.named


def small(**capacity: int) -> dict[str, Site]:
    """The two sites, of which that in the north holds less."""
    north = sites()["site-north"]
    room = replace(north.spec.capacity, **capacity)
    return {**sites(), "site-north": replace(north, spec=replace(north.spec, capacity=room))}


def test_a_full_site_is_told_with_what_is_left_of_it() -> None:
    one, two = (minimal(f"n{n}", **OPEN, id=f"t-aaaaaaa{n}", quota={"pods": 60}) for n in (1, 2))
    judgement = judged(two, one, sites=small(pods=100))
    assert [tenant.spec.placement.site for tenant in judgement.tenants] == ["site-north", "site-south"]
    first, second = (judgement.placed[tenant] for tenant in ("t-aaaaaaa1", "t-aaaaaaa2"))
    assert first.why == "the first, of its department's region and sector"
    assert first.others == {"site-south": "could hold it, and comes after"}
    assert second.why == "the first that can hold it, of its department's sector"
    assert second.others == {"site-north": "has 40 pods left of 100, and 60 is asked for"}
    named = {**two, "spec": {**two["spec"], "placement": {"site": "site-north"}}}
    (found,) = judged(
        {**one, "spec": {**one["spec"], "placement": {"site": "site-north"}}}, named, sites=small(pods=100)
    ).problems
    assert (found.code, found.message) == ("TEN-144", "site site-north has 40 pods left of 100, and 60 is asked for")


def test_what_buckets_may_hold_is_part_of_the_storage() -> None:
    raw = minimal(**OPEN, quota={"storage": "10Gi"}, buckets=[{"name": "a", "quota": "90Gi"}])
    world = small(storage=99 << 30)
    assert codes(judged({**raw, "spec": {**raw["spec"], "placement": {"site": "site-north"}}}, sites=world)) == [
        "TEN-144"
    ]
    (tenant,) = judged(raw, sites=world).tenants
    assert tenant.spec.placement.site == "site-south"
    department = departments()["department-north"]
    ceiling = replace(department.spec.ceiling, storage=Bytes(99 << 30))
    world = {"department-north": replace(department, spec=replace(department.spec, ceiling=ceiling))}
    (found,) = judged(raw, departments=world).problems
    assert (found.code, found.message) == (
        "TEN-104",
        "quota.storage and the quotas of its buckets are 100Gi, above the department's ceiling of 99Gi",
    )
