"""What holds of the objects of any valid request: names, labels, quotas, and the same bytes for the same request."""

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import strategies
from examples import minimal
from rendering import QUALIFIED, both, owned, rendered, thorough
from strategies import baseline, completed, departments, requests, sites, tenants
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete
from tenantry.contract.model import Metadata, Tenant
from tenantry.contract.quantity import format_bytes, format_cpu
from tenantry.problems import InputError
from tenantry.render import Manifest, object_key, to_yaml

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
BUCKET = re.compile(r"[a-z0-9][-a-z0-9]{1,61}[a-z0-9]\Z")
IAM = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}\Z")
PATH_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[^/%]{1,253}\Z")
NAMES = {
    "Namespace": DNS_LABEL,
    "Bucket": BUCKET,
    "User": IAM,
    "Role": IAM,
    "AccessKey": IAM,
    "rbac": PATH_SEGMENT,
}


def check_names(documents: Iterable[Manifest]) -> None:
    for document in documents:
        name, kind = document["metadata"]["name"], document["kind"]
        rule = NAMES["rbac"] if document["apiVersion"].startswith("rbac.") else NAMES.get(kind, DNS_SUBDOMAIN)
        assert rule.match(name), object_key(document)
        assert DNS_LABEL.match(document["metadata"].get("namespace", "a")), object_key(document)


@thorough
@given(tenants())
def test_every_name_is_valid_where_it_is_used(tenant: Tenant) -> None:
    check_names(both(tenant))
    keys = [object_key(document) for document in rendered(tenant).documents]
    assert len(keys) == len(set(keys))


def test_the_longest_names_fit_everywhere() -> None:
    """No draw is sure to come to the edge: 63 for Kubernetes and S3, 64 for IAM."""
    namespace, bucket, account = "n" * 32, "b" * 50, "a" * 20
    request = minimal(
        name="t" * 63,
        classification="open",
        namespaces=[{"name": namespace}],
        buckets=[{"name": bucket}],
        serviceAccounts=[
            {"name": account, "namespace": namespace, "buckets": [{"bucket": bucket, "access": "readWrite"}]}
        ],
        access=[{"group": "g" * 128, "role": "admin"}],
    )
    tenant = completed(request)
    check_names(both(tenant))
    lengths = {each["kind"]: len(each["metadata"]["name"]) for each in rendered(tenant).object_store}
    assert lengths == {"Bucket": 61, "Role": 64}


@thorough
@given(tenants())
def test_every_label_and_annotation_is_one_that_kubernetes_takes(tenant: Tenant) -> None:
    for document in both(tenant):
        metadata = document["metadata"]
        for key in (*metadata["labels"], *metadata["annotations"]):
            prefix, _, name = key.rpartition("/")
            assert QUALIFIED.match(name), key
            assert not prefix or DNS_SUBDOMAIN.match(prefix), key
        for value in metadata["labels"].values():
            assert value == "" or QUALIFIED.match(value), value
        assert all(isinstance(value, str) for value in metadata["annotations"].values())
        assert sum(len(f"{key}{value}".encode()) for key, value in metadata["annotations"].items()) < 256 * 1024


@thorough
@given(requests(), requests())
def test_two_tenants_share_no_namespace_bucket_or_identity(one: dict[str, Any], other: dict[str, Any]) -> None:
    assume(one["spec"]["id"] != other["spec"]["id"])
    assert not owned(completed(one)) & owned(completed(other))


# Names of three labels of two letters each, as lists of labels from the left, and all names below them.
_LABELS = st.sampled_from(["a", "b"])
_CLAIMS = st.lists(
    st.builds(
        lambda labels, wild: ("*." if wild else "") + ".".join([*labels, "example"]),
        st.lists(_LABELS, min_size=1, max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
    unique=True,
)
_NAMES = [".".join([*labels, "example"]) for count in range(1, 5) for labels in itertools.product("ab", repeat=count)]


def names_of(claims: Iterable[str]) -> set[str]:
    """Give every name that hosts stand for, of those that are possible here: a wildcard is all that lies below."""
    return {
        name
        for name in _NAMES
        for claim in claims
        if name == claim or (claim.startswith("*.") and name.endswith(claim[1:]))
    }


@settings(thorough, max_examples=200)
@given(_CLAIMS, _CLAIMS)
def test_two_tenants_never_share_a_host(mine: list[str], theirs: list[str]) -> None:
    asked = [
        minimal(name=name, id=f"t-{name * 4}", department="department-north", classification="open", **hosts)
        for name, hosts in (("aa", {"ingress": {"hosts": mine}}), ("bb", {"ingress": {"hosts": theirs}}))
    ]
    world = Documents(
        requests=tuple(strategies.document(each) for each in asked), sites=sites(), departments=departments()
    )
    if names_of(mine) & names_of(theirs):
        with pytest.raises(InputError) as refused:
            complete(world, baseline())
        assert {each.code for each in refused.value.problems} == {"TEN-132"}
    else:
        namespaces = [rendered(tenant).kubernetes[0] for tenant in complete(world, baseline())]
        owned_hosts = [each["metadata"]["annotations"]["tenantry.dev/hosts"].split() for each in namespaces]
        assert owned_hosts == [mine, theirs]


@thorough
@given(requests(), st.from_regex(r"t-[a-z0-9]{8}", fullmatch=True))
def test_a_twin_with_another_id_shares_nothing(request: dict[str, Any], other: str) -> None:
    """Two requests that differ in nothing but their id are the nearest that two tenants can come."""
    peers = {intent.get("tenant") for intent in request["spec"].get("intents", ())}
    assume(other != request["spec"]["id"] and other not in peers)
    twin = {**request, "spec": {**request["spec"], "id": other}}
    assert not owned(completed(request)) & owned(completed(twin))


@thorough
@given(tenants())
def test_the_namespaces_quotas_are_the_tenants(tenant: Tenant) -> None:
    hard = [d["spec"]["hard"] for d in rendered(tenant).kubernetes if d["metadata"]["name"] == "tenantry-quota"]
    quota = tenant.spec.quota
    assert len(hard) == len(tenant.spec.namespaces)
    assert sum(milli(each["requests.cpu"]) for each in hard) == quota.cpu
    assert sum(whole(each["requests.memory"]) for each in hard) == quota.memory
    assert sum(whole(each["requests.storage"]) for each in hard) == quota.storage
    assert sum(int(each["pods"]) for each in hard) == quota.pods


def milli(quantity: str) -> int:
    return int(quantity[:-1]) if quantity.endswith("m") else int(quantity) * 1000


def whole(quantity: str) -> int:
    for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1):
        if quantity.endswith(suffix):
            return int(quantity.removesuffix(suffix)) * 1024**power
    return int(quantity)


@thorough
@given(tenants())
def test_container_limits_are_ones_that_kubernetes_takes(tenant: Tenant) -> None:
    """A LimitRange is refused unless the default request is within the default limit, and that within the maximum."""
    for document in rendered(tenant).kubernetes:
        if document["kind"] == "LimitRange":
            (limit,) = document["spec"]["limits"]
            for read, what in ((milli, "cpu"), (whole, "memory")):
                assert read(limit["defaultRequest"][what]) <= read(limit["default"][what]) <= read(limit["max"][what])


@thorough
@given(tenants())
def test_every_object_says_whose_it_is(tenant: Tenant) -> None:
    spec = tenant.spec
    for document in both(tenant):
        labels, notes = document["metadata"]["labels"], document["metadata"]["annotations"]
        assert tenant.metadata.labels.items() <= labels.items()
        assert labels["app.kubernetes.io/managed-by"] == "tenantry"
        assert labels["tenantry.dev/tenant"] == tenant.id
        assert labels["tenantry.dev/department"] == spec.department
        assert labels["tenantry.dev/environment"] == spec.environment
        assert labels["tenantry.dev/classification"] == spec.classification
        assert "tenantry.dev/cost-centre" in labels
        assert notes["tenantry.dev/cost-centre"] == spec.cost_centre
        assert notes["tenantry.dev/owner"] == spec.contacts.owner
        assert notes["tenantry.dev/technical-contacts"].split() == list(spec.contacts.technical)
        assert notes["tenantry.dev/security-contact"] == spec.contacts.security
        assert notes["tenantry.dev/finance-contact"] == spec.contacts.finance
        assert ("tenantry.dev/budget" in notes) == (spec.budget is not None)
        assert ("tenantry.dev/lease-ends" in notes) == (spec.lease is not None)


@thorough
@given(tenants(), st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True))
def test_a_renamed_tenant_keeps_its_objects(tenant: Tenant, name: str) -> None:
    renamed = replace(tenant, metadata=Metadata(name=name, labels=tenant.metadata.labels))
    before, after = rendered(tenant).documents, rendered(renamed).documents
    assert [object_key(document) for document in before] == [object_key(document) for document in after]
    for old, new in zip(before, after, strict=True):
        notes = {**old["metadata"]["annotations"], "tenantry.dev/name": name}
        assert new == {**old, "metadata": {**old["metadata"], "annotations": notes}}


@thorough
@given(tenants())
def test_the_same_request_gives_the_same_bytes_and_yaml_loses_nothing(tenant: Tenant) -> None:
    documents = rendered(tenant).documents
    text = to_yaml(documents)
    assert text == to_yaml(rendered(tenant).documents)
    assert rendered(tenant).digest == rendered(tenant).digest
    assert list(yaml.safe_load_all(text)) == json.loads(json.dumps(documents))


RENDER_ALL = """
import sys
from golden.cases import files
from tenantry.data import example_dir
from tenantry.fleet.selection import select
from tenantry.render import to_yaml
for one in select([str(example_dir())]).planned:
    sys.stdout.write(one.rendered.digest + to_yaml(one.rendered.documents))
sys.stdout.write("".join(files().values()))
"""


def test_another_process_gives_the_same_bytes() -> None:
    outputs = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", RENDER_ALL], env=environment, capture_output=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop()) > 100_000


def test_quantities_are_read_back_as_they_were_written() -> None:
    """`milli` and `whole` above are what the sums rest on."""
    for amount in (0, 1, 999, 1000, 1024, 1536, 1024**2, 5 * 1024**4 + 1):
        assert milli(format_cpu(amount)) == amount  # type: ignore[arg-type]
        assert whole(format_bytes(amount)) == amount  # type: ignore[arg-type]
