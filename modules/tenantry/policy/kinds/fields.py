"""Defaults of parts that stand in many kinds: containers, probes, volumes, ports.

Sources: pkg/apis/{core,apps,batch,networking,rbac}/v1/defaults.go and zz_generated.defaults.go of Kubernetes 1.37. Each
function changes a part that was just decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenantry.policy.cel.library.marks import is_marked

Part = dict[str, Any]
_RBAC = "rbac.authorization.k8s.io"
_FILE_MODE = 0o644


def _fill(part: Part, **defaults: object) -> None:
    for key, value in defaults.items():
        if part.get(key) is None:
            part[key] = value


def choose_pull_policy(image: str) -> str:
    """Always where the tag is latest or there is none, and no digest pins the image."""
    name, at, _ = image.partition("@")
    tail = name.rsplit("/", 1)[-1]
    _, colon, tag = tail.partition(":")
    if not image or (at and not colon):
        return "IfNotPresent"
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def _default_container(part: Part) -> None:
    if "imagePullPolicy" not in part:
        image = part.get("image", "")
        part["imagePullPolicy"] = image if is_marked(image) else choose_pull_policy(image)
    _fill(part, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    if "stopSignal" in part.get("lifecycle", {}):
        # Dropped, and with it what is empty then, for the feature is off by default.
        part["lifecycle"].pop("stopSignal")
        if not part["lifecycle"]:
            part.pop("lifecycle")


def _default_pod_spec(part: Part) -> None:
    account = part.get("serviceAccountName") or part.get("serviceAccount")
    if account:
        part["serviceAccountName"] = part["serviceAccount"] = account
    else:
        part.pop("serviceAccount", None)
    _fill(part, dnsPolicy="ClusterFirst", restartPolicy="Always", schedulerName="default-scheduler")
    _fill(part, terminationGracePeriodSeconds=30)
    if "securityContext" not in part:
        part["securityContext"] = {}
    if part.get("hostNetwork"):
        for container in (*(part.get("containers") or ()), *part.get("initContainers", ())):
            for port in container.get("ports", ()):
                _fill(port, hostPort=port["containerPort"])


def _default_probe(part: Part) -> None:
    _fill(part, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)


def _default_http(part: Part) -> None:
    _fill(part, path="/", scheme="HTTP")


def _default_volume(part: Part) -> None:
    if part.keys() <= {"name"}:
        part["emptyDir"] = {}
    image = part.get("image")
    if image is not None and "pullPolicy" not in image:
        image["pullPolicy"] = choose_pull_policy(image.get("reference", ""))


def _default_subject(part: Part) -> None:
    if part.get("kind") in ("User", "Group"):
        _fill(part, apiGroup=_RBAC)


def _default_limit_range_item(part: Part) -> None:
    if part.get("type") != "Container":
        return
    default = part.get("max", {}) | part.get("default", {})
    request = part.get("min", {}) | default | part.get("defaultRequest", {})
    part |= {key: value for key, value in (("default", default), ("defaultRequest", request)) if value}


def _setter(**defaults: object) -> Callable[[Part], None]:
    return lambda part: _fill(part, **defaults)


def _default_role_ref(part: Part) -> None:
    if not part.get("apiGroup"):
        part["apiGroup"] = _RBAC


_MODE = _setter(defaultMode=_FILE_MODE)
_TCP = _setter(protocol="TCP")

FIELD_DEFAULTS: dict[str, Callable[[Part], None]] = {
    "core/v1.Container": _default_container,
    "core/v1.EphemeralContainer": _default_container,
    "core/v1.PodSpec": _default_pod_spec,
    "core/v1.Probe": _default_probe,
    "core/v1.HTTPGetAction": _default_http,
    "core/v1.GRPCAction": _setter(service=""),
    "core/v1.ContainerPort": _TCP,
    "core/v1.Volume": _default_volume,
    "core/v1.SecretVolumeSource": _MODE,
    "core/v1.ConfigMapVolumeSource": _MODE,
    "core/v1.DownwardAPIVolumeSource": _MODE,
    "core/v1.ProjectedVolumeSource": _MODE,
    "core/v1.HostPathVolumeSource": _setter(type=""),
    "core/v1.ServiceAccountTokenProjection": _setter(expirationSeconds=3600),
    "core/v1.ObjectFieldSelector": _setter(apiVersion="v1"),
    "core/v1.FileKeySelector": _setter(optional=False),
    "core/v1.ISCSIVolumeSource": _setter(iscsiInterface="default"),
    "core/v1.RBDVolumeSource": _setter(pool="rbd", user="admin", keyring="/etc/ceph/keyring"),
    "core/v1.AzureDiskVolumeSource": _setter(cachingMode="ReadWrite", fsType="ext4", readOnly=False, kind="Shared"),
    "core/v1.ScaleIOVolumeSource": _setter(storageMode="ThinProvisioned", fsType="xfs"),
    "core/v1.PersistentVolumeClaimSpec": _setter(volumeMode="Filesystem"),
    "core/v1.PersistentVolumeSpec": _setter(persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem"),
    "core/v1.LimitRangeItem": _default_limit_range_item,
    "core/v1.EndpointPort": _TCP,
    "networking/v1.NetworkPolicyPort": _TCP,
    "rbac/v1.Subject": _default_subject,
    "rbac/v1.RoleRef": _default_role_ref,
    "batch/v1.PodFailurePolicyOnPodConditionsPattern": _setter(status="True"),
}
"""By the name of the Go struct."""
