"""Fields that an API server drops from new objects, since the features that they belong to are off by default.

Source: the functions named dropDisabled... of pkg/api/{pod,job}/util.go, and pkg/features/kube_features.go of
Kubernetes 1.37.
"""

from __future__ import annotations

GATED: dict[str, tuple[str, ...]] = {
    "core/v1.PodSpec": ("schedulingGroup", "evictionResponders"),
    "core/v1.EmptyDirVolumeSource": ("mode",),
    "core/v1.VolumeMount": ("bindMountOptions",),
    "core/v1.GRPCAction": ("mode",),
    "core/v1.HTTPGetAction": ("protocol",),
    "core/v1.SecretVolumeSource": ("defaultUser",),
    "core/v1.ConfigMapVolumeSource": ("defaultUser",),
    "core/v1.DownwardAPIVolumeSource": ("defaultUser",),
    "core/v1.ProjectedVolumeSource": ("defaultUser",),
    "core/v1.KeyToPath": ("user",),
    "core/v1.DownwardAPIVolumeFile": ("user",),
    "core/v1.ServiceAccountTokenProjection": ("user",),
    "core/v1.ClusterTrustBundleProjection": ("user",),
    "core/v1.PodCertificateProjection": ("user",),
    "batch/v1.JobSpec": ("scheduling",),
}
"""By the name of the Go struct."""
