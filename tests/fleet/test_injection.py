"""A pod finds its store by itself: a site's API server gives it the address, and its account's key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from operators import Operator, make_operator, request
from pods import Kubelet, create, environment, pod
from sites import Sandbox

SITE = "onprem"
STORE = {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "AWS_SHARED_CREDENTIALS_FILE"}


@pytest.fixture(scope="module")
def engineer(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An engineer whose site says how pods reach its store, and has the baseline."""
    operator = make_operator(sandbox, tmp_path_factory.mktemp("injection"))
    store = sandbox.connection(SITE).object_store
    assert store.ca_file is not None
    file = operator.government / "sites" / f"{SITE}.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    authority = store.ca_file.read_text()
    said = {"endpoint": store.endpoint, "region": store.region, "certificateAuthority": authority}
    document["spec"]["objectStore"] = said
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    done = operator.run("baseline", "sync", SITE)
    assert done.returncode == 0, done.stderr
    yield operator
    sandbox.forget_policies(SITE)


@pytest.fixture(scope="module")
def wanted(engineer: Operator) -> dict[str, Any]:
    """A tenant with an account that uses a bucket, one that uses none, and one in a namespace of its own."""
    accounts = [
        {"name": "app", "namespace": "main", "buckets": [{"bucket": "documents", "access": "readWrite"}]},
        {"name": "idle", "namespace": "main"},
        {"name": "loader", "namespace": "jobs", "buckets": [{"bucket": "documents", "access": "read"}]},
    ]
    asked = request(serviceAccounts=accounts)
    engineer.ask(asked)
    engineer.apply()
    return asked


def test_a_pod_uses_its_bucket_with_what_it_finds(
    sandbox: Sandbox, engineer: Operator, wanted: dict[str, Any], tmp_path: Path
) -> None:
    tenant = wanted["spec"]["id"]
    made = create(sandbox, SITE, pod(f"{tenant}-main"))
    assert environment(made).keys() == STORE
    kubelet = Kubelet(sandbox, SITE, tmp_path / "node")
    kubelet.project(made)
    done = kubelet.run(made, f"{tenant}-documents", "one")
    assert (done.returncode, done.stdout) == (0, "from a pod\n"), done.stderr
    # A pod that lives longer than its keys: a node renews the file, and the environment stays as it was.
    for _ in range(2):
        assert engineer.run("sync", ".", "--new-keys").returncode == 0
    assert "InvalidAccessKeyId" in kubelet.run(made, f"{tenant}-documents", "two").stderr
    kubelet.project(made)
    assert kubelet.run(made, f"{tenant}-documents", "two").returncode == 0
    assert engineer.differences() == {}


def test_each_container_gets_it_and_what_it_sets_itself_stays(sandbox: Sandbox, wanted: dict[str, Any]) -> None:
    namespace = f"{wanted['spec']['id']}-main"
    plain = pod(namespace)
    (container,) = plain["spec"]["containers"]
    own = {"name": "AWS_REGION", "value": "elsewhere"}
    plain["spec"]["containers"] = [
        {**container, "env": [own, {"name": "OTHER", "value": "1"}]},
        {**container, "name": "b"},
    ]
    plain["spec"]["initContainers"] = [{**container, "name": "first"}]
    made = create(sandbox, SITE, plain)["spec"]
    for one in (*made["containers"], *made["initContainers"]):
        named = [each["name"] for each in one["env"]]
        assert sorted(named) == sorted({*named}), "no variable is there twice"
        assert set(named) >= STORE
        assert [mount["name"] for mount in one["volumeMounts"]] == ["tenantry-store"]
    assert own in made["containers"][0]["env"]
    assert {"name": "OTHER", "value": "1"} in made["containers"][0]["env"]


def test_who_uses_no_data_gets_nothing(sandbox: Sandbox, wanted: dict[str, Any]) -> None:
    tenant = wanted["spec"]["id"]
    untouched = [pod(f"{tenant}-main", "idle"), pod(f"{tenant}-main", None), pod(f"{tenant}-jobs", None)]
    for manifest in untouched:
        made = create(sandbox, SITE, manifest)
        assert environment(made) == {}
        assert "volumes" not in made["spec"]
    loader = create(sandbox, SITE, pod(f"{tenant}-jobs", "loader"))
    (volume,) = loader["spec"]["volumes"]
    named = json.dumps(volume["projected"]["sources"])
    assert "loader-buckets" in named
    assert "app-buckets" not in named


def test_a_pod_that_brings_its_own_volume_is_left_alone(sandbox: Sandbox, wanted: dict[str, Any]) -> None:
    own = [{"name": "tenantry-store", "emptyDir": {}}]
    made = create(sandbox, SITE, pod(f"{wanted['spec']['id']}-main", volumes=own))
    assert environment(made) == {}
    assert made["spec"]["volumes"] == own
