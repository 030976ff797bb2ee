"""The matrix as a page and as JSON."""

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from isolation.matrix import PLATFORM, Attempt, Cell, Place, Surface, gather

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{margin-top:2.2rem;font-size:1.15rem}
.sum{font-size:1.05rem;padding:.7rem 1rem;border-left:6px solid #1a7f37;background:#eaf6ec}
.sum.red{border-color:#b42318;background:#fdecea}
table{border-collapse:collapse;width:100%}th,td{border:1px solid #d5d9de;padding:.25rem .5rem;text-align:right}
td,th{white-space:nowrap}
th{font-weight:600;text-align:left;background:#f5f6f8}thead th{vertical-align:bottom}
td{font-variant-numeric:tabular-nums;background:#f2faf4}
td.own{background:#eef0f3;color:#59636e}td.some{background:#fff4d6}td.red{background:#f6b8b1;font-weight:700}
td.none{background:#fff}small{color:#59636e}li{margin:.2rem 0}code{font-size:.92em}
"""
_TITLES = {
    Surface.KUBERNETES: "Kubernetes",
    Surface.STORE: "Object store and identities",
    Surface.NETWORK: "Network, by the policies that live at the sites",
}
_MOST_TOLD = 200


def write_report(attempts: Sequence[Attempt], folder: Path, facts: str) -> tuple[Path, Path]:
    """Write both, and give where they lie."""
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / "isolation.html", folder / "isolation.json"
    cells = gather(attempts)
    page.write_text(_write_page(attempts, cells, facts), encoding="utf-8")
    data.write_bytes(orjson.dumps(_plain(attempts, cells), option=orjson.OPT_INDENT_2))
    return page, data


def _plain(attempts: Sequence[Attempt], cells: dict[Place, Cell]) -> dict[str, Any]:
    """Give the cells, and each attempt as surface, who, target, action, what allows it, opened and answer."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "attempts": len(attempts),
        "against": sum(not one.is_expected for one in attempts),
        "cells": [
            {
                "surface": surface,
                "who": who,
                "target": target,
                "attempts": cell.attempts,
                "refused": cell.refused,
                "allowed": cell.allowed,
                "against": [f"{one.action}: {one.answer}" for one in cell.against],
            }
            for (surface, who, target), cell in cells.items()
        ],
        "tried": [
            [one.surface, one.who, one.target, one.action, one.allowed_by, one.opened, one.answer] for one in attempts
        ],
    }


def _write_page(attempts: Sequence[Attempt], cells: dict[Place, Cell], facts: str) -> str:
    against = [one for one in attempts if not one.is_expected]
    verdict = (
        f"{len(attempts):,} attempts, {len(against):,} against expectation"
        if against
        else f"{len(attempts):,} attempts, none against expectation"
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Isolation: {verdict}</title><style>{_STYLE}</style>",
        f"<h1>Isolation matrix</h1><p><small>{datetime.now(UTC):%d %B %Y, %H:%M} UTC. {_safe(facts)}</small>",
        f"<p class='sum{' red' if against else ''}'>{verdict}.</p>",
        "<p>Each row is one credential, each column whose it is that was tried. A cell has how many attempts were "
        "refused, and how many let in by what a request, a grant, an intent or a publication says, listed below.</p>",
        *(_write_table(surface, cells) for surface in Surface),
        _write_against(against),
    ]
    return "\n".join(parts)


def _write_table(surface: Surface, cells: dict[Place, Cell]) -> str:
    own = {place: cell for place, cell in cells.items() if place[0] is surface}
    rows = list(dict.fromkeys(who for _, who, _ in own))
    columns = sorted(dict.fromkeys(target for _, _, target in own), key=lambda target: target == PLATFORM)
    head = "".join(f"<th scope=col>{_safe(one)}</th>" for one in columns)
    body = ""
    for who in rows:
        row = "".join(_write_cell(own.get((surface, who, one)), who, one) for one in columns)
        body += f"<tr><th scope=row>{_safe(who)}</th>{row}</tr>"
    allowed = [
        f"<li><b>{_safe(who)}</b> at <b>{_safe(target)}</b>, by {_safe(why)}: {_safe(', '.join(sorted({*done})))}</li>"
        for (_, who, target), cell in sorted(own.items())
        for why, done in cell.allowed.items()
    ]
    total = sum(cell.attempts for cell in own.values())
    return (
        f"<h2>{_TITLES[surface]} <small>{total:,} attempts</small></h2>"
        f"<table><thead><tr><th>who</th>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<details><summary>{len(allowed)} allowed, and why</summary><ul>{''.join(allowed)}</ul></details>"
    )


def _write_cell(cell: Cell | None, who: str, target: str) -> str:
    if cell is None:
        return "<td class=none></td>"
    allowed = sum(map(len, cell.allowed.values()))
    kind = "red" if cell.against else "own" if who.startswith(f"{target}.") else "some" if allowed else ""
    told = f"{cell.refused:,}" + (f" + {allowed}" if allowed else "")
    wrong = f"; {len(cell.against)} against" if cell.against else ""
    return f"<td class='{kind}'>{told}{wrong}</td>"


def _write_against(against: Sequence[Attempt]) -> str:
    if not against:
        return ""
    told = "".join(
        f"<li><b>{_safe(one.who)}</b> at <b>{_safe(one.target)}</b>: <code>{_safe(one.action)}</code> "
        f"{'was let in' if one.opened else f'was refused, though {_safe(one.allowed_by)} allows it'} "
        f"({_safe(one.answer)})</li>"
        for one in against[:_MOST_TOLD]
    )
    more = f"<p>And {len(against) - _MOST_TOLD:,} more, in the JSON.</p>" if len(against) > _MOST_TOLD else ""
    return f"<h2>Against expectation</h2><ul>{told}</ul>{more}"


def _safe(text: str) -> str:
    return html.escape(text, quote=True)
