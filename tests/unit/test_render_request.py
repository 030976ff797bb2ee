"""A request as an object says all that its tenant is, in the words of the contract."""

from typing import Any

import orjson
from hypothesis import given

from rendering import thorough
from strategies import document, tenants
from tenantry.contract.model import Tenant, TenantSpec
from tenantry.contract.reading.schema import validate
from tenantry.contract.structure import structure
from tenantry.render.naming import DOMAIN
from tenantry.render.request import render_request


def is_plain(value: Any) -> bool:  # noqa: ANN401
    """Say whether a value is what YAML and JSON have, and no subclass of it."""
    if isinstance(value, dict):
        return all(type(key) is str and is_plain(one) for key, one in value.items())
    return all(map(is_plain, value)) if isinstance(value, list) else type(value) in (str, int, bool)


@thorough
@given(tenants())
def test_nothing_is_lost_or_added(tenant: Tenant) -> None:
    made = dict(render_request(tenant))
    assert structure(made["spec"], TenantSpec) == tenant.spec
    assert is_plain(made)
    assert orjson.loads(orjson.dumps(made)) == made
    # A request says either a site or where one is to be; the object says both, once a site is chosen.
    asked = {**made["spec"], "placement": {"site": tenant.spec.placement.site}}
    assert validate(document({**made, "metadata": {"name": tenant.name}, "spec": asked})) == ()


@thorough
@given(tenants())
def test_it_is_marked_as_all_of_the_tenants_objects_are(tenant: Tenant) -> None:
    metadata = render_request(tenant)["metadata"]
    assert metadata["name"] == tenant.name
    assert metadata["labels"][f"{DOMAIN}/tenant"] == tenant.id
    assert metadata["labels"][f"{DOMAIN}/classification"] == tenant.spec.classification
    assert metadata["annotations"][f"{DOMAIN}/baseline"] == tenant.spec.baseline
