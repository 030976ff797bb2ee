"""Defaults of whole objects: what an API server fills in by kind. Sources as in fields.py."""

from __future__ import annotations

import base64
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tenantry.contract.model import NAMESPACE_NAME
from tenantry.policy.documents.model import Manifest

Change = Callable[[Manifest], None]
_MAX_INT32 = (1 << 31) - 1


def fill(part: dict[str, Any], **defaults: object) -> None:
    """Set what isn't there yet."""
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
    fill(spec, enableServiceLinks=True)


def _default_deployment(manifest: Manifest) -> None:
    spec = manifest["spec"]
    fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec["strategy"]
    fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy, rollingUpdate={})
        fill(strategy["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")


def _default_daemon_set(manifest: Manifest) -> None:
    spec = manifest["spec"]
    manifest["metadata"].setdefault("annotations", {})["deprecated.daemonset.template.generation"] = "1"
    fill(spec, revisionHistoryLimit=10)
    strategy = spec["updateStrategy"]
    fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy, rollingUpdate={})
        fill(strategy["rollingUpdate"], maxUnavailable=1, maxSurge=0)


def _default_stateful_set(manifest: Manifest) -> None:
    spec = manifest["spec"]
    fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = spec["updateStrategy"]
    if "type" not in strategy:
        strategy["type"] = "RollingUpdate"
        fill(strategy, rollingUpdate={})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        fill(strategy["rollingUpdate"], partition=0, maxUnavailable=1)
    for template in spec.get("volumeClaimTemplates", ()):
        template |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}
    fill(spec, persistentVolumeClaimRetentionPolicy={})
    fill(spec["persistentVolumeClaimRetentionPolicy"], whenDeleted="Retain", whenScaled="Retain")


def _default_replica_set(manifest: Manifest) -> None:
    fill(manifest["spec"], replicas=1)


def _default_replication_controller(manifest: Manifest) -> None:
    spec = manifest["spec"]
    fill(spec, replicas=1)
    labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    if labels:
        fill(spec, selector=labels)
        fill(manifest["metadata"], labels=labels)


def _default_job(manifest: Manifest) -> None:
    spec = manifest["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    fill(spec, parallelism=1, completionMode="NonIndexed", suspend=False, manualSelector=False)
    fill(spec, backoffLimit=_MAX_INT32 if "backoffLimitPerIndex" in spec else 6)
    fill(spec, podReplacementPolicy="Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        fill(manifest["metadata"], labels=labels)


def _default_cron_job(manifest: Manifest) -> None:
    limits = {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}
    fill(manifest["spec"], concurrencyPolicy="Allow", suspend=False, **limits)


def _default_service(manifest: Manifest) -> None:
    spec = manifest["spec"]
    fill(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif (spec.get("sessionAffinityConfig") or {}).get("clientIP", {}).get("timeoutSeconds") is None:
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    for port in spec.get("ports", ()):
        fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port["port"]
    reached = spec["type"] in ("NodePort", "LoadBalancer")
    if reached or (spec["type"] == "ClusterIP" and spec.get("externalIPs")):
        fill(spec, externalTrafficPolicy="Cluster")
    if reached or spec["type"] == "ClusterIP":
        fill(spec, internalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        fill(spec, allocateLoadBalancerNodePorts=True)


def _default_namespace(manifest: Manifest) -> None:
    name = manifest["metadata"].get("name")
    if name:
        manifest["metadata"].setdefault("labels", {})[NAMESPACE_NAME] = name
    finalizers = manifest["spec"].get("finalizers", [])
    if "kubernetes" not in finalizers:
        manifest["spec"]["finalizers"] = [*finalizers, "kubernetes"]
    manifest["status"] = {"phase": "Active"}


def _default_network_policy(manifest: Manifest) -> None:
    spec = manifest["spec"]
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _default_secret(manifest: Manifest) -> None:
    fill(manifest, type="Opaque")
    texts = manifest.pop("stringData", None)
    if texts:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}
        manifest["data"] = manifest.get("data", {}) | encoded


def _scale(*policies: tuple[str, int]) -> dict[str, Any]:
    kept = [{"type": kind, "value": value, "periodSeconds": 15} for kind, value in policies]
    return {"selectPolicy": "Max", "policies": kept}


_CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}


def _default_autoscaler(manifest: Manifest) -> None:
    spec = manifest["spec"]
    fill(spec, minReplicas=1)
    if not spec.get("metrics"):
        spec["metrics"] = [deepcopy(_CPU)]
    if "behavior" in spec:
        up = {"stabilizationWindowSeconds": 0, **_scale(("Pods", 4), ("Percent", 100))}
        for key, default in (("scaleUp", up), ("scaleDown", _scale(("Percent", 100)))):
            given = spec["behavior"].get(key) or {}
            spec["behavior"][key] = default | {name: value for name, value in given.items() if value is not None}


def _default_old_autoscaler(manifest: Manifest) -> None:
    fill(manifest["spec"], minReplicas=1, targetCPUUtilizationPercentage=80)


def _default_priority_class(manifest: Manifest) -> None:
    fill(manifest, preemptionPolicy="PreemptLowerPriority")


def _default_storage_class(manifest: Manifest) -> None:
    fill(manifest, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _default_webhooks(manifest: Manifest) -> None:
    for webhook in manifest.get("webhooks") or ():
        fill(webhook, failurePolicy="Fail", matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
        fill(webhook, timeoutSeconds=10)
        if manifest["kind"].startswith("Mutating"):
            fill(webhook, reinvocationPolicy="Never")
        for rule in webhook.get("rules", ()):
            fill(rule, scope="*")


_SOURCES = {("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")}


def _default_service_account(manifest: Manifest) -> None:
    """Of references to secrets only the name is kept."""
    if manifest.get("secrets"):
        manifest["secrets"] = [{key: one[key] for key in ("name",) if key in one} for one in manifest["secrets"]]


def _default_claim(manifest: Manifest) -> None:
    spec = manifest["spec"]
    if spec.get("dataSourceRef", {}).get("namespace"):
        spec.pop("dataSourceRef")  # the feature is off by default
    if "dataSourceRef" in spec:
        reference = spec["dataSourceRef"]
        fill(spec, dataSource={key: value for key, value in reference.items() if key != "namespace"})
    elif "dataSource" in spec:
        source = spec["dataSource"]
        if (source.get("apiGroup", ""), source.get("kind")) in _SOURCES:
            spec["dataSourceRef"] = dict(source)
        else:
            spec.pop("dataSource")
    manifest["status"] = {"phase": "Pending"}


def _default_volume(manifest: Manifest) -> None:
    manifest["status"] = {"phase": "Pending"}


OBJECT_DEFAULTS: dict[str, Change] = {
    "core/v1.Pod": _default_pod,
    "core/v1.Service": _default_service,
    "core/v1.Namespace": _default_namespace,
    "core/v1.Secret": _default_secret,
    "core/v1.ServiceAccount": _default_service_account,
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
    "scheduling/v1.PriorityClass": _default_priority_class,
    "storage/v1.StorageClass": _default_storage_class,
    "admissionregistration/v1.ValidatingWebhookConfiguration": _default_webhooks,
    "admissionregistration/v1.MutatingWebhookConfiguration": _default_webhooks,
}
"""By the name of the Go struct."""
