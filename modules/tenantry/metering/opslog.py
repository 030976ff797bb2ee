"""Lines of Ceph RGW's ops log, one JSON object each.

Source: Ceph 16.2, src/rgw/rgw_log.cc (`rgw_format_ops_log_entry`); it is written where `rgw enable ops log` is on and
`rgw ops log file path` names a file.
"""

from datetime import date
from typing import Any

import orjson

from tenantry.metering.calls import Call, asked_prefix, object_key


def parse_entry(line: str) -> Call | None:
    """Read a line; None where it is no entry of such a log. Raises ValueError, KeyError or TypeError likewise."""
    entry = orjson.loads(line.rstrip(","))
    if not isinstance(entry, dict):
        return None
    method, _, rest = str(entry["uri"]).partition(" ")
    path, _, query = rest.rpartition(" ")[0].partition("?")
    bucket = str(entry["bucket"])
    # A query stands there twice, as it came.
    key = object_key(path, bucket) or asked_prefix(query.partition("?")[0])
    return Call(
        id=str(entry["trans_id"]),
        day=date.fromisoformat(str(entry["time"])[:10]),
        requester=_requester(entry),
        by_key=False,
        bucket=bucket,
        key=key,
        operation=f"{method} {entry['operation']}",
        status=int(entry["http_status"]),
        sent=int(entry["bytes_sent"]),
        received=int(entry["bytes_received"]),
    )


def _requester(entry: dict[str, Any]) -> str:
    """Give the role that was taken, which stands after the store's own tenant and `$`; else the user."""
    role = (entry.get("sts_info") or {}).get("role_name")
    return str(role).partition("$")[2] if role else str(entry["user"])
