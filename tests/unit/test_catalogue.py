"""The catalogue has what is published or shared, nothing of restricted data, and says it in DCAT-AP's terms."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from rdflib import RDF, RDFS, Graph, Literal, URIRef

from golden.catalogue import DAY, files, government, write
from golden.rdf import DCAT, DCT, FOAF, ODRL, VCARD, XSD, read_graph
from strategies import departments, tenants
from tenantry.catalogue.document import PUBLIC, RESTRICTED, Node
from tenantry.catalogue.entries import find_entries
from tenantry.catalogue.validate import validate_catalogue
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete, load_baseline
from tenantry.contract.model import Classification, Tenant
from tenantry.problems import InputError


def by_identifier(document: Node) -> dict[str, Node]:
    return {dataset["dct:identifier"]: dataset for dataset in document["dcat:dataset"]}


def graph_of(document: Node) -> Graph:
    return read_graph(orjson.dumps(document))


def test_it_has_what_is_published_and_what_grants_in_force_share() -> None:
    found = by_identifier(write(government()))
    assert {name: dataset["dct:accessRights"]["@id"] for name, dataset in found.items()} == {
        "t-2w8e6r4t-forecasts": PUBLIC,
        "t-4f9x2k7q-admissions": PUBLIC,
        "t-4f9x2k7q-drafts": RESTRICTED,
        "t-7h5j3k1l-readings": RESTRICTED,
        "t-9b3m5n1p-records": RESTRICTED,
        "t-9b3m5n1p-records/published/": RESTRICTED,
    }
    assert [right["rdfs:label"] for right in found["t-9b3m5n1p-records/published/"]["dct:rights"]] == [
        "By grant border-certificates, Ministry of the Interior may read it until 2027-11-30.",
        "By grant border-corrections, border-checks, Ministry of the Interior may read and change it until 2027-02-28.",
    ]


@pytest.mark.parametrize(
    ("day", "grants"),
    [
        (date(2026, 11, 2), set()),
        (
            date(2026, 12, 14),
            {"border-certificates", "border-corrections", "investigations", "was-over", "was-withdrawn"},
        ),
        (DAY, {"border-certificates", "border-corrections", "investigations"}),
        (date(2027, 3, 1), {"border-certificates", "investigations", "is-to-come"}),
        (date(2027, 12, 1), set()),
    ],
)
def test_a_grant_is_there_from_its_first_day_to_its_last(day: date, grants: set[str]) -> None:
    found = by_identifier(write(government(), day))
    held = [one for name, one in found.items() if name.startswith("t-9b3m5n1p")]
    assert {policy["dct:identifier"] for one in held for policy in one["odrl:hasPolicy"]} == grants


def test_restricted_data_never_appears_and_neither_does_a_restricted_consumers_name() -> None:
    for text in files().values():
        for secret in ("t-1q3a5z7x", "case-files", "Files of open cases", "case-inquiry"):
            assert secret not in text
        assert "a tenant of Ministry of the Interior may read it" in text


def test_no_more_is_told_of_people_than_whom_to_ask() -> None:
    for text in files().values():
        for name in ("@gov.example", "ops@", "oncall@", "security@", "finance@", "G-1", "Border Health Act"):
            assert name not in text


def test_what_is_no_longer_published_is_left_to_its_grants() -> None:
    documents = government()
    (tenant,) = [one for one in documents.requests if one.name == "hospital-statistics"]
    data = copy.deepcopy(dict(tenant.data))
    data["spec"]["buckets"][0]["publish"] = False
    del data["spec"]["buckets"][0]["catalogue"]["files"]
    others = tuple(one for one in documents.requests if one is not tenant)
    changed = replace(documents, requests=(*others, replace(tenant, data=data)))
    # A grant of it is what is left.
    assert by_identifier(write(changed))["t-4f9x2k7q-admissions"]["dct:accessRights"]["@id"] == RESTRICTED


def test_the_same_documents_give_the_same_bytes_in_any_order() -> None:
    documents = government()
    turned = replace(
        documents,
        requests=documents.requests[::-1],
        grants=dict(reversed(documents.grants.items())),
        departments=dict(reversed(documents.departments.items())),
    )
    assert write(turned) == write(documents)


def check_needed(graph: Graph, cls: URIRef, needed: dict[URIRef, URIRef | None]) -> int:
    """Hold each node of a class to one value of each property, and that to its class, or to being a text."""
    nodes = list(graph.subjects(RDF.type, cls))
    for node in nodes:
        for term, kind in needed.items():
            (value,) = graph.objects(node, term)
            assert isinstance(value, Literal) if kind is None else (value, RDF.type, kind) in graph, (node, term)
    return len(nodes)


def test_as_rdf_it_has_what_dcat_ap_needs() -> None:
    graph = graph_of(write(government()))
    text = {DCT["title"]: None, DCT.description: None, DCT.publisher: FOAF.Agent}
    assert check_needed(graph, DCAT.Catalog, {**text, FOAF.homepage: FOAF.Document}) == 1
    dataset = {**text, DCT.identifier: None, DCT.accessRights: DCT.RightsStatement}
    assert check_needed(graph, DCAT.Dataset, {**dataset, DCAT.contactPoint: VCARD.Kind}) == 6
    assert check_needed(graph, DCAT.Distribution, {DCT["title"]: None}) == 3
    assert check_needed(graph, ODRL.Agreement, {ODRL.permission: ODRL.Permission, ODRL.assignee: FOAF.Agent}) == 5
    assert len(list(graph.objects(None, DCAT.dataset))) == 6
    for agent in graph.subjects(RDF.type, FOAF.Agent):
        assert len(list(graph.objects(agent, FOAF.name))) == 1
    for term in (DCAT.accessURL, DCAT.downloadURL, DCAT.mediaType, DCT.license, DCT.spatial, ODRL.target):
        assert all(isinstance(value, URIRef) for value in graph.objects(None, term)), term
    for day in (*graph.objects(None, DCT.issued), *graph.objects(None, ODRL.rightOperand)):
        assert isinstance(day, Literal)
        assert (day.datatype, type(day.value)) == (XSD.date, date)
    assert all(isinstance(node, URIRef) for node in graph.subjects(RDF.type, DCAT.Resource))


def test_as_rdf_what_is_shared_has_no_download_and_says_by_which_grant() -> None:
    graph = graph_of(write(government()))
    shared = list(graph.subjects(DCT.accessRights, URIRef(RESTRICTED)))
    for dataset in shared:
        assert list(graph.objects(dataset, DCAT.distribution)) == []
        policies = list(graph.objects(dataset, ODRL.hasPolicy))
        assert [(dataset in graph.objects(policy, ODRL.target)) for policy in policies] == [True] * len(policies)
        told = " ".join(
            str(label) for one in graph.objects(dataset, DCT.rights) for label in graph.objects(one, RDFS.label)
        )
        for policy in policies:
            assert str(graph.value(policy, DCT.identifier)) in told
    assert len(shared) == 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda dataset: dataset.pop("dct:publisher"),
        lambda dataset: dataset.update({"dct:accessRights": {"@id": RESTRICTED, "@type": "dct:RightsStatement"}}),
        lambda dataset: dataset.pop("dcat:distribution"),
        lambda dataset: dataset.update({"dct:rights": [{"@type": "dct:RightsStatement", "rdfs:label": "mine"}]}),
        lambda dataset: dataset.update({"dct:title": "two\nlines"}),
        lambda dataset: dataset.update({"secret": "more"}),
        lambda dataset: dataset["dcat:distribution"][0].update({"dcat:accessURL": {"@id": "javascript:alert(1)"}}),
        lambda dataset: dataset["dct:issued"].update({"@value": "2026-02-30"}),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused(spoil: Callable[[Any], object]) -> None:
    document = copy.deepcopy(write(government()))
    validate_catalogue(document)
    number = [dataset["dct:title"] for dataset in document["dcat:dataset"]].index("Hospital admissions")
    spoil(document["dcat:dataset"][number])
    with pytest.raises(InputError, match=rf"TEN-537.*\['dcat:dataset'\]\[{number}\]"):
        validate_catalogue(document)


@pytest.mark.parametrize("other", [Classification.SHARED, Classification.MARKET, Classification.RESTRICTED])
def test_a_baseline_that_lets_other_classes_publish_does_not_open_the_catalogue_to_them(other: Classification) -> None:
    documents = government()
    opened = [tenant for tenant in complete(documents, load_baseline()) if tenant.name == "meteorology"]
    assert len(find_entries(opened, documents, DAY)) == 1
    closed = [replace(tenant, spec=replace(tenant.spec, classification=other)) for tenant in opened]
    assert find_entries(closed, documents, DAY) == ()


@given(tenants())
def test_of_any_tenant_only_what_is_open_and_published_is_for_everybody(tenant: Tenant) -> None:
    documents = Documents(departments=departments())
    found = [(entry.bucket, entry.shares) for entry in find_entries([tenant], documents, DAY)]
    published = [bucket for bucket in tenant.spec.buckets if bucket.publish]
    assert sorted(bucket.name for bucket, _ in found) == sorted(bucket.name for bucket in published)
    assert not found or tenant.spec.classification is Classification.OPEN
    assert all(shares == () for _, shares in found)
