"""What the small government's grants were used for, by logs of each store; kept as `usage.json` and `index.html`."""

from pathlib import Path

import orjson

from golden.catalogue import government
from tenantry.contract.load import complete, load_baseline
from tenantry.metering.meters import Meters, make_meter
from tenantry.metering.page import write_page
from tenantry.metering.reading import parse
from tenantry.metering.report import DOCUMENT, PAGE, write_report
from tenantry.metering.tally import Seen, Tally

KEPT = Path(__file__).parent / "usage"
RECORDS, READINGS, DRAFTS = "t-9b3m5n1p-records", "t-7h5j3k1l-readings", "t-4f9x2k7q-drafts"
BORDER, CASES, AIR = "t-6y4u2i0o.main.app", "t-1q3a5z7x.main.app", "t-7h5j3k1l.main.app"
KNOWN = {"AKIABORDER": BORDER, "AKIAADMIN": ""}


def aws(request: str, day: str, who: str, bucket: str, key: str, sent: int, *, status: int = 200, put: int = 0) -> str:
    """Make a line of AWS's."""
    operation, arn = "REST.PUT.OBJECT" if put else "REST.GET.OBJECT", f"arn:aws:iam::123456789012:user/tenantry/t/{who}"
    return (
        f"owner {bucket} [{day}:08:00:00 +0000] 192.0.2.3 {arn} {request} {operation} {key} "
        f'"GET /{bucket}/{key} HTTP/1.1" {status} - {sent or "-"} {put or "-"} 7 5 "-" "SDK" - host'
    )


def versity(request: str, day: str, key_id: str, bucket: str, key: str) -> str:
    """Make a line of a download of versitygw's."""
    return (
        f"admin {bucket} [{day}:08:00:00 +0000] 192.0.2.3 {key_id} {request} s3_GetObject {key} /{bucket}/{key} "
        "200 - 0 0 8 8 - SDK - host"
    )


def ceph(request: str, day: str, role: str, bucket: str, key: str, sent: int, *, received: int = 0) -> str:
    """Make an entry of Ceph RGW's."""
    entry = {
        "bucket": bucket,
        "time": f"{day}T08:00:00.000000Z",
        "user": "$oidc$subject",
        "operation": "put_obj" if received else "get_obj",
        "uri": f"{'PUT' if received else 'GET'} /{bucket}/{key} HTTP/1.1",
        "http_status": "200",
        "bytes_sent": sent,
        "bytes_received": received,
        "trans_id": request,
        "sts_info": {"role_name": f"${role}", "role_session": "s"},
    }
    return orjson.dumps(entry).decode()


PARTY = "t-7h5j3k1l.air-prices"
LOG = [
    # A party, by each of the stores; and what isn't its own, or not on its days.
    aws("R1", "03/Dec/2026", PARTY, READINGS, "2026/a.csv", 1000),
    aws("R1", "03/Dec/2026", PARTY, READINGS, "2026/a.csv", 1000),
    aws("R2", "03/Dec/2026", PARTY, READINGS, "2026/b.csv", 2500),
    ceph("tx3", "2026-12-04", PARTY, READINGS, "2026/c.csv", 40),
    aws("R4", "30/Nov/2026", PARTY, READINGS, "2026/a.csv", 7),
    aws("R5", "05/Dec/2026", AIR, READINGS, "2026/a.csv", 9, put=9),
    aws("R6", "05/Dec/2026", PARTY, READINGS, "2026/a.csv", 243, status=403),
    # A tenant that has two grants of the same objects, one of them by its department, to read, and one to write, too.
    ceph("tx7", "2026-12-05", BORDER, RECORDS, "published/1", 11),
    ceph("tx8", "2027-03-02", BORDER, RECORDS, "published/1", 12, received=0),
    ceph("tx18", "2026-12-05", BORDER, RECORDS, "published/1", 0, received=19),
    versity("V9", "05/December/2026", "AKIABORDER", RECORDS, "published/1"),
    versity("V10", "05/December/2026", "AKIAGONE", RECORDS, "published/1"),
    versity("V11", "05/December/2026", "AKIAADMIN", RECORDS, "published/1"),
    # One of the whole bucket, to somebody else.
    ceph("tx12", "2026-12-05", CASES, RECORDS, "published/1", 13),
    ceph("tx13", "2026-12-05", CASES, RECORDS, "private/1", 14),
    # What was over, on its last day and after it.
    ceph("tx14", "2026-12-14", BORDER, RECORDS, "old/1", 15),
    ceph("tx15", "2026-12-15", BORDER, RECORDS, "old/1", 16),
    # To write to; and what no grant is about.
    ceph("tx16", "2026-12-05", "t-2w8e6r4t.main.app", DRAFTS, "in/1", 0, received=77),
    ceph("tx17", "2026-12-05", BORDER, "t-6y4u2i0o-own", "a", 18),
    "log starts of something else",
]


def report() -> dict[str, object]:
    """Count the log's lines for every grant of a dataset."""
    documents = government()
    tenants = complete(documents, load_baseline())
    made = (make_meter(grant, tenants) for grant in documents.grants.values())
    tally = Tally(Meters(meter for meter in made if meter is not None), KNOWN.get)
    with Seen() as seen:
        for line in LOG:
            tally.count(parse(line), seen)
    return write_report(tally)


def files() -> dict[Path, str]:
    """Give the text that each of the report's files is to have."""
    document = report()
    written = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    return {KEPT / DOCUMENT: written, KEPT / PAGE: write_page(document)}
