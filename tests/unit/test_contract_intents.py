"""Both sides of a connection agree, or the one that asks alone is told of it."""

from pathlib import Path
from typing import Any

import pytest

from checking import check
from examples import MINIMAL, minimal, write
from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge

ME, PEER = "t-4f9x2k7q", "t-other111"
OPEN = {"classification": "open"}
TO = {"direction": "to", "tenant": PEER, "port": 443, "reason": "Asks for licences."}
FROM = {"direction": "from", "tenant": ME, "port": 443, "reason": "Answers about licences."}


def one_sided(mine: dict[str, Any], *theirs: dict[str, Any], **spec: Any) -> list[str]:  # noqa: ANN401
    """Judge a request with an intent, and its peer's with others; give the codes."""
    requests = [
        minimal(intents=[mine], placement={"site": "site-north"}, **OPEN),
        minimal(name="other", id=PEER, intents=list(theirs), **({"placement": {"site": "site-north"}} | OPEN | spec)),
    ]
    documents = Documents(requests=tuple(map(document, requests)), sites=sites(), departments=departments())
    judgement = judge(documents, baseline())
    assert [one.code for one in judgement.problems if one.code != "TEN-146"] == []
    return [one.code for one in judgement.idle]


def test_both_sides_agree() -> None:
    assert one_sided(TO, FROM) == []
    assert one_sided(FROM | {"tenant": PEER}, TO | {"tenant": ME}) == []


@pytest.mark.parametrize(
    "change", [{"direction": "to"}, {"port": 80}, {"protocol": "UDP"}], ids=["direction", "port", "protocol"]
)
def test_what_differs_is_no_counterpart(change: dict[str, Any]) -> None:
    assert one_sided(TO, FROM | change) == ["TEN-158", "TEN-158"]


def test_silence_is_no_counterpart() -> None:
    assert one_sided(TO) == ["TEN-158"]


def test_a_peer_on_another_site_is_out_of_reach() -> None:
    assert one_sided(TO, FROM, placement={"site": "site-south"}) == ["TEN-159", "TEN-159"]


@pytest.mark.parametrize(
    ("hosts", "codes"),
    [(["a.gov.example"], []), (["*.gov.example"], []), (["b.gov.example"], ["TEN-158"])],
)
def test_a_host_is_somebodys(hosts: list[str], codes: list[str]) -> None:
    host = {"direction": "to", "host": "a.gov.example", "port": 443, "reason": "Asks for licences."}
    assert one_sided(host, ingress={"hosts": hosts}) == codes


def test_what_a_tenant_declares_of_one_that_is_not_known_is_an_error_alone() -> None:
    requests = (document(minimal(intents=[TO], **OPEN)),)
    judgement = judge(Documents(requests=requests, sites=sites(), departments=departments()), baseline())
    assert ([one.code for one in judgement.problems], judgement.idle) == (["TEN-139"], ())


def test_a_check_warns_and_passes(tmp_path: Path) -> None:
    for folder in ("tenants", "sites", "departments"):
        (tmp_path / folder).mkdir()
    asked = "  intents:\n  - {direction: to, tenant: t-other111, port: 443, reason: Asks for licences.}\n"
    write(tmp_path, "tenants/a.yaml", MINIMAL + asked)
    write(tmp_path, "tenants/b.yaml", MINIMAL.replace(ME, PEER).replace("vaccine-records", "other"))
    done = check("tenants/a.yaml", "--context", "tenants", cwd=tmp_path)
    assert "tenants/a.yaml:" in done.stdout
    assert "  warn agreements: other (t-other111) declares no intent from t-4f9x2k7q on TCP 443" in done.stdout
    assert "TEN-158" in done.stdout
    assert "1 document read, no problems." in done.stdout
    agreed = "  intents:\n  - {direction: from, tenant: t-4f9x2k7q, port: 443, reason: Answers about licences.}\n"
    write(tmp_path, "tenants/b.yaml", MINIMAL.replace(ME, PEER).replace("vaccine-records", "other") + agreed)
    assert "TEN-158" not in check("tenants/a.yaml", "--context", "tenants", cwd=tmp_path).stdout
