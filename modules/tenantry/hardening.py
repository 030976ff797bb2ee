"""How every etcd and control plane of ours is hardened: the sandbox's, and a site's of hosts. Nothing else says it.

Each is flags by name, with underscores for hyphens. Source: CIS Kubernetes Benchmark 1.11, sections 1 and 2.
"""

from collections.abc import Mapping
from typing import Any

Flags = Mapping[str, object]

FRONT_PROXY = "front-proxy"
"""The name under which the API server calls aggregated servers for its users."""

ETCD: Flags = {
    "client_cert_auth": "true",
    "peer_client_cert_auth": "true",
    "tls_min_version": "TLS1.2",
    "log_level": "warn",
}

APISERVER: Flags = {
    "anonymous_auth": "false",
    "authorization_mode": "Node,RBAC",
    # As kubeadm does: Pod Security and the baseline's policies decide, namespace by namespace, and say why.
    "allow_privileged": "true",
    "enable_admission_plugins": (
        "NamespaceLifecycle,NodeRestriction,LimitRanger,ServiceAccount,PodSecurity,Priority,ResourceQuota,"
        "RuntimeClass,ValidatingAdmissionPolicy,ValidatingAdmissionWebhook,MutatingAdmissionWebhook,"
        # The last two keep a class of tenants on its own pool of nodes, and others off it.
        "DenyServiceExternalIPs,PodNodeSelector,PodTolerationRestriction"
    ),
    "requestheader_allowed_names": FRONT_PROXY,
    "requestheader_username_headers": "X-Remote-User",
    "requestheader_group_headers": "X-Remote-Group",
    "requestheader_extra_headers_prefix": "X-Remote-Extra-",
    "service_account_lookup": "true",
    "tls_min_version": "VersionTLS12",
    "profiling": "false",
    "audit_log_maxage": 30,
    "audit_log_maxbackup": 10,
    "audit_log_maxsize": 100,
}

CONTROLLER_MANAGER: Flags = {
    "bind_address": "127.0.0.1",
    "use_service_account_credentials": "true",
    "tls_min_version": "VersionTLS12",
    "profiling": "false",
    # Hundreds of namespaces at once wait for their service accounts at the default of 20 requests a second.
    "kube_api_qps": 200,
    "kube_api_burst": 400,
}

SCHEDULER: Flags = {"bind_address": "127.0.0.1", "tls_min_version": "VersionTLS12", "profiling": "false"}

# The log says who did what to which object. Contents are kept for access rules alone: never for what holds secrets.
AUDIT_POLICY: Mapping[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi/*"]},
        {
            "level": "Metadata",
            "resources": [
                {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
            ],
        },
        {
            "level": "Request",
            "verbs": ["create", "update", "patch", "delete", "deletecollection"],
            "resources": [
                {"group": "rbac.authorization.k8s.io"},
                {"group": "admissionregistration.k8s.io"},
            ],
        },
        {"level": "Metadata"},
    ],
}

ENCRYPTED = ("secrets",)
"""What the API server encrypts before etcd has it."""


def by_name(*layers: Flags) -> dict[str, str]:
    """Give flags by their names on a command line; a later layer's go before those of the same name."""
    return {name.replace("_", "-"): str(value) for layer in layers for name, value in layer.items()}


def to_flags(*layers: Flags) -> tuple[str, ...]:
    """Write flags as a command line has them; a later layer's go before those of the same name."""
    return tuple(f"--{name}={value}" for name, value in by_name(*layers).items())


def admission(minor: str) -> dict[str, Any]:
    """Give the Pod Security defaults for namespaces that say nothing: baseline holds, what isn't restricted warns.

    `minor` is Kubernetes' version, such as 1.37.
    """
    defaults: dict[str, str] = {}
    for mode, level in (("enforce", "baseline"), ("audit", "restricted"), ("warn", "restricted")):
        defaults |= {mode: level, f"{mode}-version": f"v{minor}"}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [
            {
                "name": "PodSecurity",
                "configuration": {
                    "apiVersion": "pod-security.admission.config.k8s.io/v1",
                    "kind": "PodSecurityConfiguration",
                    "defaults": defaults,
                    "exemptions": {"namespaces": ["kube-system"]},
                },
            }
        ],
    }


def authentication() -> dict[str, Any]:
    """Give what an API server knows of pipelines' tokens at first: none."""
    return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwt": []}


def encryption(name: str, secret: str) -> dict[str, Any]:
    """Give what the API server encrypts, by a key of 32 bytes in base64; what isn't encrypted yet stays readable."""
    key = {"name": name, "secret": secret}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": [*ENCRYPTED], "providers": [{"secretbox": {"keys": [key]}}, {"identity": {}}]}],
    }
