"""A request is a grant's by who asked, for what, and on which day; everything else is told apart, and nothing twice."""

from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import usage
from granting import DATASET, FIRST, GIVER, LAST, OTHER, PARTY, SERVICE, TAKER, giver, make_grant, taker
from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge
from tenantry.contract.model import Grant, Tenant
from tenantry.metering.calls import Call
from tenantry.metering.meters import Meters, make_meter
from tenantry.metering.page import write_page
from tenantry.metering.report import tell_lines, write_report
from tenantry.metering.tally import Fate, Seen, Tally

BUCKET, DAY = f"{GIVER}-records", date.fromisoformat(FIRST)
APP, WEB = f"{TAKER}.main.app", f"{TAKER}.main.web"
KNOWN = {"AKIAAPP": APP, "AKIAADMIN": ""}


def tenants() -> tuple[Tenant, ...]:
    """Give the giver, the taker, with accounts that use a grant each, and a tenant of its department."""
    accounts = [{"name": "app", "grants": ["border-certificates"]}, {"name": "web", "grants": ["web"]}]
    requests = (giver(), taker(serviceAccounts=accounts), taker(name="other-checks", id=OTHER))
    documents = Documents(requests=tuple(map(document, requests)), sites=sites(), departments=departments())
    return judge(documents, baseline()).tenants


def call(number: int = 1, **what: Any) -> Call:  # noqa: ANN401
    usual: dict[str, Any] = {
        "id": f"R{number}",
        "day": DAY,
        "requester": APP,
        "by_key": False,
        "bucket": BUCKET,
        "key": "published/a",
        "operation": "GET get_obj",
        "status": 200,
        "sent": 10,
        "received": 0,
    }
    return Call(**{**usual, **what})


def tally(*grants: Grant, calls: list[Call | None]) -> Tally:
    made = [make_meter(grant, tenants()) for grant in grants]
    found = Tally(Meters(meter for meter in made if meter is not None), KNOWN.get)
    with Seen() as seen:
        for one in calls:
            found.count(one, seen)
    return found


def fate(*grants: Grant, **what: Any) -> Fate:  # noqa: ANN401
    found = tally(*(grants or (make_grant(),)), calls=[call(**what)])
    return next(fate for fate, count in found.fates.items() if count)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({}, Fate.COUNTED),
        ({"requester": f"{TAKER}.other.job"}, Fate.COUNTED),
        ({"status": 404}, Fate.COUNTED),
        ({"requester": "AKIAAPP", "by_key": True}, Fate.COUNTED),
        ({"key": "", "operation": "POST multi_object_delete"}, Fate.COUNTED),
        ({"key": "published"}, Fate.OTHERS),
        ({"key": "private/a"}, Fate.OTHERS),
        ({"bucket": f"{GIVER}-other"}, Fate.OTHERS),
        ({"requester": f"{GIVER}.main.app"}, Fate.OTHERS),
        ({"requester": f"{OTHER}.main.app"}, Fate.OTHERS),
        ({"requester": TAKER}, Fate.OTHERS),
        ({"requester": f"{TAKER}.border-certificates"}, Fate.OTHERS),
        ({"requester": "admin"}, Fate.OTHERS),
        ({"requester": "-", "by_key": True}, Fate.OTHERS),
        ({"requester": "AKIAADMIN", "by_key": True}, Fate.OTHERS),
        ({"requester": "AKIAGONE", "by_key": True}, Fate.UNKNOWN),
        ({"status": 403}, Fate.REFUSED),
        ({"day": DAY - timedelta(days=1)}, Fate.OUTSIDE),
        ({"day": date.fromisoformat(LAST)}, Fate.COUNTED),
        ({"day": date.fromisoformat(LAST) + timedelta(days=1)}, Fate.OUTSIDE),
    ],
)
def test_a_request_is_a_grant_s_by_who_asked_for_what_on_which_day(what: dict[str, Any], expected: Fate) -> None:
    assert fate(**what) is expected


def test_a_party_is_its_own_identity_and_a_department_each_of_its_tenants() -> None:
    party = make_grant(consumer=PARTY)
    assert fate(party, requester=f"{GIVER}.border-certificates") is Fate.COUNTED
    assert fate(party, requester=f"{GIVER}.border.certificates") is Fate.OTHERS
    assert fate(party) is Fate.OTHERS
    department = make_grant(consumer={"department": "department-south"})
    assert fate(department, requester=f"{OTHER}.main.app") is Fate.COUNTED
    assert fate(department, requester=f"{GIVER}.main.app") is Fate.OTHERS


def test_a_grant_that_is_withdrawn_counts_until_the_day_before() -> None:
    withdrawn = make_grant(withdrawn="2027-03-02")
    assert fate(withdrawn, day=date(2027, 3, 1)) is Fate.COUNTED
    assert fate(withdrawn, day=date(2027, 3, 2)) is Fate.OUTSIDE


def test_of_several_grants_one_counts() -> None:
    wide = make_grant("wide", dataset={**DATASET, "prefix": "", "access": "readWrite"})
    web = make_grant("web")
    write = make_grant("write", dataset={**DATASET, "access": "write"})

    def counted(*grants: Grant, **what: Any) -> list[str]:  # noqa: ANN401
        return [name for name, _ in tally(*grants, calls=[call(**what)]).days]

    # By who names it, then by what it lets one do, then by the longest prefix, then by name; and only one in force.
    assert counted(wide, web, make_grant()) == ["border-certificates"]
    assert counted(wide, web, make_grant(), requester=WEB) == ["web"]
    assert counted(wide, web, requester=f"{TAKER}.main.job") == ["web"]
    assert counted(wide, web, key="private/a") == ["wide"]
    assert counted(wide, write, requester=f"{TAKER}.main.job") == ["wide"]
    assert counted(wide, write, requester=f"{TAKER}.main.job", operation="PUT put_obj") == ["write"]
    assert counted(wide, make_grant(withdrawn=FIRST)) == ["wide"]


def test_a_service_has_no_meter() -> None:
    assert make_meter(make_grant(service=SERVICE), tenants()) is None


def test_a_request_counts_once_and_each_object_of_one_that_deletes_several() -> None:
    calls: list[Call | None] = [call(), call(), call(key="published/b"), call(operation="GET other"), call(2), None]
    found = tally(make_grant(), calls=calls)
    assert (found.fates[Fate.COUNTED], found.fates[Fate.REPEATED], found.fates[Fate.UNREADABLE]) == (4, 1, 1)
    (amounts,) = found.days.values()
    assert (amounts.requests, amounts.sent) == (4, 40)


_calls = st.builds(
    call,
    st.integers(1, 20),
    requester=st.sampled_from([APP, WEB, f"{GIVER}.main.app", "admin"]),
    key=st.sampled_from(["published/a", "published/b", "private/a", ""]),
    status=st.sampled_from([200, 206, 403, 404]),
    day=st.sampled_from([DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)]),
    sent=st.integers(0, 2**40),
)


@given(st.lists(_calls | st.none(), max_size=60), st.randoms())
def test_every_line_is_told_of_once_and_their_order_changes_nothing(calls: list[Call | None], random: Any) -> None:  # noqa: ANN401
    # A request has one line, whatever it says.
    once = {one.id: one for one in calls if one is not None}
    calls = [once[one.id] if one is not None else None for one in calls]
    found = tally(make_grant(), make_grant("web"), calls=calls)
    assert sum(found.fates.values()) == len(calls)
    assert sum(amounts.requests for amounts in found.days.values()) == found.fates[Fate.COUNTED]
    assert found.fates[Fate.REPEATED] == sum(one is not None for one in calls) - len(once)
    random.shuffle(calls)
    assert write_report(tally(make_grant(), make_grant("web"), calls=calls)) == write_report(found)


class Elements(HTMLParser):
    """What a browser would make of a page: its elements, and the text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        assert not any(name.startswith("on") or name == "src" for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "$title ${x} {{7*7}} %s"]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_page_shows_hostile_texts_as_they_are(text: str) -> None:
    report: dict[str, Any] = dict(usage.report())
    report["grants"][0].update(consumer=text, prefix=text)
    plain, found = Elements(write_page(usage.report())), Elements(write_page(report))
    assert found.names == plain.names
    assert found.text.count(text) == 2


def test_what_became_of_the_lines_is_said() -> None:
    said = tell_lines(usage.report())
    for words in ("20 lines read", "11 counted", "1 by keys that nobody knows", "1 unreadable", "Of 1 request (+)"):
        assert words in said
    assert tell_lines(write_report(tally(make_grant(), calls=[]))) == "0 lines read: none counted."
