"""Grants that tests start from."""

from typing import Any

from examples import minimal
from strategies import document
from tenantry.contract.model import Grant
from tenantry.contract.reading.schema import load_schema, validate
from tenantry.contract.structure import structure

GIVER, TAKER, OTHER = "t-4f9x2k7q", "t-9b3m5n1p", "t-0ther000"
FIRST, LAST = "2026-12-01", "2027-11-30"
"""The days of the schema's example."""
DATASET = {"bucket": "records", "prefix": "published/", "access": "read"}
PARTY = {"party": "acme-analytics"}
IDENTITY = {"issuer": "https://login.acme.example", "subject": "reader", "audience": "sts.north.example"}
"""By which tokens a store that federates knows the party."""
SERVICE = {"host": "records.north.example", "port": 8443}


def write_grant(name: str = "border-certificates", **spec: Any) -> dict[str, Any]:  # noqa: ANN401
    """Make a grant of a dataset, or of what `spec` says, from the giver to the taker."""
    example = load_schema("Grant")["examples"][0]
    shared = {} if "service" in spec else {"dataset": DATASET}
    kept = {key: value for key, value in example["spec"].items() if key != "dataset"}
    raw = {**example, "metadata": {"name": name}, "spec": {**kept, "consumer": {"tenant": TAKER}, **shared, **spec}}
    assert validate(document(raw)) == ()
    return raw


def make_grant(name: str = "border-certificates", **spec: Any) -> Grant:  # noqa: ANN401
    """Make the same as a value."""
    return structure(write_grant(name, **spec), Grant)


def giver(**spec: Any) -> dict[str, Any]:  # noqa: ANN401
    """Make the request of a tenant that has something to share."""
    usual = {"classification": "shared", "buckets": [{"name": "records"}], "placement": {"site": "site-north"}}
    return minimal(**{**usual, "ingress": {"hosts": [SERVICE["host"]]}, **spec})


def taker(*grants: str, name: str = "border-checks", **spec: Any) -> dict[str, Any]:  # noqa: ANN401
    """Make the request of a tenant whose workload uses grants."""
    accounts = [{"name": "app", "grants": list(grants)}]
    usual = {"id": TAKER, "department": "department-south", "classification": "shared", "serviceAccounts": accounts}
    return minimal(name, **{**usual, "placement": {"site": "site-north"}, **spec})
