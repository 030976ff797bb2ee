"""The built-in kinds of Kubernetes: what they're called, and what their Go types look like.

`kinds.json` is made by tests/policy/generate from Kubernetes' own source and a real API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from tenantry.policy.objects.request import Resource

_FILE = Path(__file__).with_name("kinds.json")
# The kinds of tenantry's own that policies judge, or take as parameters; none lies in a namespace.
OWN_GROUP, OWN_VERSION = "tenantry.dev", "v1"
_OWN = {
    "Bucket": "buckets",
    "Tenant": "tenants",
    "HostFacts": "hostfacts",
    "Baseline": "baselines",
    "Department": "departments",
    "Site": "sites",
    "Grant": "grants",
}


@cache
def _load() -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(_FILE.read_bytes())
    return data


def get_shapes() -> Mapping[str, Mapping[str, str]]:
    """The fields of each Go struct, with how each is described."""
    shapes: Mapping[str, Mapping[str, str]] = _load()["structs"]
    return shapes


def find_shape(api_version: str, kind: str) -> str | None:
    """The struct of a built-in kind."""
    shape: str | None = _load()["kinds"].get(f"{api_version}/{kind}")
    return shape


def split_version(api_version: str) -> tuple[str, str]:
    """Group and version of an apiVersion."""
    group, _, version = api_version.rpartition("/")
    return group, version


# Built-in kinds that the API server shows in more than one version, by what's common to them.
_VERSIONS = (
    (("autoscaling/v1", "HorizontalPodAutoscaler"), ("autoscaling/v2", "HorizontalPodAutoscaler")),
    (("v1", "Event"), ("events.k8s.io/v1", "Event")),
)


def find_other_versions(api_version: str, kind: str) -> list[Resource]:
    """The other versions of a built-in kind."""
    found = []
    for versions in _VERSIONS:
        if (api_version, kind) in versions:
            found += [find_resource(*one) for one in versions if one != (api_version, kind)]
    return [one for one in found if one is not None]


@cache
def find_resource(api_version: str, kind: str) -> Resource | None:
    """A built-in kind, or one of tenantry's."""
    group, version = split_version(api_version)
    if (group, version) == (OWN_GROUP, OWN_VERSION) and kind in _OWN:
        return Resource(group, version, _OWN[kind], kind, namespaced=False)
    found = _load()["resources"].get(f"{api_version}/{kind}")
    return None if found is None else Resource(group, version, found[0], kind, found[1])


def guess_resource(api_version: str, kind: str, *, namespaced: bool) -> Resource:
    """A kind that nothing describes, named as kubectl would guess."""
    group, version = split_version(api_version)
    lower = kind.lower()
    if lower.endswith("s"):
        plural = lower + "es"
    elif lower.endswith("y"):
        plural = lower[:-1] + "ies"
    else:
        plural = lower + "s"
    return Resource(group, version, plural, kind, namespaced)
