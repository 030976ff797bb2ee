"""Writes what grants were used for as a page that stands by itself: it loads nothing, and runs nothing."""

from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from tenantry.metering.report import DOCUMENT, tell_lines
from tenantry.pages import name_inline, read_part

Node = Mapping[str, Any]


def write_page(report: Node) -> str:
    """Make the page of a report, with the same grants in the same order. Whatever comes of documents is escaped."""
    style = read_part(__file__, "page.css")
    return Template(read_part(__file__, "page.html")).substitute(
        title=escape(_title(report)),
        document=DOCUMENT,
        lines=escape(tell_lines(report)),
        grants="\n".join(map(_section, report["grants"])) or "<p>No grant is metered.</p>",
        style=style,
        style_hash=name_inline(style),
    )


def _title(report: Node) -> str:
    if report["from"] is None:
        return "Use of grants"
    if report["from"] == report["until"]:
        return f"Use of grants on {report['from']}"
    return f"Use of grants from {report['from']} to {report['until']}"


def _section(grant: Node) -> str:
    name = escape(grant["grant"])
    head = "".join(f"<th>{word}</th>" for word in ("Day", "Requests", "Bytes sent", "Bytes received"))
    rows = "\n".join(_row(day["day"], day) for day in grant["days"])
    table = (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n'
        f"<tfoot>{_row('All', grant['total'])}</tfoot>\n</table></div>"
        if grant["days"]
        else "<p>It wasn't used.</p>"
    )
    where = escape(f"{grant['bucket']}/{grant['prefix']}")
    told = f"For {escape(grant['consumer'])}, {grant['first']} to {grant['last']}, of <code>{where}</code>"
    return f'<section id="{name}">\n<h2>{name}</h2>\n<p class="quiet">{told}</p>\n{table}\n</section>'


def _row(name: str, amounts: Node) -> str:
    sent = f"{amounts['bytesSent']:,}{' +' if amounts['unsized'] else ''}"
    cells = (escape(name), f"{amounts['requests']:,}", sent, f"{amounts['bytesReceived']:,}")
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
