"""What a party has of its grant is counted from the log that a real store wrote, to the request and to the byte."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from store_calls import Calls
from store_parties import BUCKET, Given
from store_servers import Store, wait_until
from store_sessions import allowed

from granting import GIVER
from issuers import Issuer
from tenantry.metering.meters import Meters, make_meter
from tenantry.metering.reading import parse, read_lines, tells_of_a_call
from tenantry.metering.report import write_report
from tenantry.metering.tally import Seen, Tally
from tenantry.objectstore.identities import end_identities, list_keys
from tenantry.objectstore.store import Store as Client

DAY = datetime.now(UTC).date()
APPROVALS = [
    {"by": f"{side}@gov.example", "role": "owner", "on": str(DAY - timedelta(days=2)), "reference": "CHG-2"}
    for side in ("provider", "consumer")
]
KEYS = ("published/a b+c é.txt", "published/x!y(z)=1", "published/deep/er/%2Fname")


@pytest.fixture
def given(store: Store, client: Client, calls: Calls, tokens: Issuer) -> Iterator[Given]:
    days = {"starts": DAY - timedelta(days=1), "ends": DAY + timedelta(days=1)}
    written = {name: day.isoformat() for name, day in days.items()}
    dataset = {"bucket": "records", "prefix": "published/", "access": "readWrite"}
    yield Given(store, client, calls, tokens, DAY, **written, dataset=dataset, approvals=APPROVALS)
    end_identities(client, GIVER)


def count(given: Given, client: Client, times: int = 1) -> dict[str, Any]:
    """Count the store's log so many times over."""
    meter = make_meter(given.grant, [given.tenant])
    assert meter is not None
    known = {client.credentials[0]: "", **list_keys(client)}
    tally = Tally(Meters([meter]), known.get)
    with Seen() as seen:
        for line in [*read_lines(given.store.log, lambda _: None)] * times:
            if line is None or tells_of_a_call(line):
                tally.count(parse(line or ""), seen)
    report = write_report(tally)
    return {**report["grants"][0]["total"], **report["lines"]}


def since(given: Given, client: Client, do: Callable[[Any], int]) -> dict[str, int]:
    """Give what is counted more, once a party has done something of so many requests."""
    session = given.enter()
    before = count(given, client)
    asked = do(session)
    wait_until("the log", lambda: count(given, client)["counted"] >= before["counted"] + asked)
    return {name: amount - before[name] for name, amount in count(given, client).items()}


def test_each_request_is_counted_and_where_the_store_tells_it_each_byte(given: Given, client: Client) -> None:
    sizes = [1, 1000, 70_000]

    def work(session: Any) -> int:  # noqa: ANN401  (boto3 makes its clients at run time)
        for key, size in zip(KEYS, sizes, strict=True):
            session.put_object(Bucket=BUCKET, Key=key, Body=b"x" * size)
            for _ in range(5):
                assert len(session.get_object(Bucket=BUCKET, Key=key)["Body"].read()) == size
        session.get_object(Bucket=BUCKET, Key=KEYS[2], Range="bytes=0-99")["Body"].read()
        session.head_object(Bucket=BUCKET, Key=KEYS[1])
        return 20

    found = since(given, client, work)
    assert (found["requests"], found["bytesReceived"], found["unreadable"]) == (20, sum(sizes), 0)
    if given.store.kind == "rgw":
        assert (found["bytesSent"], found["unsized"]) == (5 * sum(sizes) + 100, 0)
    else:
        # versitygw 1.8.0 writes 0 as the size of every download; that is told, and taken for no figure.
        assert (found["bytesSent"], found["unsized"]) == (0, 16)


def test_what_others_do_and_what_is_refused_is_not_the_grant_s(given: Given, client: Client) -> None:
    def work(session: Any) -> int:  # noqa: ANN401
        client.s3.put_object(Bucket=BUCKET, Key="published/by-the-platform", Body=b"1")
        client.s3.get_object(Bucket=BUCKET, Key="published/by-the-platform")["Body"].read()
        assert not allowed(session.get_object, Bucket=BUCKET, Key="private/a")
        assert not allowed(session.list_objects_v2, Bucket=BUCKET)
        session.list_objects_v2(Bucket=BUCKET, Prefix="published/")
        return 1

    found = since(given, client, work)
    assert (found["requests"], found["counted"], found["refused"], found["unknown"]) == (1, 1, 1, 0)
    assert found["bytesSent"] > 100


def test_a_log_that_is_given_twice_counts_once(given: Given, client: Client) -> None:
    since(given, client, lambda session: len([session.head_object(Bucket=BUCKET, Key="published/a") for _ in range(3)]))
    once, twice = count(given, client), count(given, client, times=2)
    assert twice["repeated"] == sum(once[name] for name in ("counted", "others", "refused", "outside", "unknown"))
    assert {**twice, "repeated": 0, "unreadable": 0} == {**once, "repeated": 0, "unreadable": 0}
