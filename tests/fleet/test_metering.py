"""`tenantry grants usage` counts what a party has of a market grant, from the log that the sandbox's store wrote."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_party_grants import handed_over

from operators import Operator, keys_of, request
from sites import Sandbox
from tenantry.sandbox.site.servers import ACCESS_LOG

TODAY = datetime.now(UTC).date()
APPROVALS = [
    {"by": f"{role}@{side}.example", "role": role, "on": str(TODAY), "reference": "CHG-3"}
    for side in ("provider", "consumer")
    for role in ("owner", "legal")
]
MARKET = {"consumer": {"party": "acme-analytics"}, "ceiling": "market", "approvals": APPROVALS}
Request = dict[str, Any]


@pytest.fixture
def register(operator: Operator) -> Request:
    """Apply a register whose published documents a party may read by a market grant."""
    buckets = [{"name": "documents", "retentionDays": 500}]
    asked = request("register", classification="market", buckets=buckets, approvals=APPROVALS)
    operator.ask(asked)
    operator.grant(asked, asked, **MARKET)
    operator.apply()
    return asked


@pytest.fixture
def log(sandbox: Sandbox) -> Path:
    return sandbox.layout("onprem").log(ACCESS_LOG)


def use(sandbox: Sandbox, register: Request) -> None:
    """Let the provider write five documents, and the party list them, and read three of them, twice each."""
    bucket = f"{register['spec']['id']}-documents"
    own = sandbox.client("onprem", "s3", keys_of(sandbox, register))
    for number in range(5):
        own.put_object(Bucket=bucket, Key=f"published/{number}", Body=b"x" * 1000)
    party = sandbox.client("onprem", "s3", handed_over(sandbox, register))
    party.list_objects_v2(Bucket=bucket, Prefix="published/")
    for number in (0, 1, 2) * 2:
        party.get_object(Bucket=bucket, Key=f"published/{number}")["Body"].read()


def usage(operator: Operator, *words: str) -> tuple[dict[str, Any], str]:
    done = operator.run("grants", "usage", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_each_request_of_a_party_is_counted_and_written_down(
    sandbox: Sandbox, operator: Operator, register: Request, log: Path, tmp_path: Path
) -> None:
    use(sandbox, register)
    report, told = usage(operator, str(log), "--output", str(tmp_path / "usage"))
    (grant,) = report["grants"]
    assert (grant["grant"], grant["consumer"], grant["provider"]) == (
        "published", "party acme-analytics", register["spec"]["id"],
    )  # fmt: skip
    (day,) = grant["days"]
    # versitygw tells the size of a listing, and of no download.
    assert (day["requests"], day["unsized"], day["bytesSent"] > 500) == (7, 6, True)
    assert (report["lines"]["counted"], report["lines"]["unknown"], report["lines"]["unreadable"]) == (7, 0, 0)
    assert told == ""
    written = json.loads((tmp_path / "usage" / "usage.json").read_text())
    # The log goes on.
    assert written["grants"] == report["grants"]
    assert "For party acme-analytics" in (tmp_path / "usage" / "index.html").read_text()
    copy = tmp_path / "logs" / "old.log.gz"
    copy.parent.mkdir()
    copy.write_bytes(gzip.compress(log.read_bytes()))
    again, _ = usage(operator, str(log), str(tmp_path / "logs"))
    assert again["grants"] == report["grants"]
    assert again["lines"]["repeated"] > 7
    text = operator.run("grants", "usage", str(log)).stdout
    assert f"published  party acme-analytics  {TODAY}         7" in text
    assert "Of 6 requests (+) the log tells no bytes" in text


def test_keys_that_were_changed_since_are_known_where_they_were_seen_and_else_told(
    sandbox: Sandbox, operator: Operator, register: Request, log: Path
) -> None:
    use(sandbox, register)
    before, _ = usage(operator, str(log))
    for _ in range(2):
        assert operator.run("sync", ".", "--new-keys").returncode == 0
    after, told = usage(operator, str(log))
    assert (after["grants"], told) == (before["grants"], "")
    (operator.state / "access-keys.json").unlink()
    lost, told = usage(operator, str(log))
    assert lost["grants"][0]["total"]["requests"] == 0
    assert lost["lines"]["unknown"] >= 7
    assert "TEN-571" in told
    assert "below granted datasets came with keys that no store knows" in told


def test_only_grants_of_metered_classes_are_counted_unless_all_are(
    sandbox: Sandbox, operator: Operator, register: Request, log: Path
) -> None:
    operator.grant(register, register, **{**MARKET, "ceiling": "restricted"})
    operator.apply()
    use(sandbox, register)
    none, _ = usage(operator, str(log))
    assert none["grants"] == []
    assert (
        "No grant of a dataset is metered; --all counts every one." in operator.run("grants", "usage", str(log)).stdout
    )
    every, _ = usage(operator, str(log), "--all")
    assert every["grants"][0]["total"]["requests"] == 7


def test_a_log_that_is_wrong_is_told_with_its_place_and_nothing_is_written(operator: Operator, tmp_path: Path) -> None:
    for name in ("government/tenants", "logs"):
        (tmp_path / name).mkdir(exist_ok=True)
    operator.ask(request())
    done = operator.run("grants", "usage", "none.log", "--output", str(tmp_path / "usage"))
    assert (done.returncode, "TEN-572 none.log isn't there" in done.stderr) == (2, True)
    (tmp_path / "logs" / "cut.gz").write_bytes(gzip.compress(b"one\n" * 9000)[:-12])
    done = operator.run("grants", "usage", str(tmp_path / "logs"), "--output", str(tmp_path / "usage"))
    assert (done.returncode, "TEN-572 the log can't be read to its end" in done.stderr) == (2, True)
    assert not (tmp_path / "usage").exists()
    (tmp_path / "logs" / "cut.gz").unlink()
    (tmp_path / "logs" / "host.log").write_text("log starts now\nNov 28 13:26:46 host sshd[1]: Accepted\n")
    lost = operator.run("grants", "usage", str(tmp_path / "logs"), "--context", str(tmp_path / "logs"))
    assert lost.returncode == 2
    done = operator.run("grants", "usage", str(tmp_path / "logs"))
    assert done.returncode == 0
    assert "TEN-570 1 line can't be read as a request's, from line 2 on" in done.stderr
    assert "host.log:2." in done.stderr
