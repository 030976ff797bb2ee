"""An outside party comes at a dataset by an identity of the grant's own, which may do nothing else."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from granting import DATASET, FIRST, GIVER, IDENTITY, LAST, PARTY, SERVICE, giver, make_grant
from rendering import thorough
from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge
from tenantry.contract.model import Grant, Tenant
from tenantry.contract.sharing import find_sharing
from tenantry.render import Manifest, Rendered, render_tenant
from tenantry.render.naming import grant_identity_name

SITE = sites()["site-north"]
KEYS, TOKENS = "iam.users", "sts.webIdentity"
KNOWN = {**PARTY, "identity": IDENTITY}
NAME = f"{GIVER}.border-certificates"
BUCKET = f"arn:aws:s3:::{GIVER}-records"


def provider() -> Tenant:
    documents = Documents(requests=(document(giver()),), sites=sites(), departments=departments())
    (found,) = judge(documents, baseline()).tenants
    return found


def render(*grants: Grant, capabilities: tuple[str, ...], day: str = FIRST) -> Rendered:
    site = replace(SITE, spec=replace(SITE.spec, capabilities=capabilities))
    tenant = provider()
    return render_tenant(tenant, site, baseline(), find_sharing(tenant, grants, date.fromisoformat(day)))


def of_kind(made: Rendered, *kinds: str) -> list[Manifest]:
    return [one for one in made.object_store if one["kind"] in kinds]


def secrets(made: Rendered) -> list[Manifest]:
    return [one for one in made.kubernetes if one["kind"] == "Secret"]


def rights(document: Manifest) -> set[tuple[str, str]]:
    """What an identity may do: action and resource, with what a listing is held to."""
    return {
        (action, f"{resource}{one['Condition']['StringLike']['s3:prefix'] if 'Condition' in one else ''}")
        for one in document["spec"]["policies"]["buckets"]["Statement"]
        for action in one["Action"]
        for resource in one["Resource"]
    }


READS = {
    ("s3:GetObject", f"{BUCKET}/published/*"),
    ("s3:GetObjectVersion", f"{BUCKET}/published/*"),
    ("s3:ListBucket", f"{BUCKET}['published/*']"),
}
WRITES = {
    (action, f"{BUCKET}/published/*")
    for action in ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
}


@pytest.mark.parametrize(("access", "may"), [("read", READS), ("write", WRITES)])
def test_a_party_with_tokens_has_a_role_that_takes_those_and_no_others(access: str, may: set[tuple[str, str]]) -> None:
    grant = make_grant(consumer=KNOWN, dataset={**DATASET, "access": access})
    made = render(grant, capabilities=(TOKENS, KEYS))
    (role,) = of_kind(made, "Role", "User", "AccessKey")
    assert (role["kind"], role["metadata"]["name"]) == ("Role", NAME)
    (statement,) = role["spec"]["trust"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Federated": ["arn:aws:iam:::oidc-provider/login.acme.example"]},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {
            "StringEquals": {"login.acme.example:sub": "reader", "login.acme.example:aud": "sts.north.example"}
        },
    }
    assert rights(role) == may
    assert secrets(made) == []


@pytest.mark.parametrize(("consumer", "capabilities"), [(PARTY, (TOKENS, KEYS)), (KNOWN, (KEYS,)), (PARTY, (KEYS,))])
def test_any_other_party_has_a_user_and_a_key_that_the_provider_hands_over(
    consumer: dict[str, Any], capabilities: tuple[str, ...]
) -> None:
    made = render(make_grant(consumer=consumer), capabilities=capabilities)
    user, key = of_kind(made, "Role", "User", "AccessKey")
    assert (user["kind"], user["metadata"]["name"], rights(user)) == ("User", NAME, READS)
    assert (key["kind"], key["spec"]) == ("AccessKey", {"user": NAME})
    (secret,) = secrets(made)
    assert (secret["metadata"]["namespace"], secret["metadata"]["name"]) == (
        made.namespaces[0],
        "grant.border-certificates",
    )
    notes = secret["metadata"]["annotations"]
    assert notes["tenantry.dev/filled-by"] == f"AccessKey/{NAME}"
    assert notes["tenantry.dev/reason"] == "Grant border-certificates: Checks vaccination certificates at the border."


def test_it_ends_with_the_grant_and_a_store_without_a_way_opens_nothing() -> None:
    plain = render(capabilities=(TOKENS, KEYS))
    for consumer in (PARTY, KNOWN):
        for over in (
            render(make_grant(consumer=consumer), capabilities=(TOKENS, KEYS), day="2027-12-01"),
            render(make_grant(consumer=consumer, withdrawn=FIRST), capabilities=(TOKENS, KEYS)),
            render(make_grant(consumer=consumer, service=SERVICE), capabilities=(TOKENS, KEYS)),
        ):
            assert over.documents == plain.documents
            assert over.grants == {}
        assert render(make_grant(consumer=consumer), capabilities=(TOKENS, KEYS), day=LAST).grants != {}
    for consumer, capabilities in ((PARTY, (TOKENS,)), (KNOWN, ())):
        shut = render(make_grant(consumer=consumer), capabilities=capabilities)
        assert shut.documents == render(capabilities=capabilities).documents
        assert shut.grants == {}


_names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


@thorough
@given(st.lists(_names, min_size=2, max_size=20, unique=True))
def test_each_grant_has_a_name_of_its_own_in_the_store_that_is_no_account_s(names: list[str]) -> None:
    long = [f"{name[:1]}{'a' * 55}{index}" for index, name in enumerate(names)]
    found = [grant_identity_name(make_grant(name)) for name in {*names, *long}]
    assert len(set(found)) == len({*names, *long})
    assert all(len(one) <= 64 and one.startswith(f"{GIVER}.") and one.count(".") == 1 for one in found)
    # Ceph takes less in a role's name than IAM does: no `_`.
    assert all(re.fullmatch(r"[A-Za-z0-9:=,.@-]+", one) for one in found)
