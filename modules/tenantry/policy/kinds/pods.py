"""What admission fills into a new pod, or a claim, before policies see it, by the plugins that tenantry's sites run.

Source: plugin/pkg/admission of Kubernetes, in the order of its own list: LimitRanger, ServiceAccount, PodNodeSelector,
Priority, DefaultTolerationSeconds, PodTolerationRestriction, DefaultStorageClass.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from tenantry.policy.documents.model import Manifest
from tenantry.policy.kinds.strategy import choose_quality, settle_pod
from tenantry.policy.kinds.whole import fill

_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_MEMORY_PRESSURE = {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"}
_NODE_SELECTOR = "scheduler.alpha.kubernetes.io/node-selector"
_TOLERATIONS = "scheduler.alpha.kubernetes.io/defaultTolerations"
_PREEMPTS = "PreemptLowerPriority"
_OLD_STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class"
_MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
# The server adds five random characters. What is decoded is only ever read, so the sources may be shared.
_ACCESS_VOLUME = "kube-api-access-00000"
_TOKEN_SOURCES = [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {
        "downwardAPI": {
            "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
        }
    },
]


def fill_limits(spec: Manifest, ranges: Iterable[Manifest]) -> None:
    """The limits and requests that LimitRanges of the namespace give to containers that have none."""
    for limit in (item for one in ranges for item in (one.get("spec") or {}).get("limits") or ()):
        if limit.get("type") != "Container":
            continue
        for container in (*spec.get("initContainers", ()), *(spec.get("containers") or ())):
            resources = container["resources"]
            for key, name in (("limits", "default"), ("requests", "defaultRequest")):
                if limit.get(name):
                    resources[key] = limit[name] | resources.get(key, {})


def admit_pod(
    pod: Manifest,
    *,
    mounts_token: bool = True,
    ranges: Iterable[Manifest] = (),
    annotations: Mapping[str, Any] = MappingProxyType({}),
    priorities: Mapping[str, Manifest] = MappingProxyType({}),
) -> None:
    """What admission fills into a new pod.

    `mounts_token` tells whether its service account wants tokens mounted, where the pod itself doesn't say; `ranges`
    are the LimitRanges of its namespace, decoded, and `annotations` the namespace's; `priorities` are the
    PriorityClasses that are known, by name.
    """
    spec = pod["spec"]
    fill_limits(spec, ranges)
    if not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"] = "default"
    _select_nodes(spec, str(annotations.get(_NODE_SELECTOR) or ""))
    _set_priority(spec, priorities)
    if spec.get("automountServiceAccountToken", mounts_token):
        _mount_token(spec)
    _add_lasting(spec)
    _restrict_tolerations(spec, str(annotations.get(_TOLERATIONS) or ""), choose_quality(spec))
    settle_pod(pod)


def _set_priority(spec: Manifest, known: Mapping[str, Manifest]) -> None:
    """The plugin Priority; of a class that isn't known nothing is filled in."""
    if not spec.get("priorityClassName"):
        defaults = [name for name, one in known.items() if one.get("globalDefault")]
        if not defaults:
            fill(spec, priority=0, preemptionPolicy=_PREEMPTS)
            return
        spec["priorityClassName"] = min(defaults, key=lambda name: int(known[name].get("value", 0)))
    chosen = known.get(spec["priorityClassName"])
    if chosen is not None:
        policy = chosen.get("preemptionPolicy", _PREEMPTS)
        fill(spec, priority=chosen.get("value", 0), preemptionPolicy=policy)


def admit_claim(claim: Manifest, *, default_class: str) -> None:
    """What admission fills into a new claim: the cluster's default class, where that is known."""
    named = _OLD_STORAGE_CLASS in (claim["metadata"].get("annotations") or {})
    if default_class and not named:
        fill(claim["spec"], storageClassName=default_class)


def _mount_token(spec: Manifest) -> None:
    mounted = False
    mount = {"name": _ACCESS_VOLUME, "readOnly": True, "mountPath": _MOUNT_PATH}
    for container in (*spec.get("initContainers", ()), *(spec.get("containers") or ())):
        mounts = container.get("volumeMounts", [])
        if all(one.get("mountPath") != _MOUNT_PATH for one in mounts):
            container["volumeMounts"] = [*mounts, dict(mount)]
            mounted = True
    if mounted:
        projected = {"sources": _TOKEN_SOURCES, "defaultMode": 420}
        spec["volumes"] = [*spec.get("volumes", ()), {"name": _ACCESS_VOLUME, "projected": projected}]


def _select_nodes(spec: Manifest, selector: str) -> None:
    """The plugin PodNodeSelector: nodes that the namespace's pods run on. A pod that wants others is refused."""
    pairs = (pair.partition("=") for pair in selector.split(",") if pair.strip())
    wanted = {key.strip(): value.strip() for key, _, value in pairs}
    if wanted:
        spec["nodeSelector"] = wanted | (spec.get("nodeSelector") or {})


def _add_lasting(spec: Manifest) -> None:
    """The plugin DefaultTolerationSeconds: how long a pod stays on a node that is lost."""
    tolerations = spec.get("tolerations", [])
    for key in _TOLERATED:
        if not any(_tolerates(one, key) for one in tolerations):
            added = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            tolerations = [*tolerations, added]
    spec["tolerations"] = tolerations


def _tolerates(toleration: Manifest, key: str) -> bool:
    return toleration.get("key") in (None, "", key) and toleration.get("effect") in (None, "", "NoExecute")


def _restrict_tolerations(spec: Manifest, defaults: str, quality: str) -> None:
    """The plugin PodTolerationRestriction: what the namespace's pods tolerate, and that those with requests stay."""
    try:
        given = json.loads(defaults) if defaults else []
    except ValueError:
        given = []  # the server refuses the pod; that isn't a policy's verdict
    extra = given if isinstance(given, list) else []
    if quality != "BestEffort":
        extra = [*extra, _MEMORY_PRESSURE]
    if extra:
        spec["tolerations"] = _without_covered([*spec["tolerations"], *extra])


def _without_covered(tolerations: list[Manifest]) -> list[Manifest]:
    """Leave out what another toleration covers; of equal ones the first stays."""
    kept: list[Manifest] = []
    for position, one in enumerate(tolerations):
        later = (other for other in tolerations[position + 1 :] if other != one)
        if not any(_covers(other, one) for other in (*kept, *later)):
            kept.append(one)
    return kept


def _covers(wide: Manifest, narrow: Manifest) -> bool:
    if wide == narrow:
        return True
    exists = wide.get("operator") == "Exists"
    if wide.get("key", "") != narrow.get("key", "") and not (exists and not wide.get("key")):
        return False
    if wide.get("effect") and wide["effect"] != narrow.get("effect"):
        return False
    most, asked = wide.get("tolerationSeconds"), narrow.get("tolerationSeconds")
    if wide.get("effect") == "NoExecute" and most is not None and (asked is None or asked > most):
        return False
    same = narrow.get("operator") == "Equal" and narrow.get("value", "") == wide.get("value", "")
    return exists or (wide.get("operator", "") in ("", "Equal") and same)
