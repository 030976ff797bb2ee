"""The baseline's policies say the same offline and in an API server, and of pods what Pod Security admission says."""

import random
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from apiserver import ApiServer, Manifest
from baseline import around_case, policy_of, show
from place import ABOUT, CLASSES, REFUSED, SERVED, Place, as_a_server, tenant_namespace, warning_baseline

from tenantry.data import policy_dir
from tenantry.policy import Placed, build_policies, judge, read_paths

MIXED, SEED = 150, 37
# Pod Security admission says nothing of these policies.
STANDARDS = {path.parent.name for path in policy_dir().glob("workload/pod-*/policy.yaml")}
PODS = [
    placed.manifest
    for case in SERVED
    if policy_of(case) in STANDARDS
    for placed in read_paths([case])
    if placed.manifest["kind"] == "Pod"
]


@pytest.fixture(scope="module")
def baseline(server: ApiServer) -> Iterator[list[Manifest]]:
    """The workload policies, in force, where nothing is denied and everything is said."""
    warning = warning_baseline()
    with server.hold(*CLASSES, *warning):
        yield warning


@pytest.fixture(scope="module")
def place(server: ApiServer, baseline: list[Manifest]) -> Iterator[Place]:
    with tenant_namespace(server, baseline) as made:
        yield made


@pytest.mark.parametrize("case", [case for case in SERVED if not around_case(case, "")[0]], ids=show)
def test_a_case_is_judged_alike(place: Place, baseline: list[Manifest], case: Path) -> None:
    if policy_of(case) in ABOUT:
        with tenant_namespace(place.server, baseline, case) as bare:
            check_case(bare, case)
    else:
        check_case(place, case)


@pytest.mark.parametrize("case", [case for case in SERVED if around_case(case, "")[0]], ids=show)
def test_a_case_that_brings_more_is_judged_alike(server: ApiServer, baseline: list[Manifest], case: Path) -> None:
    with tenant_namespace(server, baseline, case) as place:
        check_case(place, case)


def check_case(place: Place, case: Path) -> None:
    judged = around_case(case, place.name)[1].manifest
    if show(case) in REFUSED:
        assert place.server.try_create(place.placed(judged)).status in (403, 422)
        return
    theirs, violates = place.theirs(judged)
    found = place.find(judged)
    assert as_a_server(found) == theirs
    if policy_of(case) in STANDARDS and judged["kind"] == "Pod":
        assert bool(theirs & STANDARDS) == violates
    assert (policy_of(case) in {finding.policy for finding in found}) != case.stem.startswith("allow_")


def test_mixed_pods_are_judged_alike(place: Place) -> None:
    """Pods that have parts of several cases, sound and unsound."""
    chance = random.Random(SEED)
    tried = 0
    for _ in range(MIXED):
        pod = mix(chance)
        answer = place.server.try_create(place.placed(pod))
        if answer.status == 422:
            continue  # parts that an API server doesn't take together
        tried += 1
        theirs, violates = place.theirs(pod)
        assert (as_a_server(place.find(pod)), bool(theirs & STANDARDS)) == (theirs, violates), pod
    assert tried > MIXED // 2


def mix(chance: random.Random) -> Manifest:
    """Make a pod of the containers, volumes and settings of some cases."""
    chosen = [deepcopy(pod) for pod in chance.sample(PODS, 3)]
    spec: dict[str, Any] = {}
    for pod in chosen:
        for key, value in pod["spec"].items():
            if key in ("containers", "initContainers", "volumes"):
                kept = [{**one, "name": f"{one['name']}-{len(spec.get(key) or ())}"} for one in value or ()]
                spec[key] = [*(spec.get(key) or ()), *kept]
            elif chance.random() < 0.7:
                spec[key] = value
    return {**chosen[0], "spec": spec}


def test_what_the_api_server_makes_itself_passes(server: ApiServer, baseline: list[Manifest]) -> None:
    """The names that are kept for its own roles are exactly those that it has."""
    own: list[Manifest] = []
    for plural, kind in (("clusterroles", "ClusterRole"), ("clusterrolebindings", "ClusterRoleBinding")):
        version = "rbac.authorization.k8s.io/v1"
        labelled = {"labelSelector": "kubernetes.io/bootstrapping=rbac-defaults"}
        found = server.request("GET", f"/apis/{version}/{plural}", **labelled).body["items"]
        own += [{"apiVersion": version, "kind": kind, **one} for one in found]
    judged = list(judge(build_policies(map(Placed, baseline)), map(Placed, own)))
    assert [str(finding) for one in judged for finding in one.findings] == []
    (policy,) = (
        one for one in baseline if one["metadata"]["name"] == "rbac-reserved-names" and "variables" in one["spec"]
    )
    (known,) = (one["expression"] for one in policy["spec"]["variables"] if one["name"] == "known")
    assert sorted(re.findall(r"'([^']+)'", known)) == sorted({one["metadata"]["name"] for one in own})
