"""The catalogue is published at its site: everybody reads it and what it links to, and the platform alone writes it."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
import yaml
from botocore.exceptions import ClientError

from golden.rdf import DCAT, FOAF, read_graph
from operators import Operator, keys_of, new_id, request
from sites import Sandbox
from tenantry.connection import write_connection

NAMES = ("catalogue.jsonld", "index.html")
ENTRY = {
    "title": "Hospital admissions",
    "licence": "https://creativecommons.org/licenses/by/4.0/",
    "files": [{"key": "2026/admissions.csv", "mediaType": "text/csv"}],
}


@pytest.fixture
def register(operator: Operator) -> dict[str, Any]:
    """Apply an open tenant with a published bucket, and one that shares a bucket with it by a grant."""
    name_bucket(operator, f"catalogue-{new_id()}")
    buckets = [{"name": "documents", "publish": True, "catalogue": ENTRY}]
    public, shared = request(name="register", buckets=buckets), request(name="giver", classification="shared")
    operator.ask(public, shared)
    operator.grant(shared, public, consumer={"department": "hmcts"})
    operator.apply()
    return public


def name_bucket(operator: Operator, bucket: str) -> None:
    """Give the engineer's government a catalogue's bucket that no other test has."""
    file = operator.government / "sites" / "onprem.yaml"
    site = yaml.safe_load(file.read_text())
    site["spec"]["catalogue"]["bucket"] = bucket
    file.write_text(yaml.safe_dump(site), encoding="utf-8")


def bucket_of(operator: Operator) -> str:
    site = yaml.safe_load((operator.government / "sites" / "onprem.yaml").read_text())
    return str(site["spec"]["catalogue"]["bucket"])


def fetch(sandbox: Sandbox, url: str, method: str = "GET", **more: Any) -> urllib3.BaseHTTPResponse:  # noqa: ANN401
    """Ask the site's store as anybody would: over TLS, without any key."""
    with urllib3.PoolManager(ca_certs=str(sandbox.connection("onprem").object_store.ca_file), timeout=20) as pool:
        return pool.request(method, url, **more)


def test_everybody_reads_the_catalogue_and_what_it_links_to(
    sandbox: Sandbox, operator: Operator, register: dict[str, Any]
) -> None:
    bucket = f"{register['spec']['id']}-documents"
    sandbox.client("onprem", "s3", keys_of(sandbox, register)).put_object(
        Bucket=bucket, Key="2026/admissions.csv", Body=b"month,count\n"
    )
    done = operator.run("catalogue", "--publish", "--format", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    page = document["foaf:homepage"]["@id"]
    endpoint = sandbox.connection("onprem").object_store.endpoint
    assert page == f"{endpoint}/{bucket_of(operator)}/index.html"
    assert f"Published at {page}: catalogue.jsonld created, index.html created." in done.stderr
    shown = fetch(sandbox, page)
    assert (shown.status, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Hospital admissions" in shown.data.decode()
    served = fetch(sandbox, page.replace("index.html", "catalogue.jsonld"))
    assert (served.status, served.headers["content-type"]) == (200, "application/ld+json")
    assert served.data == done.stdout.encode()
    graph = read_graph(served.data)
    (link,) = graph.objects(None, DCAT.downloadURL)
    assert fetch(sandbox, str(link)).data == b"month,count\n"
    assert {str(name) for name in graph.objects(None, FOAF.name)} >= {"HM Courts and Tribunals Service"}


def test_a_second_run_changes_nothing_and_a_change_is_published(
    operator: Operator, sandbox: Sandbox, register: dict[str, Any]
) -> None:
    assert operator.run("catalogue", "--publish").returncode == 0
    s3, bucket = sandbox.client("onprem", "s3"), bucket_of(operator)
    before = [s3.head_object(Bucket=bucket, Key=name)["LastModified"] for name in NAMES]
    again = operator.run("catalogue", "--publish")
    assert (again.returncode, "nothing was changed" in again.stderr) == (0, True)
    assert [s3.head_object(Bucket=bucket, Key=name)["LastModified"] for name in NAMES] == before
    # What a killed run leaves: the bucket closed, one file old, the other not there yet.
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="index.html")
    s3.put_object(Bucket=bucket, Key="catalogue.jsonld", Body=b"{}", ContentType="application/ld+json")
    mended = operator.run("catalogue", "--publish")
    assert "catalogue.jsonld changed, index.html created." in mended.stderr
    page = f"{sandbox.connection('onprem').object_store.endpoint}/{bucket}/index.html"
    assert fetch(sandbox, page).status == 200
    register["spec"]["buckets"][0]["publish"] = False
    del register["spec"]["buckets"][0]["catalogue"]
    operator.ask(register)
    assert operator.run("catalogue", "--publish").returncode == 0
    assert "Hospital admissions" not in fetch(sandbox, page).data.decode()


def test_nobody_but_the_platform_writes_it(sandbox: Sandbox, operator: Operator, register: dict[str, Any]) -> None:
    assert operator.run("catalogue", "--publish").returncode == 0
    bucket = bucket_of(operator)
    root = f"{sandbox.connection('onprem').object_store.endpoint}/{bucket}"
    assert fetch(sandbox, f"{root}/index.html", "PUT", body=b"mine").status == 403
    assert fetch(sandbox, f"{root}/index.html", "DELETE").status == 403
    assert fetch(sandbox, f"{root}/?list-type=2").status == 403
    assert fetch(sandbox, f"{root}/?policy").status == 403
    tenant = sandbox.client("onprem", "s3", keys_of(sandbox, register))
    for call, more in (
        (tenant.put_object, {"Key": "index.html", "Body": b"mine"}),
        (tenant.delete_object, {"Key": "index.html"}),
        (tenant.put_bucket_policy, {"Policy": "{}"}),
        (tenant.delete_bucket, {}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(Bucket=bucket, **more)


def test_what_is_somebody_elses_is_not_taken_over(
    sandbox: Sandbox, operator: Operator, register: dict[str, Any]
) -> None:
    s3 = sandbox.client("onprem", "s3")
    other = f"other-{new_id()}"
    s3.create_bucket(Bucket=other)
    s3.put_object(Bucket=other, Key="secret", Body=b"secret")
    name_bucket(operator, other)
    done = operator.run("catalogue", "--publish")
    assert (done.returncode, "TEN-404" in done.stderr) == (3, True)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=other)["Contents"]] == ["secret"]
    root = sandbox.connection("onprem").object_store.endpoint
    assert fetch(sandbox, f"{root}/{other}/secret").status == 403


def test_a_part_is_not_published_as_the_whole(operator: Operator, register: dict[str, Any]) -> None:
    done = operator.run("catalogue", "register", "--publish")
    assert (done.returncode, "TEN-536 1 tenant" in done.stderr) == (2, True)
    assert operator.run("catalogue", "register").returncode == 0


def test_a_store_that_does_not_answer_is_told_of(operator: Operator, register: dict[str, Any]) -> None:
    connection = replace(
        read := operator.sandbox.connection("onprem"),
        object_store=replace(read.object_store, endpoint="https://127.0.0.1:9"),
    )
    write_connection(connection, operator.connections)
    done = operator.run("catalogue", "--publish")
    assert (done.returncode, "TEN-401" in done.stderr) == (3, True)
    assert urlsplit(connection.object_store.endpoint).netloc in done.stderr
