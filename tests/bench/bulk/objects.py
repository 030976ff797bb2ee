"""Mixed objects as a department's repositories hold them: three in five with a pod, one in eight with a flaw."""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import yaml

Manifest = dict[str, Any]

SEED = 11
_DIGEST = "sha256:" + "3f" * 32
_APPS = ("portal", "intake", "ledger", "archive", "search", "mailer", "reports", "gateway")
_WORKLOADS = ("Deployment", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")
_OTHERS = ("Service", "ConfigMap", "ServiceAccount", "RoleBinding")
_LABELS = {"app.kubernetes.io/part-of": "casework", "app.kubernetes.io/managed-by": "kustomize"}


class _Plain(yaml.CSafeDumper):
    """Writes what stands in two places twice, as people do."""

    def ignore_aliases(self, data: object) -> bool:
        """Nothing is an alias."""
        return True


def write_objects(count: int) -> Iterator[str]:
    """Give the documents of so many objects as YAML, the same ones each time."""
    chance = random.Random(SEED)
    for number in range(count):
        chosen = chance.choice(_WORKLOADS) if chance.random() < 0.6 else chance.choice(_OTHERS)
        app = f"{chance.choice(_APPS)}-{number}"
        # Only a pod can have a flaw, and three in five objects have one.
        manifest = _make(chosen, app, chance, flawed=chance.random() < 0.125 / 0.6)
        yield "---\n" + yaml.dump(manifest, Dumper=_Plain, sort_keys=False)


def _make(kind: str, app: str, chance: random.Random, *, flawed: bool) -> Manifest:
    metadata = {"name": app, "namespace": "casework", "labels": {"app.kubernetes.io/name": app, **_LABELS}}
    if kind in _OTHERS:
        return _other(kind, app, metadata)
    pod = _pod(app, chance)
    if flawed:
        chance.choice(_FLAWS)(pod)
    template = {"metadata": {"labels": metadata["labels"]}, "spec": pod}
    selector = {"matchLabels": {"app.kubernetes.io/name": app}}
    version, spec = {
        "Pod": ("v1", pod),
        "Deployment": ("apps/v1", {"replicas": chance.randint(1, 6), "selector": selector, "template": template}),
        "StatefulSet": ("apps/v1", {"serviceName": app, "replicas": 3, "selector": selector, "template": template}),
        "DaemonSet": ("apps/v1", {"selector": selector, "template": template}),
        "Job": ("batch/v1", {"backoffLimit": 2, "template": template}),
        "CronJob": ("batch/v1", {"schedule": "15 3 * * *", "jobTemplate": {"spec": {"template": template}}}),
    }[kind]
    if kind in ("Job", "CronJob"):
        pod["restartPolicy"] = "Never"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _pod(app: str, chance: random.Random) -> Manifest:
    containers = [_container(name, chance) for name in (app, "proxy")[: chance.choice((1, 1, 1, 2))]]
    return {
        "serviceAccountName": app,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": containers,
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def _container(name: str, chance: random.Random) -> Manifest:
    cpu, memory = f"{chance.choice((50, 100, 250))}m", f"{chance.choice((64, 128, 512))}Mi"
    probe = {"httpGet": {"path": "/healthz", "port": 8080}}
    return {
        "name": name,
        "image": f"registry.gov.example/casework/{name}@{_DIGEST}",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}},
        "livenessProbe": probe,
        "readinessProbe": deepcopy(probe),
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _other(kind: str, app: str, metadata: Manifest) -> Manifest:
    version, body = {
        "Service": ("v1", {"spec": {"selector": {"app.kubernetes.io/name": app}, "ports": [{"port": 80}]}}),
        "ConfigMap": ("v1", {"data": {"mode": "strict", "upstream": f"http://{app}:8080", "retries": "3"}}),
        "ServiceAccount": ("v1", {"automountServiceAccountToken": False}),
        "RoleBinding": (
            "rbac.authorization.k8s.io/v1",
            {
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{app}-reader"},
                "subjects": [{"kind": "ServiceAccount", "name": app, "namespace": "casework"}],
            },
        ),
    }[kind]
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def _set(path: str, value: object) -> Callable[[Manifest], None]:
    """Give a flaw: a value somewhere in a pod's first container."""

    def change(pod: Manifest) -> None:
        part: Manifest = pod["containers"][0]
        *way, last = path.split(".")
        for key in way:
            part = part[key]
        part[last] = value

    return change


def _share_host(pod: Manifest) -> None:
    pod["hostNetwork"] = True


def _mount_host(pod: Manifest) -> None:
    pod["volumes"].append({"name": "host", "hostPath": {"path": "/var/run"}})


def _forget_user(pod: Manifest) -> None:
    pod["securityContext"].pop("runAsNonRoot")


def _forget_seccomp(pod: Manifest) -> None:
    pod["securityContext"].pop("seccompProfile")


_FLAWS = (
    _set("securityContext.privileged", True),
    _set("securityContext.allowPrivilegeEscalation", None),
    _set("securityContext.readOnlyRootFilesystem", False),
    _set("securityContext.capabilities", {"add": ["SYS_ADMIN"]}),
    _set("image", "registry.gov.example/casework/app:latest"),
    _set("resources", {"requests": {"cpu": "100m"}}),
    _share_host,
    _mount_host,
    _forget_user,
    _forget_seccomp,
)
