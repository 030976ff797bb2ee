"""The facts of hosts, between the contract, which reads them, and the policies, which judge them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tenantry.contract.reading.document import Document
from tenantry.policy.documents.model import Placed, Source
from tenantry.problems import Problem

OLDEST = timedelta(days=7)
"""How old facts may be: what a host was like before says little of what it is like now."""
_FASTER = timedelta(minutes=5)
"""How far a host's clock may be ahead of this one."""


def judge_age(document: Document, now: datetime) -> Problem | None:
    """Refuse facts that were collected too long ago, or haven't been yet; policies have no clock to say so."""
    age = now - datetime.fromisoformat(document.spec["collected"])
    host, at = document.name, ("spec", "collected")
    if age < -_FASTER:
        what = f"the facts of {host} are from a time to come: it is {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return document.problem("TEN-640", what, "set the clocks of the host and of this machine right", at)
    if age > OLDEST:
        what = f"the facts of {host} are {age.days} days old, more than {OLDEST.days}"
        return document.problem("TEN-641", what, "collect them again", at)
    return None


def place_hosts(documents: Iterable[Document]) -> list[Placed]:
    """Give facts to policies as objects; only for documents that the schema has passed."""
    return [Placed(one.data, Source(one.file, one.start.line)) for one in documents]
