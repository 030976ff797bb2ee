"""Lines of access logs are read as their stores write them, whatever keys and clients are called; nothing else is."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tenantry.metering.calls import Call, name_requester
from tenantry.metering.reading import LONGEST_LINE, find_logs, parse, read_lines, tells_of_a_call
from tenantry.problems import InputError

AGENT = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux"
# A line as versitygw 1.8.0 wrote it, and entries as Ceph RGW 16.2.15 did.
VERSITY = (
    "admin t-4f9x2k7q-records [28/November/2026:13:26:36 +0000] 127.0.0.1 AKIAZU7FJV2SMVLPOAQQY QRTTXPEWYXZT1LOW "
    "s3_GetObject pub/a b+c é.txt /t-4f9x2k7q-records/pub/a%20b%2Bc%20%C3%A9.txt 200 - 0 0 8 8 - Boto3/1.44.5 "
    "md/Botocore#1.44.5 ua/2.1 os/linux - atIEbA+RCpGB6mdMH0Y= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader "
    "s3.us-east-1.amazonaws.com TLSv1.3 arn:aws:s3:::/t-4f9x2k7q-records/pub/a b+c é.txt Yes"
)
RGW = (
    '{"bucket":"t-4f9x2k7q-records","time":"2026-11-28T13:26:46.154764Z","time_local":"2026-11-28T13:26:46.154764+0000",'
    '"remote_addr":"127.0.0.1","object_owner":"$oidc$me","user":"$oidc$me","operation":"get_obj",'
    '"uri":"GET /t-4f9x2k7q-records/pub/a%20b%2Bc%20%C3%A9.txt HTTP/1.1","http_status":"206","error_code":"",'
    '"bytes_sent":100,"bytes_received":0,"object_size":1000,"total_time":4,"user_agent":"Bad \\"agent\\"",'
    '"trans_id":"tx000004adf3d886105f65a-006b0ad696-100b-default","authentication_type":"STS",'
    '"sts_info":{"role_name":"$t-4f9x2k7q.grant","role_session":"sess","iss":"https://127.0.0.1:36927","aud":"aud",'
    '"sub":"me"},"temp_url":false}'
)
# Of the Amazon S3 User Guide, "Server access log format".
AWS = (
    "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be DOC-EXAMPLE-BUCKET1 [06/Feb/2019:00:00:38 +0000] "
    "192.0.2.3 79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be 3E57427F3EXAMPLE REST.GET.VERSIONING - "
    '"GET /DOC-EXAMPLE-BUCKET1?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - '
    "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 ECDHE-RSA-AES128-GCM-SHA256 "
    "AuthHeader DOC-EXAMPLE-BUCKET1.s3.us-west-1.amazonaws.com TLSV1.2 - Yes"
)
DAY = date(2026, 11, 28)


def test_lines_are_read_as_their_stores_wrote_them() -> None:
    bucket, key = "t-4f9x2k7q-records", "pub/a b+c é.txt"
    assert parse(VERSITY) == Call(
        "QRTTXPEWYXZT1LOW", DAY, "AKIAZU7FJV2SMVLPOAQQY", True, bucket, key, "s3_GetObject", 200, 0, 0, sized=False
    )
    assert parse(RGW) == Call(
        "tx000004adf3d886105f65a-006b0ad696-100b-default", DAY, "t-4f9x2k7q.grant", False, bucket, key, "GET get_obj",
        206, 100, 0,
    )  # fmt: skip
    assert parse(f"{RGW},") == parse(RGW)
    found = parse(AWS)
    assert found is not None
    assert (found.day, found.operation, found.key, found.status, found.sent) == (
        date(2019, 2, 6), "REST.GET.VERSIONING", "", 200, 113,
    )  # fmt: skip


keys = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=60)
names = st.from_regex(r"t-[a-z0-9]{8}(\.[a-z]{1,8}){1,2}", fullmatch=True)
amounts = st.integers(0, 2**40)
moments = st.integers(1577836800, 2051222400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
agents = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters='"'), max_size=60)
BUCKET = "t-4f9x2k7q-records"


@given(keys, names, amounts, amounts, moments, agents, st.sampled_from(["user/tenantry/x/{}", "assumed-role/{}/s"]))
def test_what_aws_writes_is_read_back(
    key: str, who: str, sent: int, size: int, at: datetime, agent: str, arn: str
) -> None:
    service = "iam" if arn.startswith("user") else "sts"
    encoded = quote(key)
    assume("%25" not in encoded)
    for operation, received in (("REST.GET.OBJECT", 0), ("REST.PUT.OBJECT", size)):
        line = (
            f"owner {BUCKET} [{at:%d/%b/%Y:%H:%M:%S +0000}] 192.0.2.3 arn:aws:{service}::1234:{arn.format(who)} "
            f'3E57 {operation} {encoded} "GET /{encoded} HTTP/1.1" 200 - {sent or "-"} {size or "-"} 7 5 "-" '
            f'"{agent}" - host'
        )
        assert parse(line) == Call("3E57", at.date(), who, False, BUCKET, key, operation, 200, sent, received)


def versity_line(key: str, agent: str, sent: int = 0, size: int = 0, operation: str = "s3_PutObject") -> str:
    return (
        f"admin {BUCKET} [28/November/2026:13:26:36 +0000] 127.0.0.1 AKIA1 REQUEST {operation} {key} "
        f"/{BUCKET}/{quote(key)} 200 - {sent} {size} 8 8 - {agent} - host SigV4 - AuthHeader - - arn:aws:s3:::x Yes"
    )


@given(keys, agents, amounts, amounts)
def test_what_versitygw_writes_is_read_back(key: str, agent: str, sent: int, size: int) -> None:
    assume(key.strip() == key and key != "-" and not key.startswith("/"))
    expected = Call("REQUEST", DAY, "AKIA1", True, BUCKET, key, "s3_PutObject", 200, sent, size)
    assert parse(versity_line(key, agent, sent, size)) == expected


@given(keys, names, amounts, amounts, moments)
def test_what_ceph_writes_is_read_back(key: str, who: str, sent: int, received: int, at: datetime) -> None:
    entry: dict[str, Any] = {
        **json.loads(RGW),
        "time": f"{at:%Y-%m-%dT%H:%M:%S}.000000Z",
        "uri": f"GET /{BUCKET}/{quote(key)}?x=1?x=1 HTTP/1.1",
        "bytes_sent": sent,
        "bytes_received": received,
    }
    entry["sts_info"]["role_name"] = f"${who}"
    found = parse(json.dumps(entry))
    assert found is not None
    assert (found.day, found.requester, found.key, found.sent, found.received) == (
        at.date(), who, key, sent, received,
    )  # fmt: skip


FORGED = f" /{BUCKET}/pub/x 200 - 1 1 1 1 "


@pytest.mark.parametrize("agent", [AGENT, f"a{FORGED}- b", f"pub/x{FORGED}"])
def test_who_writes_a_line_into_a_key_or_a_client_s_name_changes_no_figure(agent: str) -> None:
    """versitygw puts nothing in quotation marks: a line that could be another is not guessed at."""
    for key in (f"pub/x{FORGED}y", f"pub/x{FORGED}- -", "pub/x"):
        found = parse(versity_line(key, agent, size=77))
        assert found is None or (found.key, found.sent, found.received) == (key, 0, 77)
    assert parse(versity_line(f"pub/x{FORGED}y", AGENT, size=77)) is None


@given(st.text() | st.binary().map(lambda raw: raw.decode(errors="replace")))
def test_nothing_else_is_taken_for_a_request_and_nothing_fails(text: str) -> None:
    parse(text)
    parse(f"{{{text}")
    parse(f"{VERSITY[:70]}{text}")
    parse(json.dumps({"bucket": text, "uri": text, "http_status": text}))


@pytest.mark.parametrize(
    "line",
    [
        VERSITY.replace("November", "Novembre").replace("Nov", "Nuv"),
        VERSITY.replace("28/", "31/"),
        VERSITY.replace("/pub/a%20", "/pub/c%20"),
        VERSITY[:150],
        RGW[:-9],
        RGW.replace('"206"', '"many"'),
        RGW.replace('"trans_id"', '"id"'),
        "[]",
        "{}",
        "Nov 28 13:26:46 host sshd[1]: Accepted publickey for root",
    ],
)
def test_a_line_that_is_none_is_not_read(line: str) -> None:
    assert parse(line) is None


def test_days_are_those_of_utc() -> None:
    found = parse(VERSITY.replace("13:26:36 +0000", "23:30:00 -0500"))
    assert found is not None
    assert found.day == date(2026, 11, 29)


def test_a_listing_is_known_by_its_prefix() -> None:
    line = VERSITY.replace("s3_GetObject pub/a b+c é.txt", "s3_ListObjectsV2 -").replace(
        "/pub/a%20b%2Bc%20%C3%A9.txt", "?list-type=2&prefix=pub%2F&encoding-type=url", 1
    )
    entry = RGW.replace("/pub/a%20b%2Bc%20%C3%A9.txt", "?list-type=2&prefix=pub%2F?list-type=2&prefix=pub%2F")
    aws = AWS.replace("?versioning", "?list-type=2&prefix=pub%2F")
    assert [getattr(parse(one), "key", None) for one in (line, entry, aws)] == ["pub/"] * 3


def test_requesters_are_named_by_their_arns() -> None:
    assert name_requester("arn:aws:iam::123456789012:user/tenantry/t-1/t-1.main.app") == "t-1.main.app"
    assert name_requester("arn:aws:sts::123456789012:assumed-role/t-1.main.app/session") == "t-1.main.app"
    assert name_requester("arn:aws:sts:::assumed-role/tenantry/t-1/t-1.main.app/session") == "t-1.main.app"
    assert name_requester("79a59df900b949e5") == "79a59df900b949e5"


def lines_of(file: Path) -> list[str | None]:
    return list(read_lines(file, lambda _: None))


def test_files_are_read_packed_or_not_and_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    content = b"one\ntwo\r\n" + b"x" * (5 * LONGEST_LINE) + b"\nthree\n" + b"\xff\xfe\nlast"
    expected = ["one", "two", None, "three", "��", "last"]
    (tmp_path / "a.log").write_bytes(content)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(content))
    assert find_logs([tmp_path, tmp_path / "a.log"]) == [tmp_path / "a.log", tmp_path / "b.log.gz"]
    moved: list[int] = []
    for file in find_logs([tmp_path]):
        assert lines_of(file) == expected
        assert list(read_lines(file, moved.append)) == expected
    assert sum(moved) == sum(file.stat().st_size for file in find_logs([tmp_path]))


def test_a_log_that_is_damaged_or_missing_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"one\n" * 9000)
    (tmp_path / "cut.gz").write_bytes(whole[:-20])
    (tmp_path / "bad.gz").write_bytes(whole[:20] + b"\0" * 9 + whole[29:])
    (tmp_path / "empty").mkdir()
    for name in ("cut.gz", "bad.gz"):
        with pytest.raises(InputError, match="TEN-572"):
            lines_of(tmp_path / name)
    with pytest.raises(InputError) as refused:
        find_logs([tmp_path / "empty", tmp_path / "none.log"])
    assert [found.code for found in refused.value.problems] == ["TEN-572", "TEN-572"]


def test_notes_and_empty_lines_tell_of_no_request() -> None:
    assert not any(map(tells_of_a_call, ("", "  ", "[", "],", "log starts 2026-11-28 13:26:35.26 +0000 UTC m=+0.09")))
    assert all(map(tells_of_a_call, (VERSITY, RGW, "log", "x")))
