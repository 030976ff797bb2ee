"""Defaults of whole objects, and what admission fills in before policies see a new object.

Sources as in fields.py, and the plugins that every API server runs: ServiceAccount, Priority, DefaultTolerationSeconds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from tenantry.policy.documents.model import Manifest

Change = Callable[[Manifest], None]
_MAX_INT32 = (1 << 31) - 1


def _fill(part: dict[str, Any], **defaults: object) -> None:
    for key, value in defaults.items():
        if key not in part:
            part[key] = value


def _default_pod(pod: Manifest) -> None:
    spec = pod["spec"]
    for container in (*(spec.get("containers") or ()), *spec.get("initContainers", ())):
        limits = container["resources"].get("limits")
        if limits:
            container["resources"]["requests"] = limits | container["resources"].get("requests", {})
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    _fill(spec, enableServiceLinks=True)


def _default_deployment(manifest: Manifest) -> None:
    spec = manifest["spec"]
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec["strategy"]
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, rollingUpdate={})
        _fill(strategy["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")


def _default_daemon_set(manifest: Manifest) -> None:
    spec = manifest["spec"]
    manifest["metadata"].setdefault("annotations", {})["deprecated.daemonset.template.generation"] = "1"
    _fill(spec, revisionHistoryLimit=10)
    strategy = spec["updateStrategy"]
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, rollingUpdate={})
        _fill(strategy["rollingUpdate"], maxUnavailable=1, maxSurge=0)


def _default_stateful_set(manifest: Manifest) -> None:
    spec = manifest["spec"]
    _fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = spec["updateStrategy"]
    if "type" not in strategy:
        strategy["type"] = "RollingUpdate"
        _fill(strategy, rollingUpdate={})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        _fill(strategy["rollingUpdate"], partition=0, maxUnavailable=1)
    for template in spec.get("volumeClaimTemplates", ()):
        template |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}
    _fill(spec, persistentVolumeClaimRetentionPolicy={})
    _fill(spec["persistentVolumeClaimRetentionPolicy"], whenDeleted="Retain", whenScaled="Retain")


def _default_replica_set(manifest: Manifest) -> None:
    _fill(manifest["spec"], replicas=1)


def _default_replication_controller(manifest: Manifest) -> None:
    spec = manifest["spec"]
    _fill(spec, replicas=1)
    labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    if labels:
        _fill(spec, selector=labels)
        _fill(manifest["metadata"], labels=labels)


def _default_job(manifest: Manifest) -> None:
    spec = manifest["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    _fill(spec, parallelism=1, completionMode="NonIndexed", suspend=False, manualSelector=False)
    _fill(spec, backoffLimit=_MAX_INT32 if "backoffLimitPerIndex" in spec else 6)
    _fill(spec, podReplacementPolicy="Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        _fill(manifest["metadata"], labels=labels)


def _default_cron_job(manifest: Manifest) -> None:
    limits = {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}
    _fill(manifest["spec"], concurrencyPolicy="Allow", suspend=False, **limits)


def _default_service(manifest: Manifest) -> None:
    spec = manifest["spec"]
    _fill(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif (spec.get("sessionAffinityConfig") or {}).get("clientIP", {}).get("timeoutSeconds") is None:
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    for port in spec.get("ports", ()):
        _fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port["port"]
    reached = spec["type"] in ("NodePort", "LoadBalancer")
    if reached or (spec["type"] == "ClusterIP" and spec.get("externalIPs")):
        _fill(spec, externalTrafficPolicy="Cluster")
    if reached or spec["type"] == "ClusterIP":
        _fill(spec, internalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True)


def _default_namespace(manifest: Manifest) -> None:
    name = manifest["metadata"].get("name")
    if name:
        manifest["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    _fill(manifest["spec"], finalizers=["kubernetes"])
    manifest["status"] = {"phase": "Active"}


def _default_network_policy(manifest: Manifest) -> None:
    spec = manifest["spec"]
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _default_secret(manifest: Manifest) -> None:
    _fill(manifest, type="Opaque")
    texts = manifest.pop("stringData", None)
    if texts:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}
        manifest["data"] = manifest.get("data", {}) | encoded


_CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}


def _default_autoscaler(manifest: Manifest) -> None:
    spec = manifest["spec"]
    _fill(spec, minReplicas=1)
    if not spec.get("metrics"):
        spec["metrics"] = [deepcopy(_CPU)]


def _default_old_autoscaler(manifest: Manifest) -> None:
    _fill(manifest["spec"], minReplicas=1, targetCPUUtilizationPercentage=80)


def _default_role(manifest: Manifest) -> None:
    # A role without rules is shown without a list of them.
    manifest["rules"] = manifest.get("rules") or None


def _default_priority_class(manifest: Manifest) -> None:
    _fill(manifest, preemptionPolicy="PreemptLowerPriority")


def _default_storage_class(manifest: Manifest) -> None:
    _fill(manifest, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _default_webhooks(manifest: Manifest) -> None:
    for webhook in manifest.get("webhooks") or ():
        _fill(webhook, failurePolicy="Fail", matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
        _fill(webhook, timeoutSeconds=10)
        if manifest["kind"].startswith("Mutating"):
            _fill(webhook, reinvocationPolicy="Never")
        for rule in webhook.get("rules", ()):
            _fill(rule, scope="*")


def _default_claim(manifest: Manifest) -> None:
    manifest["status"] = {"phase": "Pending"}


def _default_volume(manifest: Manifest) -> None:
    manifest["status"] = {"phase": "Pending"}


OBJECT_DEFAULTS: dict[str, Change] = {
    "core/v1.Pod": _default_pod,
    "core/v1.Service": _default_service,
    "core/v1.Namespace": _default_namespace,
    "core/v1.Secret": _default_secret,
    "core/v1.ReplicationController": _default_replication_controller,
    "core/v1.PersistentVolumeClaim": _default_claim,
    "core/v1.PersistentVolume": _default_volume,
    "apps/v1.Deployment": _default_deployment,
    "apps/v1.DaemonSet": _default_daemon_set,
    "apps/v1.StatefulSet": _default_stateful_set,
    "apps/v1.ReplicaSet": _default_replica_set,
    "batch/v1.Job": _default_job,
    "batch/v1.CronJob": _default_cron_job,
    "networking/v1.NetworkPolicy": _default_network_policy,
    "autoscaling/v2.HorizontalPodAutoscaler": _default_autoscaler,
    "autoscaling/v1.HorizontalPodAutoscaler": _default_old_autoscaler,
    "rbac/v1.Role": _default_role,
    "rbac/v1.ClusterRole": _default_role,
    "scheduling/v1.PriorityClass": _default_priority_class,
    "storage/v1.StorageClass": _default_storage_class,
    "admissionregistration/v1.ValidatingWebhookConfiguration": _default_webhooks,
    "admissionregistration/v1.MutatingWebhookConfiguration": _default_webhooks,
}
"""By the name of the Go struct."""

_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
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


def admit_pod(pod: Manifest, *, mounts_token: bool = True, ranges: Iterable[Manifest] = ()) -> None:
    """What the admission plugins of every API server fill into a new pod.

    `mounts_token` tells whether its service account wants tokens mounted, where the pod itself doesn't say; `ranges`
    are the LimitRanges of its namespace, decoded.
    """
    spec = pod["spec"]
    fill_limits(spec, ranges)
    if not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"] = "default"
    if not spec.get("priorityClassName"):
        _fill(spec, priority=0, preemptionPolicy="PreemptLowerPriority")
    if spec.get("automountServiceAccountToken", mounts_token):
        _mount_token(spec)
    tolerations = spec.get("tolerations", [])
    for key in _TOLERATED:
        if not any(_tolerates(one, key) for one in tolerations):
            added = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            tolerations = [*tolerations, added]
    spec["tolerations"] = tolerations
    pod["status"] = {"phase": "Pending", "qosClass": _choose_quality(spec)}


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


def _choose_quality(spec: Manifest) -> str:
    """The class of service that requests and limits of CPU and memory make."""
    requests, limits, guaranteed = set(), set(), True
    for container in (*(spec.get("containers") or ()), *spec.get("initContainers", ())):
        asked, most = (container["resources"].get(key) or {} for key in ("requests", "limits"))
        for name in ("cpu", "memory"):
            requests |= {name} if asked.get(name, "0") != "0" else set()
            limits |= {name} if most.get(name, "0") != "0" else set()
            guaranteed &= name in most and asked.get(name, most[name]) == most[name]
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _tolerates(toleration: dict[str, Any], key: str) -> bool:
    return toleration.get("key") in (None, "", key) and toleration.get("effect") in (None, "", "NoExecute")
