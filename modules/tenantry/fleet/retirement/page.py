"""The certificate as one page that needs nothing but itself, for reading and for paper."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Certificate of retirement: {title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }}
h1 {{ font-size: 1.6rem; border-bottom: 3px solid #1d4f91; padding-bottom: .5rem; }}
h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #c8c8c8; }}
th {{ font-weight: 600; background: #f2f5f9; }}
code {{ font-size: .85em; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>Certificate of retirement: {title}</h1>
{body}
</body>
</html>
"""


def write_page(certificate: Mapping[str, Any]) -> str:
    """Write a certificate as HTML. Whatever comes of documents and of stores is escaped."""
    spec = certificate["spec"]
    tenant = spec["tenant"]
    facts = [
        ("Tenant", f"{tenant['name']} ({tenant['id']}), {tenant['environment']}"),
        ("Department", tenant["department"]),
        ("Class of data", tenant["classification"]),
        ("Site", spec["site"]),
        ("Baseline", f"{spec['baseline']}, tenantry {spec['tenantry']}"),
        ("Reason", spec.get("reason", "no retirement is on file: nothing of it held data")),
        ("Begun, ended", f"{spec['started']}, {spec['ended']}"),
    ]
    approvals = [(one["by"], one["role"], one["on"], one["reference"]) for one in spec["approvals"]]
    parts = [
        _table(("", ""), facts),
        "<h2>Approved by</h2>",
        _table(("who", "as", "on", "recorded in"), approvals) if approvals else "<p>Nobody's approval is on file.</p>",
        "<h2>Data</h2>",
        _buckets(spec["buckets"]),
        f"<h2>Gone: {len(spec['gone'])} objects that no longer answer</h2>",
        f"<p>{'<br>'.join(_code(one) for one in spec['gone']) or 'There were none.'}</p>",
        "<h2>Digests</h2>",
        _table(("of", "SHA-256"), _digests(certificate)),
    ]
    return _PAGE.format(title=escape(tenant["name"]), body="\n".join(parts))


def _buckets(buckets: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        (one["name"], _fate(one), f"{held['versions']} versions, {held['markers']} markers, {held['bytes']} bytes")
        for one in buckets
        for held in one["inventories"][:1]
    ]
    return _table(("bucket", "what became of it", "it held"), rows) if rows else "<p>It had no buckets.</p>"


def _fate(bucket: Mapping[str, Any]) -> str:
    if hold := bucket.get("hold"):
        how = "held, each version under a legal hold" if hold["by"] == "legal hold" else "held: the bucket stays"
        return f"{how}; {'until ' + hold['until'] if 'until' in hold else 'no end is known'}"
    if sent := bucket.get("export"):
        where = f"{sent['bucket']} at site {sent['site']}, below {sent['prefix']}"
        return f"exported to {where} ({sent['versions']} versions, {sent['bytes']} bytes), then destroyed here"
    return "destroyed with all versions"


def _digests(certificate: Mapping[str, Any]) -> list[tuple[str, str]]:
    spec = certificate["spec"]
    rows = [("this certificate's content", certificate["sha256"])]
    for bucket in spec["buckets"]:
        rows += [(f"list of {bucket['name']} at {held['at']}", held["sha256"]) for held in bucket["inventories"]]
        if "export" in bucket:
            rows.append((f"manifest of {bucket['name']}", bucket["export"]["manifestSha256"]))
    if "state" in spec:
        rows.append((f"state, kept in {', '.join(spec['state']['secrets'])}", spec["state"]["sha256"]))
    return rows


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    first = "".join(f"<th>{escape(name)}</th>" for name in head)
    top = f"<tr>{first}</tr>\n" if any(head) else ""
    return f"<table>\n{top}{''.join(_row(row) for row in rows)}</table>"


def _row(row: tuple[str, ...]) -> str:
    cells = "".join(f"<td>{_code(cell) if len(cell) == 64 else escape(cell)}</td>" for cell in row)
    return f"<tr>{cells}</tr>\n"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
