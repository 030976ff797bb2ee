"""A pipeline's name at a site says what binds it, and nothing that another pipeline could be called, too."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import minimal
from strategies import baseline, completed, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge
from tenantry.contract.model import CiSystem, ContinuousIntegration, Site
from tenantry.contract.reading.schema import load_schema, validate
from tenantry.render import render_tenant
from tenantry.render.access import render_access
from tenantry.render.pipelines import pipeline_subject, pipeline_user, render_authentication
from tenantry.render.store.identities import STORE_AUDIENCE

CI = ContinuousIntegration("https://ci.gov.example", "health/records", "main", None, ())
NAME = load_schema("Tenant")["properties"]["spec"]["properties"]["ci"]["properties"]["repository"]["pattern"]


def named() -> st.SearchStrategy[str]:
    return st.from_regex(NAME, fullmatch=True).map(lambda text: text.strip())


def pipelines() -> st.SearchStrategy[ContinuousIntegration]:
    return st.builds(ContinuousIntegration, st.just(CI.issuer), named(), named(), named() | st.none(), st.just(()))


@given(st.lists(pipelines(), min_size=2))
def test_two_pipelines_never_have_one_name(several: list[ContinuousIntegration]) -> None:
    assert len({pipeline_user(one) for one in several}) == len(set(several))


def test_the_role_is_bound_to_the_name_that_the_site_makes_of_a_token() -> None:
    ci = {"issuer": CI.issuer, "repository": CI.repository, "branch": CI.branch}
    bindings = [one for one in render_access(completed(minimal(ci=ci))) if one["kind"] == "RoleBinding"]
    bound = [subject for one in bindings for subject in one["subjects"] if subject["kind"] == "User"]
    assert [one["name"] for one in bound] == ["ci:ci.gov.example:health/records:main"]


def test_a_site_of_an_older_kubernetes_is_told_in_the_version_that_it_reads() -> None:
    site = sites()["site-north"]
    for minor, version in (("1.37", "v1"), ("1.34", "v1"), ("1.33", "v1beta1")):
        older = Site(site.metadata, replace(site.spec, kubernetes_minor=minor))
        assert render_authentication(older)["apiVersion"] == f"apiserver.config.k8s.io/{version}"


@pytest.mark.parametrize(
    ("issuer", "fix"),
    [
        ("https://ci.gov.example", None),
        ("https://other.example", "name one of https://ci.gov.example, or have it added to the site's pipelines"),
    ],
)
def test_a_pipeline_of_an_issuer_that_the_site_does_not_know_is_refused(issuer: str, fix: str | None) -> None:
    asked = minimal(placement={"site": "site-north"}, ci={"issuer": issuer, "repository": "a/b", "branch": "main"})
    documents = Documents(requests=(document(asked),), sites=sites(), departments=departments())
    problems = judge(documents, baseline()).problems
    assert [(one.code, one.fix) for one in problems] == ([("TEN-144", fix)] if fix else [])


DATA = [{"bucket": "records", "access": "readWrite"}]
FORM = "repo:{repository}:environment:{environment}:ref:refs/heads/{branch}"


def _site(**pipelines: Any) -> Site:  # noqa: ANN401  (values of a document)
    plain = sites()["site-north"]
    known = tuple(replace(one, **pipelines) for one in plain.spec.pipelines)
    return Site(plain.metadata, replace(plain.spec, pipelines=known))


def _judged(site: Site, **ci: Any) -> list[tuple[str, str]]:  # noqa: ANN401  (values of a document)
    pipeline = {"issuer": CI.issuer, "repository": "a/b", "branch": "main", "buckets": DATA, **ci}
    asked = minimal(placement={"site": "site-north"}, buckets=[{"name": "records"}], ci=pipeline)
    documents = Documents(requests=(document(asked),), sites={"site-north": site}, departments=departments())
    return [(one.code, one.message) for one in judge(documents, baseline()).problems]


def test_a_pipeline_has_data_only_where_a_store_can_tell_it_from_others() -> None:
    north = sites()["site-north"]
    keys = tuple(one for one in north.spec.capabilities if one != "sts.webIdentity")
    assert _judged(north) == []
    for asked, site, code in (
        ({}, Site(north.metadata, replace(north.spec, capabilities=keys)), "TEN-180"),
        ({}, Site(north.metadata, replace(north.spec, issuer=None)), "TEN-180"),
        ({"environment": "production"}, north, "TEN-181"),
        ({"environment": "production"}, _site(subject="repo:{repository}:environment:{environment}"), "TEN-181"),
        ({}, _site(subject="repo:{repository}"), "TEN-181"),
        ({"buckets": [{"bucket": "other", "access": "read"}]}, north, "TEN-137"),
    ):
        assert [found for found, _ in _judged(site, **asked)] == [code], (asked, code)
    assert _judged(_site(subject=FORM), environment="production") == []


@given(st.lists(pipelines(), min_size=2, unique=True))
def test_no_token_of_one_pipeline_is_that_of_another(several: list[ContinuousIntegration]) -> None:
    site = _site(subject=FORM)
    # The form binds all three; who names no environment has an empty one.
    assert len({pipeline_subject(one, site) for one in several}) == len(several)


@pytest.mark.parametrize(
    ("system", "subject"),
    [
        (CiSystem.GITHUB, "repo:health/records:ref:refs/heads/main"),
        (CiSystem.GITLAB, "project_path:health/records:ref_type:branch:ref:main"),
    ],
)
def test_a_role_trusts_the_subject_that_the_system_writes(system: CiSystem, subject: str) -> None:
    pipeline = {"issuer": CI.issuer, "repository": CI.repository, "branch": CI.branch, "buckets": DATA}
    tenant = completed(minimal(buckets=[{"name": "records"}], ci=pipeline))
    rendered = render_tenant(tenant, _site(system=system), baseline())
    (role,) = (one for one in rendered.object_store if one["metadata"]["name"] == f"{tenant.id}@ci")
    (statement,) = role["spec"]["trust"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"ci.gov.example:sub": subject, "ci.gov.example:aud": STORE_AUDIENCE}
    }


def test_a_certificate_is_taken_as_it_is_written() -> None:
    example: dict[str, Any] = load_schema("Site")["examples"][0]
    (known,) = example["spec"]["pipelines"]
    for text, sound in (
        ("-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n", True),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" * 2, True),
        ("/etc/ca.crt", False),
        ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", False),
    ):
        spec = {**example["spec"], "pipelines": [{**known, "certificateAuthority": text}]}
        assert (validate(document({**example, "spec": spec})) == ()) is sound, text
