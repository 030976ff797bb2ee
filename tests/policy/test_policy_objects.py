"""What an API server makes of an object before its policies see it, and what we make of it, are the same."""

import json
import time
import uuid
from collections.abc import Iterator

import pytest
import yaml
from apiserver import ApiServer
from differing import OBJECTS, TEXT, find_differing
from place import list_classes

from tenantry.policy.objects.cluster import build_cluster
from tenantry.policy.objects.prepare import prepare_request


@pytest.fixture(scope="module")
def privileged(server: ApiServer) -> Iterator[str]:
    """A namespace where any pod may be."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    name = f"case-objects-{uuid.uuid4().hex[:6]}"
    with server.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}):
        yield name


@pytest.mark.parametrize(
    "index", range(len(OBJECTS)), ids=lambda i: f"{OBJECTS[i]['kind']}-{OBJECTS[i]['metadata']['name']}"
)
def test_an_object_is_decoded_and_defaulted_as_a_server_does_it(server: ApiServer, privileged: str, index: int) -> None:
    manifest = list(yaml.safe_load_all(TEXT.replace("{ns}", privileged)))[index]
    answer = server.try_create(manifest)
    assert answer.status == 201, answer.message
    prepared = prepare_request(manifest, build_cluster(list_classes(server)))
    assert (prepared.refused, prepared.dropped) == ((), ())
    assert prepared.request.object is not None
    assert find_differing(answer.body, prepared.request.object) == set()


def test_a_limit_range_fills_in_what_a_pod_leaves_out(server: ApiServer, privileged: str) -> None:
    metadata = {"name": "limits", "namespace": privileged}
    limits = [{"type": "Container", "default": {"memory": "1Gi"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": 2}}]
    ranges = {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": limits}}
    containers = [
        {"name": "a", "image": "i"},
        {"name": "b", "image": "i", "resources": {"limits": {"cpu": "1"}, "requests": {"memory": "5Mi"}}},
    ]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": privileged}}
    pod |= {"spec": {"containers": containers, "initContainers": [{"name": "c", "image": "i"}]}}
    with server.hold(ranges):
        for _ in range(100):
            answer = server.try_create(pod)
            if "limits" in answer.body["spec"]["containers"][0]["resources"]:
                break
            time.sleep(0.1)
    ours = prepare_request(pod, build_cluster([ranges])).request.object
    assert ours is not None
    for key in ("containers", "initContainers"):
        theirs = [one["resources"] for one in answer.body["spec"][key]]
        assert [one["resources"] for one in ours["spec"][key]] == theirs
    assert ours["status"] == answer.body["status"]


def test_a_namespace_gives_its_pods_nodes_and_tolerations(server: ApiServer) -> None:
    """As the namespaces of a class with nodes of its own are rendered."""
    scheduler = "scheduler.alpha.kubernetes.io"
    own = {"key": "pool", "operator": "Equal", "value": "own", "effect": "NoSchedule"}
    annotations = {f"{scheduler}/node-selector": "pool=own", f"{scheduler}/defaultTolerations": json.dumps([own])}
    name = f"case-pool-{uuid.uuid4().hex[:6]}"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}}
    longer = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "operator": "Exists"}
    pods = [
        {},
        {"nodeSelector": {"disk": "ssd"}},
        {"tolerations": [{"key": "pool", "operator": "Exists"}]},
        {"tolerations": [longer, {**longer, "tolerationSeconds": 5}, {"operator": "Exists", "effect": "NoSchedule"}]},
    ]
    with server.hold(namespace):
        for spec in pods:
            containers = [{"name": "a", "image": "i", "resources": {"requests": {"cpu": "1m"}}}]
            metadata = {"name": "p", "namespace": name}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}
            answer = server.try_create(pod)
            assert answer.status == 201, answer.message
            ours = prepare_request(pod, build_cluster([namespace])).request.object
            assert ours is not None
            for key in ("nodeSelector", "tolerations"):
                assert ours["spec"].get(key) == answer.body["spec"].get(key)
