"""The example government is what its README says: 24 tenants of the real estate, of every sort."""

import pytest

from estate.requests import request, rows
from tenantry.contract.load import judge, load_baseline, load_documents
from tenantry.contract.model import AccessRole, Classification, Environment, Template
from tenantry.contract.reading.document import Document
from tenantry.data import example_dir

DOCUMENTS = load_documents([example_dir()])
ROWS = {row["name"]: row for row in rows()}


def test_it_is_sound_whole_and_needs_both_sites() -> None:
    judgement = judge(DOCUMENTS, load_baseline(), assume_departments=False)
    assert (judgement.problems, judgement.unjudged) == ((), ())
    assert len(judgement.tenants) == 24
    assert {tenant.spec.placement.site for tenant in judgement.tenants} == set(DOCUMENTS.sites) == {"onprem", "hosted"}


def test_it_has_every_template_classification_and_environment_and_all_business_units() -> None:
    specs = [document.spec for document in DOCUMENTS.requests]
    assert {spec["template"] for spec in specs} == set(Template)
    assert {spec["classification"] for spec in specs} == set(Classification)
    assert {spec["environment"] for spec in specs} == set(Environment)
    assert {entry["role"] for spec in specs for entry in spec["access"]} <= set(AccessRole)
    units = {row["business_unit"].lower().replace(" ", "-") for row in ROWS.values()}
    assert {spec["department"] for spec in specs} == set(DOCUMENTS.departments) == units


@pytest.mark.parametrize("document", DOCUMENTS.requests, ids=lambda document: document.name)
def test_each_tenant_is_made_from_its_row_with_nothing_but_its_classification_chosen(document: Document) -> None:
    assert document.data == request(ROWS[document.name], classification=document.spec["classification"])


def test_it_says_where_it_is_from() -> None:
    readme, licence = ((example_dir() / name).read_text(encoding="utf-8") for name in ("README.md", "LICENSE"))
    assert "ministryofjustice/cloud-platform-environments" in readme
    assert "Crown Copyright" in licence
    assert "Permission is hereby granted" in licence
