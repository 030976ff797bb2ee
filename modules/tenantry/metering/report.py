"""What grants were used for, as a document: `usage.json`, of which the page is made, too."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from datetime import date
from typing import Any

from tenantry.metering.meters import Meter
from tenantry.metering.tally import Amounts, Tally

DOCUMENT = "usage.json"
PAGE = "index.html"


def write_report(tally: Tally) -> dict[str, Any]:
    """Give what was counted, by grant and day: the same lines, in whatever order, give the same document."""
    days = sorted(day for _, day in tally.days)
    return {
        "from": days[0].isoformat() if days else None,
        "until": days[-1].isoformat() if days else None,
        "grants": [_grant(one, _days_of(one, tally.days)) for one in tally.meters.every],
        "lines": {fate.value: count for fate, count in tally.fates.items()},
    }


def _days_of(meter: Meter, counted: Mapping[tuple[str, date], Amounts]) -> list[tuple[date, Amounts]]:
    found = [(day, amounts) for (name, day), amounts in counted.items() if name == meter.grant.name]
    return sorted(found, key=lambda one: one[0])


def _grant(meter: Meter, days: list[tuple[date, Amounts]]) -> dict[str, Any]:
    spec = meter.grant.spec
    return {
        "grant": meter.grant.name,
        "provider": spec.provider,
        "consumer": str(spec.consumer),
        "bucket": meter.bucket,
        "prefix": meter.prefix,
        "ceiling": spec.ceiling.value,
        "first": meter.first.isoformat(),
        "last": meter.last.isoformat(),
        "total": _plain(_add_up(amounts for _, amounts in days)),
        "days": [{"day": day.isoformat(), **_plain(amounts)} for day, amounts in days],
    }


def _add_up(every: Iterable[Amounts]) -> Amounts:
    return Amounts(*map(sum, zip(*map(astuple, every), strict=True)))


def _plain(amounts: Amounts) -> dict[str, int]:
    return {
        "requests": amounts.requests,
        "bytesSent": amounts.sent,
        "bytesReceived": amounts.received,
        "unsized": amounts.unsized,
    }


def tell_lines(report: Mapping[str, Any]) -> str:
    """Say in a sentence or two what became of the lines that were read."""
    lines = report["lines"]
    total = sum(lines.values())
    told = [f"{lines[name]:,} {words}" for name, words in _WORDS.items() if lines[name]]
    every = f"{total:,} line{'' if total == 1 else 's'} read: {', '.join(told) or 'none counted'}."
    unsized = sum(one["total"]["unsized"] for one in report["grants"])
    if unsized:
        several = "request" if unsized == 1 else "requests"
        every += f" Of {unsized:,} {several} (+) the log tells no bytes, so that none were counted."
    return every


_WORDS = {
    "counted": "counted",
    "others": "of others, or elsewhere",
    "refused": "refused",
    "outside": "on days on which the grant wasn't in force",
    "unknown": "by keys that nobody knows",
    "repeated": "given more than once",
    "unreadable": "unreadable",
}
